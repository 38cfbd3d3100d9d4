// fwd_10_linear_swiglu: linear, swiglu. Emitted by mlac: edit the model, not this file.
// model.ts:31   linear(swiglu(linear(x, p.gate), linear(x, p.up)), p.down));
// reads  rmsnorm_ffnNorm [B T D], gate [D W], up [D W]
// writes linear_gate [B T W], linear_up [B T W], swiglu [B T W], swiglu_2 [B T W]
// 821 MFLOP, 13.8 MB, 59 FLOP a byte
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
  bf16* linear_gate;
  bf16* linear_up;
  bf16* swiglu;
  bf16* swiglu_2;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[2]) const {
    if (count == 0) return;
    const int64_t at = m * W + n;
    Run linear_gate_run;
    Run linear_up_run;
    Run swiglu_run;
    Run swiglu_2_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      linear_gate_run[j] = sums[0][j];
      linear_up_run[j] = sums[1][j];
      const real swiglu_j = mlac::silu(sums[0][j]) * sums[1][j];
      swiglu_run[j] = swiglu_j;
      const real swiglu_2_j = mlac::silu(sums[0][j]) * sums[1][j];
      swiglu_2_run[j] = swiglu_2_j;
    }
    store<true>(linear_gate + at, linear_gate_run);
    store<true>(linear_up + at, linear_up_run);
    store<true>(swiglu + at, swiglu_run);
    store<true>(swiglu_2 + at, swiglu_2_run);
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::own, 2, 1, true, false, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("fwd_10_linear_swiglu", ways_of<Shape>(W, false));

}  // namespace

void fwd_10_linear_swiglu(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const bf16* gate, const bf16* up, bf16* linear_gate, bf16* linear_up, bf16* swiglu, bf16* swiglu_2) {
  const Range range(stream, "fwd_10_linear_swiglu");
  const Product<2> products[] = {
      {D, {rmsnorm_ffnNorm, B * T, D}, {{gate, D, W}, {up, D, W}}},  // rmsnorm_ffnNorm · gate, rmsnorm_ffnNorm · up
  };
  const Extent extent{1, B * T, W, nullptr};
  const Epilogue epilogue{linear_gate, linear_up, swiglu, swiglu_2};
  launched(contract<Shape>(stream, extent, products, epilogue, choice));
}

}  // namespace mlac
