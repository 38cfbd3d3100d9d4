// bwd_08_linearGradX_dispatch_swigluGradGate: dispatch, linearGradX, swigluGradGate, swigluGradUp. Emitted by mlac: edit the model, not this file.
// model.ts:40   const routed = linear(swiglu(linear(rows, p.gate), linear(rows, p.up)), p.down);
// model.ts:42   return add(combine(routed, routing), shared);
// reads  d_x [B T D], source [rows] i32, gates [B T topK], down [E F D], offsets [E+1] i32, linear_gate [E rows F], linear_up [E rows F]
// writes swiglu_grad_gate [E rows F], swiglu_grad_up [E rows F]
// 143 MFLOP, 10.8 MB in float32, 13 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t D = 128;
constexpr int64_t rows = 8192;  // of all experts together
constexpr int64_t F = 64;

}  // namespace

void bwd_08_linearGradX_dispatch_swigluGradGate(const real* d_x, const int32_t* source, const real* gates, const real* down, const int32_t* offsets, const real* linear_gate, const real* linear_up, real* __restrict swiglu_grad_gate, real* __restrict swiglu_grad_up) {
  const Range range("bwd_08_linearGradX_dispatch_swigluGradGate");
  const auto a = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return (gates[source[m]] * d_x[(source[m] / 2) * D + k]); };
  });
  const auto b = operand<Along::rows>([=](int64_t group, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return down[group * (F * D) + n * D + k]; };
  });

  const Grid grid{8, rows, F, offsets, Grid::ragged_m};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* linear_grad_x_down_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * F + n + j;
      const real swiglu_grad_gate_at = linear_grad_x_down_sum[j] * linear_up[at] * mlac::silu_grad(linear_gate[at]);
      swiglu_grad_gate[at] = swiglu_grad_gate_at;
      const real swiglu_grad_up_at = linear_grad_x_down_sum[j] * mlac::silu(linear_gate[at]);
      swiglu_grad_up[at] = swiglu_grad_up_at;
    }
  };
  contract<1>(grid, epilogue, product<0>(D, a, b));
}

}  // namespace mlac
