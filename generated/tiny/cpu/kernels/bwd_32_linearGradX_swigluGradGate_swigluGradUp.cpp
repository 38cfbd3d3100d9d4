// bwd_32_linearGradX_swigluGradGate_swigluGradUp: linearGradX, swigluGradGate, swigluGradUp. Emitted by mlac: edit the model, not this file.
// model.ts:31   linear(swiglu(linear(x, p.gate), linear(x, p.up)), p.down));
// reads  d_x [B T D], down [W D], linear_gate [B T W], linear_up [B T W]
// writes swiglu_grad_gate [B T W], swiglu_grad_up [B T W]
// 425 MFLOP, 27.5 MB in float32, 15 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t W = 384;

}  // namespace

void bwd_32_linearGradX_swigluGradGate_swigluGradUp(const real* d_x, const real* down, const real* linear_gate, const real* linear_up, real* __restrict swiglu_grad_gate, real* __restrict swiglu_grad_up) {
  const Range range("bwd_32_linearGradX_swigluGradGate_swigluGradUp");
  const auto a = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return d_x[m * D + k]; };
  });
  const auto b = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return down[n * D + k]; };
  });

  const Grid grid{1, B * T, W, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* linear_grad_x_down_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * W + n + j;
      const real swiglu_grad_gate_at = linear_grad_x_down_sum[j] * linear_up[at] * mlac::silu_grad(linear_gate[at]);
      swiglu_grad_gate[at] = swiglu_grad_gate_at;
      const real swiglu_grad_up_at = linear_grad_x_down_sum[j] * mlac::silu(linear_gate[at]);
      swiglu_grad_up[at] = swiglu_grad_up_at;
    }
  };
  contract<1>(grid, epilogue, product<0>(D, a, b));
}

}  // namespace mlac
