// fwd_04_linear: linear. Emitted by mlac: edit the model, not this file.
// model.ts:23   const shared = expand(linear(x, p.kRope), "H"); // one rotary key for all heads
// reads  rmsnorm_attnNorm [B T D], kRope [D R]
// writes linear_kRope [B T R]
// 16.8 MFLOP, 1.2 MB, 14 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t R = 16;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  bf16* linear_kRope;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count == 0) return;
    const int64_t at = m * R + n;
    Run linear_kRope_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      linear_kRope_run[j] = sums[0][j];
    }
    store<true>(linear_kRope + at, linear_kRope_run);
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::own, 1, 1, true, false, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("fwd_04_linear", ways_of<Shape>(R, true));

}  // namespace

void fwd_04_linear(cudaStream_t stream, const bf16* rmsnorm_attnNorm, const bf16* kRope, bf16* linear_kRope, char* workspace) {
  const Range range(stream, "fwd_04_linear");
  const Product<1> products[] = {
      {D, {rmsnorm_attnNorm, B * T, D}, {{kRope, D, R}}},  // rmsnorm_attnNorm · kRope
  };
  const Extent extent{1, B * T, R, nullptr};
  const Epilogue epilogue{linear_kRope};
  const Bare<bf16, 1> bare{{linear_kRope}, false, workspace, 2097152};
  launched(contract<Shape>(stream, extent, products, epilogue, choice, bare));
}

}  // namespace mlac
