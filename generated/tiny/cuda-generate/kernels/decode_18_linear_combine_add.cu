// decode_18_linear_combine_add: linear, combine, add. Emitted by mlac: edit the model, not this file.
// model.ts:41   const shared = linear(swiglu(linear(x, p.sharedGate), linear(x, p.sharedUp)), p.sharedDown);
// model.ts:42   return add(combine(routed, routing), shared);
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  swiglu [B S], sharedDown [S D], routed [E rows D], slot [B topK] i32, gates [B topK], add [B D]
// writes x [B D]
// 268 kFLOP, 43.1 kB, 6.2 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"
#include "../lib/contract_few.cuh"
#include "../lib/combine.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 8;
constexpr int64_t S = 128;
constexpr int64_t D = 128;
constexpr int64_t topK = 2;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  const bf16* routed;
  const float* gates;
  const int32_t* slot;
  const bf16* add;
  bf16* x;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count == 0) return;
    const int64_t at = m * D + n;
    Run combine_run = sum_of_chosen<true, true, topK>(routed + n, D, slot + m * topK, gates + m * topK);
    Run add_run = load<true>(add + at);
    Run x_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      const real add_2_j = combine_run[j] + sums[0][j];
      const real x_j = add_run[j] + add_2_j;
      x_run[j] = x_j;
    }
    store<true>(x + at, x_run);
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::own, 1, 1, true, false, false>;

}  // namespace

void decode_18_linear_combine_add(cudaStream_t stream, const bf16* swiglu, const bf16* sharedDown, const bf16* routed, const int32_t* slot, const float* gates, const bf16* add, bf16* x) {
  const Range range(stream, "decode_18_linear_combine_add");
  const Product<1> products[] = {
      {S, {swiglu, B, S}, {{sharedDown, S, D}}},  // swiglu · sharedDown
  };
  const Extent extent{1, B, D, nullptr};
  const Epilogue epilogue{routed, gates, slot, add, x};
  launched(contract_few<Shape, 8>(stream, extent, products, epilogue));
}

}  // namespace mlac
