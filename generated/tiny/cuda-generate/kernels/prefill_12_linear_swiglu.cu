// prefill_12_linear_swiglu: linear, swiglu. Emitted by mlac: edit the model, not this file.
// model.ts:31   linear(swiglu(linear(x, p.gate), linear(x, p.up)), p.down));
// reads  rmsnorm_ffnNorm [B T D], gate [D W], up [D W]
// writes swiglu [B T W]
// 25.4 MFLOP, 328 kB, 78 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t D = 128;
constexpr int64_t W = 384;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  bf16* swiglu;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[2]) const {
    if (count == 0) return;
    const int64_t at = m * W + n;
    Run swiglu_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      const real swiglu_j = mlac::silu(sums[0][j]) * sums[1][j];
      swiglu_run[j] = swiglu_j;
    }
    store<true>(swiglu + at, swiglu_run);
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::own, 2, 1, true, false, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("prefill_12_linear_swiglu", ways_of<Shape>(W, false));

}  // namespace

void prefill_12_linear_swiglu(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const bf16* gate, const bf16* up, bf16* swiglu) {
  const Range range(stream, "prefill_12_linear_swiglu");
  const Product<2> products[] = {
      {D, {rmsnorm_ffnNorm, B * T, D}, {{gate, D, W}, {up, D, W}}},  // rmsnorm_ffnNorm · gate, rmsnorm_ffnNorm · up
  };
  const Extent extent{1, B * T, W, nullptr};
  const Epilogue epilogue{swiglu};
  launched(contract<Shape>(stream, extent, products, epilogue, choice));
}

}  // namespace mlac
