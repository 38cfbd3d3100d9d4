// bwd_25_attentionGrad: attentionGrad. Emitted by mlac: edit the model, not this file.
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  rope [B T H N+R], rope_2 [B T H N+R], linear_v [B T H U], mixed [B T H U], lse [B T H], d_mixed [B T H U]
// writes d_q [B T H N+R], d_k [B T H N+R], d_v [B T H U]
// 872 MFLOP, 10.6 MB, 83 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/attention_backward.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t H = 4;
constexpr int64_t N_R = 48;  // N+R
constexpr int64_t U = 32;

}  // namespace

// The probabilities are formed again from the scores and the kept log-sum-exp, tile by tile.
void bwd_25_attentionGrad(cudaStream_t stream, const bf16* rope, const bf16* rope_2, const bf16* linear_v, const bf16* mixed, const float* lse, const bf16* d_mixed, bf16* d_q, bf16* d_k, bf16* d_v, char* workspace) {
  const Range range(stream, "bwd_25_attentionGrad");
  constexpr float scale = 0.14433756729740646;
  launched(attention_backward<N_R, U, true>(stream, B, T, H, H, scale, rope, rope_2, linear_v, mixed, lse, d_mixed, d_q, d_k, d_v, workspace));
}

}  // namespace mlac
