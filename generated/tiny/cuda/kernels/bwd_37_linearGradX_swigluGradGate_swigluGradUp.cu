// bwd_37_linearGradX_swigluGradGate_swigluGradUp: linearGradX, swigluGradGate, swigluGradUp. Emitted by mlac: edit the model, not this file.
// model.ts:31   linear(swiglu(linear(x, p.gate), linear(x, p.up)), p.down));
// reads  d_x [B T D], down [W D], linear_gate [B T W], linear_up [B T W]
// writes swiglu_grad_gate [B T W], swiglu_grad_up [B T W]
// 425 MFLOP, 13.7 MB, 31 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t W = 384;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  const bf16* linear_gate;
  const bf16* linear_up;
  bf16* swiglu_grad_gate;
  bf16* swiglu_grad_up;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count == 0) return;
    const int64_t at = m * W + n;
    Run linear_gate_run = load<true>(linear_gate + at);
    Run linear_up_run = load<true>(linear_up + at);
    Run swiglu_grad_gate_run;
    Run swiglu_grad_up_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      const real swiglu_grad_gate_j = sums[0][j] * linear_up_run[j] * mlac::silu_grad(linear_gate_run[j]);
      swiglu_grad_gate_run[j] = swiglu_grad_gate_j;
      const real swiglu_grad_up_j = sums[0][j] * mlac::silu(linear_gate_run[j]);
      swiglu_grad_up_run[j] = swiglu_grad_up_j;
    }
    store<true>(swiglu_grad_gate + at, swiglu_grad_gate_run);
    store<true>(swiglu_grad_up + at, swiglu_grad_up_run);
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::k, 1, 1, true, false, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("bwd_37_linearGradX_swigluGradGate_swigluGradUp", ways_of<Shape>(W, false));

}  // namespace

void bwd_37_linearGradX_swigluGradGate_swigluGradUp(cudaStream_t stream, const bf16* d_x, const bf16* down, const bf16* linear_gate, const bf16* linear_up, bf16* swiglu_grad_gate, bf16* swiglu_grad_up) {
  const Range range(stream, "bwd_37_linearGradX_swigluGradGate_swigluGradUp");
  const Product<1> products[] = {
      {D, {d_x, B * T, D}, {{down, W, D}}},  // d_x · down
  };
  const Extent extent{1, B * T, W, nullptr};
  const Epilogue epilogue{linear_gate, linear_up, swiglu_grad_gate, swiglu_grad_up};
  launched(contract<Shape>(stream, extent, products, epilogue, choice));
}

}  // namespace mlac
