// bwd_07_linearGradW_swiglu: swiglu, linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:41   const shared = linear(swiglu(linear(x, p.sharedGate), linear(x, p.sharedUp)), p.sharedDown);
// reads  linear_sharedGate [B T S], linear_sharedUp [B T S], d_x [B T D]
// writes d_sharedDown [S D]
// 137 MFLOP, 6.4 MB in float32, 22 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t S = 128;
constexpr int64_t D = 128;

}  // namespace

void bwd_07_linearGradW_swiglu(const real* linear_sharedGate, const real* linear_sharedUp, const real* d_x, real* __restrict d_sharedDown) {
  const Range range("bwd_07_linearGradW_swiglu");
  const auto a = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return (mlac::silu(linear_sharedGate[k * S + m]) * linear_sharedUp[k * S + m]); };
  });
  const auto b = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return d_x[k * D + n]; };
  });

  const Grid grid{1, S, D, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* d_sharedDown_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * D + n + j;
      d_sharedDown[at] += d_sharedDown_sum[j];
    }
  };
  contract<1>(grid, epilogue, product<0>(B * T, a, b));
}

}  // namespace mlac
