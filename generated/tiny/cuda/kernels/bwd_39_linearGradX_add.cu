// bwd_39_linearGradX_add: linearGradX, add. Emitted by mlac: edit the model, not this file.
// model.ts:31   linear(swiglu(linear(x, p.gate), linear(x, p.up)), p.down));
// reads  swiglu_grad_up [B T W], up [D W], swiglu_grad_gate [B T W], gate [D W]
// writes add [B T D]
// 806 MFLOP, 7.5 MB, 1.1e+2 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t W = 384;
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

using Shape = Contraction<Kind::dense, Major::k, Major::k, 1, 2, true, false, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("bwd_39_linearGradX_add", ways_of<Shape>(D, false));

}  // namespace

void bwd_39_linearGradX_add(cudaStream_t stream, const bf16* swiglu_grad_up, const bf16* up, const bf16* swiglu_grad_gate, const bf16* gate, bf16* add) {
  const Range range(stream, "bwd_39_linearGradX_add");
  const Product<1> products[] = {
      {W, {swiglu_grad_up, B * T, W}, {{up, D, W}}},  // swiglu_grad_up · up
      {W, {swiglu_grad_gate, B * T, W}, {{gate, D, W}}},  // swiglu_grad_gate · gate
  };
  const Extent extent{1, B * T, D, nullptr};
  const Epilogue epilogue{add};
  launched(contract<Shape>(stream, extent, products, epilogue, choice));
}

}  // namespace mlac
