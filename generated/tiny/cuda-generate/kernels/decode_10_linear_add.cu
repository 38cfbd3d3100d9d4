// decode_10_linear_add: linear, add. Emitted by mlac: edit the model, not this file.
// model.ts:31   linear(swiglu(linear(x, p.gate), linear(x, p.up)), p.down));
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  swiglu [B W], down [W D], add [B D]
// writes x [B D]
// 787 kFLOP, 109 kB, 7.3 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"
#include "../lib/contract_few.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 8;
constexpr int64_t W = 384;
constexpr int64_t D = 128;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  const bf16* add;
  bf16* x;

  /// What a sum is added to, read before its turn comes.
  __device__ Run fetch([[maybe_unused]] int group, [[maybe_unused]] int64_t m, int64_t n, int count) const {
    if (count == 0) return {};
    const int64_t at = m * D + n;
    return load<true>(add + at);
  }

  __device__ void operator()([[maybe_unused]] int group, int64_t m, int64_t n, int count, const Run (&sums)[1], Run add_run) const {
    if (count == 0) return;
    const int64_t at = m * D + n;
    Run x_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      const real x_j = add_run[j] + sums[0][j];
      x_run[j] = x_j;
    }
    store<true>(x + at, x_run);
  }

  [[maybe_unused]] __device__ void operator()(int group, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    (*this)(group, m, n, count, sums, fetch(group, m, n, count));
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::own, 1, 1, true, false, false>;

}  // namespace

void decode_10_linear_add(cudaStream_t stream, const bf16* swiglu, const bf16* down, const bf16* add, bf16* x) {
  const Range range(stream, "decode_10_linear_add");
  const Product<1> products[] = {
      {W, {swiglu, B, W}, {{down, W, D}}},  // swiglu · down
  };
  const Extent extent{1, B, D, nullptr};
  const Epilogue epilogue{add, x};
  launched(contract_few<Shape, 8>(stream, extent, products, epilogue));
}

}  // namespace mlac
