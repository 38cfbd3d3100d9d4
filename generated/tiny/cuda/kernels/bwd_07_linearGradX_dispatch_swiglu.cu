// bwd_07_linearGradX_dispatch_swiglu: dispatch, linearGradX, swiglu, weigh, dotOfRuns, swigluGradGate, swigluGradUp. Emitted by mlac: edit the model, not this file.
// model.ts:40   const routed = linear(swiglu(linear(rows, p.gate), linear(rows, p.up)), p.down);
// model.ts:42   return add(combine(routed, routing), shared);
// reads  d_x [B T D], source [rows] i32, down [E F D], offsets [E+1] i32, linear_gate [E rows F], linear_up [E rows F], pick [E rows]
// writes weigh [E rows F], dotOfRuns [E rows runs], swiglu_grad_gate [E rows F], swiglu_grad_up [E rows F]
// 146 MFLOP, 6.5 MB, 22 FLOP a byte
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
constexpr int64_t runs = 1;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  const bf16* linear_gate;
  const bf16* linear_up;
  const float* pick;
  bf16* weigh;
  float* dotOfRuns;
  bf16* swiglu_grad_gate;
  bf16* swiglu_grad_up;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    const int64_t at = m * F + n;
    Run linear_gate_run = load<true>(linear_gate + at, count);
    Run linear_up_run = load<true>(linear_up + at, count);
    const real pick_m = count > 0 ? to_float(pick[m]) : 0.f;
    Run weigh_run;
    real dotOfRuns_2 = 0;
    Run swiglu_grad_gate_run;
    Run swiglu_grad_up_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      const real swiglu_j = mlac::silu(linear_gate_run[j]) * linear_up_run[j];
      const real weigh_j = swiglu_j * pick_m;
      weigh_run[j] = weigh_j;
      const real weigh_2_j = sums[0][j] * pick_m;
      dotOfRuns_2 += sums[0][j] * swiglu_j;
      const real swiglu_grad_gate_j = weigh_2_j * linear_up_run[j] * mlac::silu_grad(linear_gate_run[j]);
      swiglu_grad_gate_run[j] = swiglu_grad_gate_j;
      const real swiglu_grad_up_j = weigh_2_j * mlac::silu(linear_gate_run[j]);
      swiglu_grad_up_run[j] = swiglu_grad_up_j;
    }
    store<true>(weigh + at, weigh_run, count);
    dotOfRuns_2 = sum_of_lanes<8>(dotOfRuns_2);
    if (count > 0 && n % 64 == 0) dotOfRuns[m * runs + n / 64] = dotOfRuns_2;
    store<true>(swiglu_grad_gate + at, swiglu_grad_gate_run, count);
    store<true>(swiglu_grad_up + at, swiglu_grad_up_run, count);
  }
};

using Shape = Contraction<Kind::ragged_m, Major::k, Major::k, 1, 1, true, true, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("bwd_07_linearGradX_dispatch_swiglu", ways_of<Shape>(F, false));

}  // namespace

void bwd_07_linearGradX_dispatch_swiglu(cudaStream_t stream, const bf16* d_x, const int32_t* source, const bf16* down, const int32_t* offsets, const bf16* linear_gate, const bf16* linear_up, const float* pick, bf16* weigh, float* dotOfRuns, bf16* swiglu_grad_gate, bf16* swiglu_grad_up) {
  const Range range(stream, "bwd_07_linearGradX_dispatch_swiglu");
  const Product<1> products[] = {
      {D, {d_x, rows, D, 0, source, 2, B * T}, {{down, F, D, F * D}}},  // d_x[source / 2] · down
  };
  const Extent extent{8, rows, F, offsets};
  const Epilogue epilogue{linear_gate, linear_up, pick, weigh, dotOfRuns, swiglu_grad_gate, swiglu_grad_up};
  launched(contract<Shape>(stream, extent, products, epilogue, choice));
}

}  // namespace mlac
