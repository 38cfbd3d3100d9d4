// prefill_22_linear_add: linear, add. Emitted by mlac: edit the model, not this file.
// model.ts:41   const shared = linear(swiglu(linear(x, p.sharedGate), linear(x, p.sharedUp)), p.sharedDown);
// model.ts:42   return add(combine(routed, routing), shared);
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  swiglu [B T S], sharedDown [S D], combine [B T D], add [B T D]
// writes x [B T D]
// 4.2 MFLOP, 164 kB, 26 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t S = 128;
constexpr int64_t D = 128;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  const bf16* combine;
  const bf16* add;
  bf16* x;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count == 0) return;
    const int64_t at = m * D + n;
    Run combine_run = load<true>(combine + at);
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

/// Which way it is computed, among those that there are for it.
Choice choice("prefill_22_linear_add", ways_of<Shape>(D, false));

}  // namespace

void prefill_22_linear_add(cudaStream_t stream, const bf16* swiglu, const bf16* sharedDown, const bf16* combine, const bf16* add, bf16* x) {
  const Range range(stream, "prefill_22_linear_add");
  const Product<1> products[] = {
      {S, {swiglu, B * T, S}, {{sharedDown, S, D}}},  // swiglu · sharedDown
  };
  const Extent extent{1, B * T, D, nullptr};
  const Epilogue epilogue{combine, add, x};
  launched(contract<Shape>(stream, extent, products, epilogue, choice));
}

}  // namespace mlac
