// bwd_18_linearGradW_dispatch: dispatch, linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:39   const rows = dispatch(x, routing); // [E rows D]: the tokens of each expert
// model.ts:40   const routed = linear(swiglu(linear(rows, p.gate), linear(rows, p.up)), p.down);
// reads  rmsnorm_ffnNorm [B T D], source [rows] i32, swiglu_grad_up [E rows F], offsets [E+1] i32, swiglu_grad_gate [E rows F]
// writes d_up [E D F], d_gate [E D F]
// 268 MFLOP, 3.7 MB, 72 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t rows = 8192;  // of all experts together
constexpr int64_t F = 64;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  float* d_up;
  float* d_gate;

  __device__ void operator()(int group, int64_t m, int64_t n, int count, const Run (&sums)[2]) const {
    if (count == 0) return;
    const int64_t at = (group * D + m) * F + n;
    Run d_up_run = load<true>(d_up + at);
    Run d_gate_run = load<true>(d_gate + at);
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      d_up_run[j] += sums[0][j];
      d_gate_run[j] += sums[1][j];
    }
    store<true>(d_up + at, d_up_run);
    store<true>(d_gate + at, d_gate_run);
  }
};

using Shape = Contraction<Kind::ragged_k, Major::own, Major::own, 2, 1, true, true, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("bwd_18_linearGradW_dispatch", ways_of<Shape>(F, false));

}  // namespace

void bwd_18_linearGradW_dispatch(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const int32_t* source, const bf16* swiglu_grad_up, const int32_t* offsets, const bf16* swiglu_grad_gate, float* d_up, float* d_gate) {
  const Range range(stream, "bwd_18_linearGradW_dispatch");
  const Product<2> products[] = {
      {0, {rmsnorm_ffnNorm, rows, D, 0, source, 2, B * T}, {{swiglu_grad_up, rows, F}, {swiglu_grad_gate, rows, F}}},  // rmsnorm_ffnNorm[source / 2] · swiglu_grad_up, rmsnorm_ffnNorm[source / 2] · swiglu_grad_gate
  };
  const Extent extent{8, D, F, offsets};
  const Epilogue epilogue{d_up, d_gate};
  launched(contract<Shape>(stream, extent, products, epilogue, choice));
}

}  // namespace mlac
