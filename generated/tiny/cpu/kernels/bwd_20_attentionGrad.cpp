// bwd_20_attentionGrad: attentionGrad. Emitted by mlac: edit the model, not this file.
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  rope [B T H N+R], rope_2 [B T H N+R], linear_v [B T H U], mixed [B T H U], lse [B T H], d_mixed [B T H U]
// writes d_q [B T H N+R], d_k [B T H N+R], d_v [B T H U]
// 872 MFLOP, 21.0 MB in float32, 41 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t H = 4;
constexpr int64_t N_R = 48;  // N+R
constexpr int64_t U = 32;

}  // namespace

// The probabilities are formed again from the scores and the kept log-sum-exp, block by block.
void bwd_20_attentionGrad(const real* rope, const real* rope_2, const real* linear_v, const real* mixed, const real* lse, const real* d_mixed, real* __restrict d_q, real* __restrict d_k, real* __restrict d_v) {
  const Range range("bwd_20_attentionGrad");
  constexpr real scale = 0.14433756729740646;
  attention_backward<N_R, U>(B, T, H, H, true, scale, rope, rope_2, linear_v, mixed, lse, d_mixed, d_q, d_k, d_v);
}

}  // namespace mlac
