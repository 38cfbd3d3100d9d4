// bwd_27_linearGradX_add: linearGradX, add. Emitted by mlac: edit the model, not this file.
// model.ts:25   const k = rmsnorm(concat(linear(latent, p.k), shared), p.kNorm);
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  d_v [B T H U], v [C H U], part [B T H N], k_ [C H N]
// writes add [B T C]
// 134 MFLOP, 2.7 MB, 51 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t H = 4;
constexpr int64_t U = 32;
constexpr int64_t C = 64;
constexpr int64_t N = 32;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  bf16* add;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count == 0) return;
    const int64_t at = m * C + n;
    Run add_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      add_run[j] = sums[0][j];
    }
    store<true>(add + at, add_run);
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::k, 1, 2, true, false, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("bwd_27_linearGradX_add", ways_of<Shape>(C, false));

}  // namespace

void bwd_27_linearGradX_add(cudaStream_t stream, const bf16* d_v, const bf16* v, const bf16* part, const bf16* k_, bf16* add) {
  const Range range(stream, "bwd_27_linearGradX_add");
  const Product<1> products[] = {
      {H * U, {d_v, B * T, H * U}, {{v, C, H * U}}},  // d_v · v
      {H * N, {part, B * T, H * N}, {{k_, C, H * N}}},  // part · k_
  };
  const Extent extent{1, B * T, C, nullptr};
  const Epilogue epilogue{add};
  launched(contract<Shape>(stream, extent, products, epilogue, choice));
}

}  // namespace mlac
