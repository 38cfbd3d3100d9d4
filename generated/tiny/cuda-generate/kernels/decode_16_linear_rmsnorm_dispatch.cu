// decode_16_linear_rmsnorm_dispatch: rmsnorm, dispatch, linear, swiglu. Emitted by mlac: edit the model, not this file.
// model.ts:39   const rows = dispatch(x, routing); // [E rows D]: the tokens of each expert
// model.ts:40   const routed = linear(swiglu(linear(rows, p.gate), linear(rows, p.up)), p.down);
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  add [B D], ffnNorm [D], source [rows] i32, gate [E D F], offsets [E+1] i32, up [E D F]
// writes swiglu [E rows F]
// 534 kFLOP, 267 kB, 2.0 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"
#include "../lib/contract_few.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 8;
constexpr int64_t D = 128;
constexpr int64_t rows = 16;  // of all experts together
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

}  // namespace

void decode_16_linear_rmsnorm_dispatch(cudaStream_t stream, const bf16* add, const float* ffnNorm, const int32_t* source, const bf16* gate, const int32_t* offsets, const bf16* up, bf16* swiglu) {
  const Range range(stream, "decode_16_linear_rmsnorm_dispatch");
  const Product<2> products[] = {
      {D, {add, rows, D, 0, source, 2, B}, {{gate, D, F, D * F}, {up, D, F, D * F}}},  // add[source / 2] · gate, add[source / 2] · up
  };
  const Extent extent{8, rows, F, offsets};
  const Epilogue epilogue{swiglu};
  launched(contract_few<Shape, 16>(stream, extent, products, epilogue, few::Normed{ffnNorm, float(0.000001)}, few::Order{/*offsets_are_old*/ true, /*next_asks_early*/ true}));
}

}  // namespace mlac
