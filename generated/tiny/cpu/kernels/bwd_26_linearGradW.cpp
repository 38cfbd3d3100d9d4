// bwd_26_linearGradW: linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:24   const q = rmsnorm(linear(x, p.q), p.qNorm);
// reads  rmsnorm_attnNorm [B T D], rmsnorm_grad_x_qNorm [B T H N+R]
// writes d_q [D H N+R]
// 201 MFLOP, 5.3 MB in float32, 38 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t H = 4;
constexpr int64_t N_R = 48;  // N+R

}  // namespace

void bwd_26_linearGradW(const real* rmsnorm_attnNorm, const real* rmsnorm_grad_x_qNorm, real* __restrict d_q) {
  const Range range("bwd_26_linearGradW");
  const auto a = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return rmsnorm_attnNorm[k * D + m]; };
  });
  const auto b = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return rmsnorm_grad_x_qNorm[k * H * N_R + n]; };
  });

  const Grid grid{1, D, H * N_R, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* d_q_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * (H * N_R) + n + j;
      d_q[at] += d_q_sum[j];
    }
  };
  contract<1>(grid, epilogue, product<0>(B * T, a, b));
}

}  // namespace mlac
