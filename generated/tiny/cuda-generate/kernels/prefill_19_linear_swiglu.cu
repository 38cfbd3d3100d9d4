// prefill_19_linear_swiglu: linear, swiglu. Emitted by mlac: edit the model, not this file.
// model.ts:41   const shared = linear(swiglu(linear(x, p.sharedGate), linear(x, p.sharedUp)), p.sharedDown);
// reads  rmsnorm_ffnNorm [B T D], sharedGate [D S], sharedUp [D S]
// writes swiglu [B T S]
// 8.5 MFLOP, 131 kB, 65 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t D = 128;
constexpr int64_t S = 128;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  bf16* swiglu;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[2]) const {
    if (count == 0) return;
    const int64_t at = m * S + n;
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
Choice choice("prefill_19_linear_swiglu", ways_of<Shape>(S, false));

}  // namespace

void prefill_19_linear_swiglu(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const bf16* sharedGate, const bf16* sharedUp, bf16* swiglu) {
  const Range range(stream, "prefill_19_linear_swiglu");
  const Product<2> products[] = {
      {D, {rmsnorm_ffnNorm, B * T, D}, {{sharedGate, D, S}, {sharedUp, D, S}}},  // rmsnorm_ffnNorm · sharedGate, rmsnorm_ffnNorm · sharedUp
  };
  const Extent extent{1, B * T, S, nullptr};
  const Epilogue epilogue{swiglu};
  launched(contract<Shape>(stream, extent, products, epilogue, choice));
}

}  // namespace mlac
