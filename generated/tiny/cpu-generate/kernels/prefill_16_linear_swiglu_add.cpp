// prefill_16_linear_swiglu_add: swiglu, linear, add. Emitted by mlac: edit the model, not this file.
// model.ts:31   linear(swiglu(linear(x, p.gate), linear(x, p.up)), p.down));
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  linear_gate [B T W], linear_up [B T W], down [W D], add [B T D]
// writes x [B T D]
// 12.8 MFLOP, 721 kB in float32, 18 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t W = 384;
constexpr int64_t D = 128;

}  // namespace

void prefill_16_linear_swiglu_add(const real* linear_gate, const real* linear_up, const real* down, const real* add, real* __restrict x) {
  const Range range("prefill_16_linear_swiglu_add");
  const auto a = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return (mlac::silu(linear_gate[m * W + k]) * linear_up[m * W + k]); };
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
