// prefill_18_linear_dispatch_swiglu: dispatch, linear, swiglu. Emitted by mlac: edit the model, not this file.
// model.ts:39   const rows = dispatch(x, routing); // [E rows D]: the tokens of each expert
// model.ts:40   const routed = linear(swiglu(linear(rows, p.gate), linear(rows, p.up)), p.down);
// reads  rmsnorm_ffnNorm [B T D], source [rows] i32, gate [E D F], offsets [E+1] i32, up [E D F]
// writes swiglu [E rows F]
// 8.5 MFLOP, 329 kB, 26 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t D = 128;
constexpr int64_t rows = 256;  // of all experts together
constexpr int64_t F = 64;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  bf16* swiglu;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[2]) const {
    if (count == 0) return;
    const int64_t at = m * F + n;
    Run swiglu_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      const real swiglu_j = mlac::silu(sums[0][j]) * sums[1][j];
      swiglu_run[j] = swiglu_j;
    }
    store<true>(swiglu + at, swiglu_run);
  }
};

using Shape = Contraction<Kind::ragged_m, Major::k, Major::own, 2, 1, true, true, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("prefill_18_linear_dispatch_swiglu", ways_of<Shape>(F, false));

}  // namespace

void prefill_18_linear_dispatch_swiglu(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const int32_t* source, const bf16* gate, const int32_t* offsets, const bf16* up, bf16* swiglu) {
  const Range range(stream, "prefill_18_linear_dispatch_swiglu");
  const Product<2> products[] = {
      {D, {rmsnorm_ffnNorm, rows, D, 0, source, 2, B * T}, {{gate, D, F, D * F}, {up, D, F, D * F}}},  // rmsnorm_ffnNorm[source / 2] · gate, rmsnorm_ffnNorm[source / 2] · up
  };
  const Extent extent{8, rows, F, offsets};
  const Epilogue epilogue{swiglu};
  launched(contract<Shape>(stream, extent, products, epilogue, choice));
}

}  // namespace mlac
