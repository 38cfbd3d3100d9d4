// bwd_29_linearGradW: linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:23   const shared = expand(linear(x, p.kRope), "H"); // one rotary key for all heads
// reads  rmsnorm_attnNorm [B T D], sumOver [B T R]
// writes d_kRope [D R]
// 16.8 MFLOP, 2.4 MB in float32, 7.1 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t R = 16;

}  // namespace

void bwd_29_linearGradW(const real* rmsnorm_attnNorm, const real* sumOver, real* __restrict d_kRope) {
  const Range range("bwd_29_linearGradW");
  const auto a = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return rmsnorm_attnNorm[k * D + m]; };
  });
  const auto b = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return sumOver[k * R + n]; };
  });

  const Grid grid{1, D, R, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* d_kRope_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * R + n + j;
      d_kRope[at] += d_kRope_sum[j];
    }
  };
  contract<1>(grid, epilogue, product<0>(B * T, a, b));
}

}  // namespace mlac
