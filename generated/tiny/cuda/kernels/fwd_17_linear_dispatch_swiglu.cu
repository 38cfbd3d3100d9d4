// fwd_17_linear_dispatch_swiglu: dispatch, linear, swiglu, weigh. Emitted by mlac: edit the model, not this file.
// model.ts:39   const rows = dispatch(x, routing); // [E rows D]: the tokens of each expert
// model.ts:40   const routed = linear(swiglu(linear(rows, p.gate), linear(rows, p.up)), p.down);
// model.ts:42   return add(combine(routed, routing), shared);
// reads  rmsnorm_ffnNorm [B T D], source [rows] i32, gate [E D F], offsets [E+1] i32, up [E D F], pick [E rows]
// writes linear_gate [E rows F], linear_up [E rows F], weigh [E rows F]
// 272 MFLOP, 4.5 MB, 60 FLOP a byte
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
  bf16* linear_gate;
  bf16* linear_up;
  const float* pick;
  bf16* weigh;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[2]) const {
    if (count == 0) return;
    const int64_t at = m * F + n;
    Run linear_gate_run;
    Run linear_up_run;
    const real pick_m = to_float(pick[m]);
    Run weigh_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      linear_gate_run[j] = sums[0][j];
      linear_up_run[j] = sums[1][j];
      const real swiglu_j = mlac::silu(sums[0][j]) * sums[1][j];
      const real weigh_j = swiglu_j * pick_m;
      weigh_run[j] = weigh_j;
    }
    store<true>(linear_gate + at, linear_gate_run);
    store<true>(linear_up + at, linear_up_run);
    store<true>(weigh + at, weigh_run);
  }
};

using Shape = Contraction<Kind::ragged_m, Major::k, Major::own, 2, 1, true, true, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("fwd_17_linear_dispatch_swiglu", ways_of<Shape>(F, false));

}  // namespace

void fwd_17_linear_dispatch_swiglu(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const int32_t* source, const bf16* gate, const int32_t* offsets, const bf16* up, const float* pick, bf16* linear_gate, bf16* linear_up, bf16* weigh) {
  const Range range(stream, "fwd_17_linear_dispatch_swiglu");
  const Product<2> products[] = {
      {D, {rmsnorm_ffnNorm, rows, D, 0, source, 2, B * T}, {{gate, D, F, D * F}, {up, D, F, D * F}}},  // rmsnorm_ffnNorm[source / 2] · gate, rmsnorm_ffnNorm[source / 2] · up
  };
  const Extent extent{8, rows, F, offsets};
  const Epilogue epilogue{linear_gate, linear_up, pick, weigh};
  launched(contract<Shape>(stream, extent, products, epilogue, choice));
}

}  // namespace mlac
