// decode_18_linear_swiglu_add: swiglu, linear, add. Emitted by mlac: edit the model, not this file.
// model.ts:31   linear(swiglu(linear(x, p.gate), linear(x, p.up)), p.down));
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  linear_gate [B W], linear_up [B W], down [W D], add [B D]
// writes x [B D]
// 803 kFLOP, 229 kB in float32, 3.5 FLOP a byte
#include "../lib/kernel.h"
#include "../lib/few_rows.h"

namespace mlac {

namespace {

constexpr int64_t B = 8;
constexpr int64_t W = 384;
constexpr int64_t D = 128;

}  // namespace

void decode_18_linear_swiglu_add(const real* linear_gate, const real* linear_up, const real* down, const real* add, real* __restrict x) {
  const Range range("decode_18_linear_swiglu_add");
  const auto a = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return (mlac::silu(linear_gate[m * W + k]) * linear_up[m * W + k]); };
  });
  const auto b = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return down[k * D + n]; };
  });

  const Grid grid{1, B, D, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* linear_down_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * D + n + j;
      const real x_at = add[at] + linear_down_sum[j];
      x[at] = x_at;
    }
  };
  contract_few<1>(grid, epilogue, product<0>(W, a, b));
}

}  // namespace mlac
