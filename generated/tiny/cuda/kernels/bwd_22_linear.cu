// bwd_22_linear: linear. Emitted by mlac: edit the model, not this file.
// model.ts:25   const k = rmsnorm(concat(linear(latent, p.k), shared), p.kNorm);
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  latent [B T C], v [C H U], k_ [C H N]
// writes linear_v [B T H U], linear_k [B T H N]
// 134 MFLOP, 2.7 MB, 51 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t C = 64;
constexpr int64_t H = 4;
constexpr int64_t U = 32;
constexpr int64_t N = 32;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  bf16* linear_v;
  bf16* linear_k;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[2]) const {
    if (count == 0) return;
    const int64_t at = m * (H * U) + n;
    Run linear_v_run;
    Run linear_k_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      linear_v_run[j] = sums[0][j];
      linear_k_run[j] = sums[1][j];
    }
    store<true>(linear_v + at, linear_v_run);
    store<true>(linear_k + at, linear_k_run);
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::own, 2, 1, true, false, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("bwd_22_linear", ways_of<Shape>(H * U, true));

}  // namespace

void bwd_22_linear(cudaStream_t stream, const bf16* latent, const bf16* v, const bf16* k_, bf16* linear_v, bf16* linear_k, char* workspace) {
  const Range range(stream, "bwd_22_linear");
  const Product<2> products[] = {
      {C, {latent, B * T, C}, {{v, C, H * U}, {k_, C, H * N}}},  // latent · v, latent · k_
  };
  const Extent extent{1, B * T, H * U, nullptr};
  const Epilogue epilogue{linear_v, linear_k};
  const Bare<bf16, 2> bare{{linear_v, linear_k}, false, workspace, 4194304};
  launched(contract<Shape>(stream, extent, products, epilogue, choice, bare));
}

}  // namespace mlac
