// bwd_06_linearGradX_swigluGradGate_swigluGradUp: linearGradX, swigluGradGate, swigluGradUp. Emitted by mlac: edit the model, not this file.
// model.ts:41   const shared = linear(swiglu(linear(x, p.sharedGate), linear(x, p.sharedUp)), p.sharedDown);
// reads  d_x [B T D], sharedDown [S D], linear_sharedGate [B T S], linear_sharedUp [B T S]
// writes swiglu_grad_gate [B T S], swiglu_grad_up [B T S]
// 142 MFLOP, 10.6 MB in float32, 13 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t S = 128;

}  // namespace

void bwd_06_linearGradX_swigluGradGate_swigluGradUp(const real* d_x, const real* sharedDown, const real* linear_sharedGate, const real* linear_sharedUp, real* __restrict swiglu_grad_gate, real* __restrict swiglu_grad_up) {
  const Range range("bwd_06_linearGradX_swigluGradGate_swigluGradUp");
  const auto a = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return d_x[m * D + k]; };
  });
  const auto b = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return sharedDown[n * D + k]; };
  });

  const Grid grid{1, B * T, S, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* linear_grad_x_sharedDown_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * S + n + j;
      const real swiglu_grad_gate_at = linear_grad_x_sharedDown_sum[j] * linear_sharedUp[at] * mlac::silu_grad(linear_sharedGate[at]);
      swiglu_grad_gate[at] = swiglu_grad_gate_at;
      const real swiglu_grad_up_at = linear_grad_x_sharedDown_sum[j] * mlac::silu(linear_sharedGate[at]);
      swiglu_grad_up[at] = swiglu_grad_up_at;
    }
  };
  contract<1>(grid, epilogue, product<0>(D, a, b));
}

}  // namespace mlac
