// bwd_17_linearGradW: linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:41   const shared = linear(swiglu(linear(x, p.sharedGate), linear(x, p.sharedUp)), p.sharedDown);
// reads  rmsnorm_ffnNorm [B T D], swiglu_grad_up [B T S], swiglu_grad_gate [B T S]
// writes d_sharedUp [D S], d_sharedGate [D S]
// 268 MFLOP, 3.3 MB, 82 FLOP a byte
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
  float* d_sharedUp;
  float* d_sharedGate;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[2]) const {
    if (count == 0) return;
    const int64_t at = m * S + n;
    Run d_sharedUp_run = load<true>(d_sharedUp + at);
    Run d_sharedGate_run = load<true>(d_sharedGate + at);
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      d_sharedUp_run[j] += sums[0][j];
      d_sharedGate_run[j] += sums[1][j];
    }
    store<true>(d_sharedUp + at, d_sharedUp_run);
    store<true>(d_sharedGate + at, d_sharedGate_run);
  }
};

using Shape = Contraction<Kind::dense, Major::own, Major::own, 2, 1, true, false, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("bwd_17_linearGradW", ways_of<Shape>(S, true));

}  // namespace

void bwd_17_linearGradW(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const bf16* swiglu_grad_up, const bf16* swiglu_grad_gate, float* d_sharedUp, float* d_sharedGate, char* workspace) {
  const Range range(stream, "bwd_17_linearGradW");
  const Product<2> products[] = {
      {B * T, {rmsnorm_ffnNorm, B * T, D}, {{swiglu_grad_up, B * T, S}, {swiglu_grad_gate, B * T, S}}},  // rmsnorm_ffnNorm · swiglu_grad_up, rmsnorm_ffnNorm · swiglu_grad_gate
  };
  const Extent extent{1, D, S, nullptr};
  const Epilogue epilogue{d_sharedUp, d_sharedGate};
  const Bare<float, 2> bare{{d_sharedUp, d_sharedGate}, true, workspace, 524288};
  launched(contract<Shape>(stream, extent, products, epilogue, choice, bare));
}

}  // namespace mlac
