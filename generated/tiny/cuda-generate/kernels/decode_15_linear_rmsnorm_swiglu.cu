// decode_15_linear_rmsnorm_swiglu: rmsnorm, linear, swiglu. Emitted by mlac: edit the model, not this file.
// model.ts:41   const shared = linear(swiglu(linear(x, p.sharedGate), linear(x, p.sharedUp)), p.sharedDown);
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  add [B D], ffnNorm [D], sharedGate [D S], sharedUp [D S]
// writes swiglu [B S]
// 534 kFLOP, 70.1 kB, 7.6 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"
#include "../lib/contract_few.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 8;
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

}  // namespace

void decode_15_linear_rmsnorm_swiglu(cudaStream_t stream, const bf16* add, const float* ffnNorm, const bf16* sharedGate, const bf16* sharedUp, bf16* swiglu) {
  const Range range(stream, "decode_15_linear_rmsnorm_swiglu");
  const Product<2> products[] = {
      {D, {add, B, D}, {{sharedGate, D, S}, {sharedUp, D, S}}},  // add · sharedGate, add · sharedUp
  };
  const Extent extent{1, B, S, nullptr};
  const Epilogue epilogue{swiglu};
  launched(contract_few<Shape, 8>(stream, extent, products, epilogue, few::Normed{ffnNorm, float(0.000001)}, few::Order{/*offsets_are_old*/ false, /*next_asks_early*/ true}));
}

}  // namespace mlac
