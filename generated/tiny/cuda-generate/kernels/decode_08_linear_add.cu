// decode_08_linear_add: linear, add. Emitted by mlac: edit the model, not this file.
// model.ts:27   return linear(mixed, p.out);
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  mixed [B H U], out_ [H U D], lookup_embed [B D]
// writes add [B D]
// 263 kFLOP, 38.9 kB, 6.8 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"
#include "../lib/contract_few.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 8;
constexpr int64_t H = 4;
constexpr int64_t U = 32;
constexpr int64_t D = 128;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  const bf16* lookup_embed;
  bf16* add;

  /// What a sum is added to, read before its turn comes.
  __device__ Run fetch([[maybe_unused]] int group, [[maybe_unused]] int64_t m, int64_t n, int count) const {
    if (count == 0) return {};
    const int64_t at = m * D + n;
    return load<true>(lookup_embed + at);
  }

  __device__ void operator()([[maybe_unused]] int group, int64_t m, int64_t n, int count, const Run (&sums)[1], Run lookup_embed_run) const {
    if (count == 0) return;
    const int64_t at = m * D + n;
    Run add_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      const real add_j = lookup_embed_run[j] + sums[0][j];
      add_run[j] = add_j;
    }
    store<true>(add + at, add_run);
  }

  [[maybe_unused]] __device__ void operator()(int group, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    (*this)(group, m, n, count, sums, fetch(group, m, n, count));
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::own, 1, 1, true, false, false>;

}  // namespace

void decode_08_linear_add(cudaStream_t stream, const bf16* mixed, const bf16* out_, const bf16* lookup_embed, bf16* add) {
  const Range range(stream, "decode_08_linear_add");
  const Product<1> products[] = {
      {H * U, {mixed, B, H * U}, {{out_, H * U, D}}},  // mixed · out_
  };
  const Extent extent{1, B, D, nullptr};
  const Epilogue epilogue{lookup_embed, add};
  launched(contract_few<Shape, 8>(stream, extent, products, epilogue));
}

}  // namespace mlac
