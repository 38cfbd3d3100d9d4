// bwd_05_linearGradX_swiglu_swigluGradGate: linearGradX, swiglu, swigluGradGate, swigluGradUp. Emitted by mlac: edit the model, not this file.
// model.ts:41   const shared = linear(swiglu(linear(x, p.sharedGate), linear(x, p.sharedUp)), p.sharedDown);
// reads  d_x [B T D], sharedDown [S D], linear_sharedGate [B T S], linear_sharedUp [B T S]
// writes swiglu [B T S], swiglu_grad_gate [B T S], swiglu_grad_up [B T S]
// 144 MFLOP, 6.3 MB, 23 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t S = 128;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  const bf16* linear_sharedGate;
  const bf16* linear_sharedUp;
  bf16* swiglu;
  bf16* swiglu_grad_gate;
  bf16* swiglu_grad_up;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count == 0) return;
    const int64_t at = m * S + n;
    Run linear_sharedGate_run = load<true>(linear_sharedGate + at);
    Run linear_sharedUp_run = load<true>(linear_sharedUp + at);
    Run swiglu_run;
    Run swiglu_grad_gate_run;
    Run swiglu_grad_up_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      const real swiglu_j = mlac::silu(linear_sharedGate_run[j]) * linear_sharedUp_run[j];
      swiglu_run[j] = swiglu_j;
      const real swiglu_grad_gate_j = sums[0][j] * linear_sharedUp_run[j] * mlac::silu_grad(linear_sharedGate_run[j]);
      swiglu_grad_gate_run[j] = swiglu_grad_gate_j;
      const real swiglu_grad_up_j = sums[0][j] * mlac::silu(linear_sharedGate_run[j]);
      swiglu_grad_up_run[j] = swiglu_grad_up_j;
    }
    store<true>(swiglu + at, swiglu_run);
    store<true>(swiglu_grad_gate + at, swiglu_grad_gate_run);
    store<true>(swiglu_grad_up + at, swiglu_grad_up_run);
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::k, 1, 1, true, false, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("bwd_05_linearGradX_swiglu_swigluGradGate", ways_of<Shape>(S, false));

}  // namespace

void bwd_05_linearGradX_swiglu_swigluGradGate(cudaStream_t stream, const bf16* d_x, const bf16* sharedDown, const bf16* linear_sharedGate, const bf16* linear_sharedUp, bf16* swiglu, bf16* swiglu_grad_gate, bf16* swiglu_grad_up) {
  const Range range(stream, "bwd_05_linearGradX_swiglu_swigluGradGate");
  const Product<1> products[] = {
      {D, {d_x, B * T, D}, {{sharedDown, S, D}}},  // d_x · sharedDown
  };
  const Extent extent{1, B * T, S, nullptr};
  const Epilogue epilogue{linear_sharedGate, linear_sharedUp, swiglu, swiglu_grad_gate, swiglu_grad_up};
  launched(contract<Shape>(stream, extent, products, epilogue, choice));
}

}  // namespace mlac
