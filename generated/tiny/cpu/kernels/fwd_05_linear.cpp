// fwd_05_linear: linear. Emitted by mlac: edit the model, not this file.
// model.ts:23   const shared = expand(linear(x, p.kRope), "H"); // one rotary key for all heads
// reads  rmsnorm_attnNorm [B T D], kRope [D R]
// writes linear_kRope [B T R]
// 16.8 MFLOP, 2.4 MB in float32, 7.1 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t R = 16;

}  // namespace

void fwd_05_linear(const real* rmsnorm_attnNorm, const real* kRope, real* __restrict linear_kRope) {
  const Range range("fwd_05_linear");
  const auto a = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return rmsnorm_attnNorm[m * D + k]; };
  });
  const auto b = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return kRope[k * R + n]; };
  });

  const Grid grid{1, B * T, R, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* linear_kRope_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * R + n + j;
      linear_kRope[at] = linear_kRope_sum[j];
    }
  };
  contract<1>(grid, epilogue, product<0>(D, a, b));
}

}  // namespace mlac
