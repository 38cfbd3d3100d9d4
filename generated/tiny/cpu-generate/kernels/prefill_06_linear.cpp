// prefill_06_linear: linear. Emitted by mlac: edit the model, not this file.
// model.ts:24   const q = rmsnorm(linear(x, p.q), p.qNorm);
// reads  rmsnorm_attnNorm [B T D], q [D H N+R]
// writes linear_q [B T H N+R]
// 6.3 MFLOP, 262 kB in float32, 24 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t D = 128;
constexpr int64_t H = 4;
constexpr int64_t N_R = 48;  // N+R

}  // namespace

void prefill_06_linear(const real* rmsnorm_attnNorm, const real* q, real* __restrict linear_q) {
  const Range range("prefill_06_linear");
  const auto a = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return rmsnorm_attnNorm[m * D + k]; };
  });
  const auto b = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return q[k * H * N_R + n]; };
  });

  const Grid grid{1, B * T, H * N_R, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* linear_q_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * (H * N_R) + n + j;
      linear_q[at] = linear_q_sum[j];
    }
  };
  contract<1>(grid, epilogue, product<0>(D, a, b));
}

}  // namespace mlac
