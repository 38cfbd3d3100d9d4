// bwd_40_linearGradW: linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:31   linear(swiglu(linear(x, p.gate), linear(x, p.up)), p.down));
// reads  rmsnorm_ffnNorm [B T D], swiglu_grad_up [B T W], swiglu_grad_gate [B T W]
// writes d_up [D W], d_gate [D W]
// 805 MFLOP, 7.7 MB, 1.0e+2 FLOP a byte
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
  float* d_up;
  float* d_gate;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[2]) const {
    if (count == 0) return;
    const int64_t at = m * W + n;
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

using Shape = Contraction<Kind::dense, Major::own, Major::own, 2, 1, true, false, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("bwd_40_linearGradW", ways_of<Shape>(W, true));

}  // namespace

void bwd_40_linearGradW(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const bf16* swiglu_grad_up, const bf16* swiglu_grad_gate, float* d_up, float* d_gate, char* workspace) {
  const Range range(stream, "bwd_40_linearGradW");
  const Product<2> products[] = {
      {B * T, {rmsnorm_ffnNorm, B * T, D}, {{swiglu_grad_up, B * T, W}, {swiglu_grad_gate, B * T, W}}},  // rmsnorm_ffnNorm · swiglu_grad_up, rmsnorm_ffnNorm · swiglu_grad_gate
  };
  const Extent extent{1, D, W, nullptr};
  const Epilogue epilogue{d_up, d_gate};
  const Bare<float, 2> bare{{d_up, d_gate}, true, workspace, 1572864};
  launched(contract<Shape>(stream, extent, products, epilogue, choice, bare));
}

}  // namespace mlac
