// bwd_33_linearGradW: linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:31   linear(swiglu(linear(x, p.gate), linear(x, p.up)), p.down));
// reads  swiglu [B T W], d_x [B T D]
// writes d_down [W D]
// 403 MFLOP, 8.6 MB in float32, 47 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t W = 384;
constexpr int64_t D = 128;

}  // namespace

void bwd_33_linearGradW(const real* swiglu, const real* d_x, real* __restrict d_down) {
  const Range range("bwd_33_linearGradW");
  const auto a = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return swiglu[k * W + m]; };
  });
  const auto b = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return d_x[k * D + n]; };
  });

  const Grid grid{1, W, D, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* d_down_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * D + n + j;
      d_down[at] += d_down_sum[j];
    }
  };
  contract<1>(grid, epilogue, product<0>(B * T, a, b));
}

}  // namespace mlac
