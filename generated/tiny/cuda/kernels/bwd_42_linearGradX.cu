// bwd_42_linearGradX: linearGradX. Emitted by mlac: edit the model, not this file.
// model.ts:27   return linear(mixed, p.out);
// reads  add [B T D], out_ [H U D]
// writes d_mixed [B T H U]
// 134 MFLOP, 2.1 MB, 63 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t H = 4;
constexpr int64_t U = 32;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  bf16* d_mixed;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count == 0) return;
    const int64_t at = m * (H * U) + n;
    Run d_mixed_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      d_mixed_run[j] = sums[0][j];
    }
    store<true>(d_mixed + at, d_mixed_run);
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::k, 1, 1, true, false, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("bwd_42_linearGradX", ways_of<Shape>(H * U, true));

}  // namespace

void bwd_42_linearGradX(cudaStream_t stream, const bf16* add, const bf16* out_, bf16* d_mixed, char* workspace) {
  const Range range(stream, "bwd_42_linearGradX");
  const Product<1> products[] = {
      {D, {add, B * T, D}, {{out_, H * U, D}}},  // add · out_
  };
  const Extent extent{1, B * T, H * U, nullptr};
  const Epilogue epilogue{d_mixed};
  const Bare<bf16, 1> bare{{d_mixed}, false, workspace, 4194304};
  launched(contract<Shape>(stream, extent, products, epilogue, choice, bare));
}

}  // namespace mlac
