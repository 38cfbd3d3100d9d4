// fwd_14_linear_add: linear, add. Emitted by mlac: edit the model, not this file.
// model.ts:31   linear(swiglu(linear(x, p.gate), linear(x, p.up)), p.down));
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  swiglu [B T W], down [W D], add [B T D]
// writes x [B T D]
// 403 MFLOP, 10.7 MB in float32, 38 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t W = 384;
constexpr int64_t D = 128;

}  // namespace

void fwd_14_linear_add(const real* swiglu, const real* down, const real* add, real* __restrict x) {
  const Range range("fwd_14_linear_add");
  const auto a = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return swiglu[m * W + k]; };
  });
  const auto b = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return down[k * D + n]; };
  });

  const Grid grid{1, B * T, D, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* linear_down_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * D + n + j;
      const real x_at = add[at] + linear_down_sum[j];
      x[at] = x_at;
    }
  };
  contract<1>(grid, epilogue, product<0>(W, a, b));
}

}  // namespace mlac
