// decode_17_linear: linear. Emitted by mlac: edit the model, not this file.
// model.ts:40   const routed = linear(swiglu(linear(rows, p.gate), linear(rows, p.up)), p.down);
// reads  swiglu [E rows F], down [E F D], offsets [E+1] i32
// writes routed [E rows D]
// 262 kFLOP, 137 kB, 1.9 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"
#include "../lib/contract_few.cuh"

namespace mlac {
namespace {

constexpr int64_t rows = 16;  // of all experts together
constexpr int64_t F = 64;
constexpr int64_t D = 128;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  bf16* routed;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count == 0) return;
    const int64_t at = m * D + n;
    Run routed_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      routed_run[j] = sums[0][j];
    }
    store<true>(routed + at, routed_run);
  }
};

using Shape = Contraction<Kind::ragged_m, Major::k, Major::own, 1, 1, true, false, false>;

}  // namespace

void decode_17_linear(cudaStream_t stream, const bf16* swiglu, const bf16* down, const int32_t* offsets, bf16* routed) {
  const Range range(stream, "decode_17_linear");
  const Product<1> products[] = {
      {F, {swiglu, rows, F}, {{down, F, D, F * D}}},  // swiglu · down
  };
  const Extent extent{8, rows, D, offsets};
  const Epilogue epilogue{routed};
  launched(contract_few<Shape, 16>(stream, extent, products, epilogue, few::Plain{}, few::Order{/*offsets_are_old*/ true, /*next_asks_early*/ false}));
}

}  // namespace mlac
