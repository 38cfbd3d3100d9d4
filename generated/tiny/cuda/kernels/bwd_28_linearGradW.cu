// bwd_28_linearGradW: linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:25   const k = rmsnorm(concat(linear(latent, p.k), shared), p.kNorm);
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  latent [B T C], d_v [B T H U], part [B T H N]
// writes d_v_2 [C H U], d_k [C H N]
// 134 MFLOP, 2.7 MB, 50 FLOP a byte
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
  float* d_v_2;
  float* d_k;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[2]) const {
    if (count == 0) return;
    const int64_t at = m * (H * U) + n;
    Run d_v_2_run = load<true>(d_v_2 + at);
    Run d_k_run = load<true>(d_k + at);
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      d_v_2_run[j] += sums[0][j];
      d_k_run[j] += sums[1][j];
    }
    store<true>(d_v_2 + at, d_v_2_run);
    store<true>(d_k + at, d_k_run);
  }
};

using Shape = Contraction<Kind::dense, Major::own, Major::own, 2, 1, true, false, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("bwd_28_linearGradW", ways_of<Shape>(H * U, true));

}  // namespace

void bwd_28_linearGradW(cudaStream_t stream, const bf16* latent, const bf16* d_v, const bf16* part, float* d_v_2, float* d_k, char* workspace) {
  const Range range(stream, "bwd_28_linearGradW");
  const Product<2> products[] = {
      {B * T, {latent, B * T, C}, {{d_v, B * T, H * U}, {part, B * T, H * N}}},  // latent · d_v, latent · part
  };
  const Extent extent{1, C, H * U, nullptr};
  const Epilogue epilogue{d_v_2, d_k};
  const Bare<float, 2> bare{{d_v_2, d_k}, true, workspace, 262144};
  launched(contract<Shape>(stream, extent, products, epilogue, choice, bare));
}

}  // namespace mlac
