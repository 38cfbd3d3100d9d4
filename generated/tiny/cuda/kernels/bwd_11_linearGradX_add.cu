// bwd_11_linearGradX_add: linearGradX, add. Emitted by mlac: edit the model, not this file.
// model.ts:40   const routed = linear(swiglu(linear(rows, p.gate), linear(rows, p.up)), p.down);
// reads  swiglu_grad_up [E rows F], up [E D F], offsets [E+1] i32, swiglu_grad_gate [E rows F], gate [E D F]
// writes add [E rows D]
// 269 MFLOP, 4.5 MB, 60 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t rows = 8192;  // of all experts together
constexpr int64_t F = 64;
constexpr int64_t D = 128;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  bf16* add;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count == 0) return;
    const int64_t at = m * D + n;
    Run add_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      add_run[j] = sums[0][j];
    }
    store<true>(add + at, add_run);
  }
};

using Shape = Contraction<Kind::ragged_m, Major::k, Major::k, 1, 2, true, false, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("bwd_11_linearGradX_add", ways_of<Shape>(D, false));

}  // namespace

void bwd_11_linearGradX_add(cudaStream_t stream, const bf16* swiglu_grad_up, const bf16* up, const int32_t* offsets, const bf16* swiglu_grad_gate, const bf16* gate, bf16* add) {
  const Range range(stream, "bwd_11_linearGradX_add");
  const Product<1> products[] = {
      {F, {swiglu_grad_up, rows, F}, {{up, D, F, D * F}}},  // swiglu_grad_up · up
      {F, {swiglu_grad_gate, rows, F}, {{gate, D, F, D * F}}},  // swiglu_grad_gate · gate
  };
  const Extent extent{8, rows, D, offsets};
  const Epilogue epilogue{add};
  launched(contract<Shape>(stream, extent, products, epilogue, choice));
}

}  // namespace mlac
