// prefill_12_attention: attention. Emitted by mlac: edit the model, not this file.
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  rope [B T H N+R], rope_2 [B T H N+R], linear_v [B T H U]
// writes mixed [B T H U], lse [B T H]
// 5.2 MFLOP, 330 kB in float32, 16 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t H = 4;
constexpr int64_t N_R = 48;  // N+R
constexpr int64_t U = 32;

}  // namespace

// mixed = softmax(rope · rope_2ᵀ · scale) · linear_v, in blocks, so that no [T T] matrix exists. lse is kept for the backward pass.
void prefill_12_attention(const real* rope, const real* rope_2, const real* linear_v, real* __restrict mixed, real* __restrict lse) {
  const Range range("prefill_12_attention");
  constexpr real scale = 0.14433756729740646;
  attention_forward<N_R, U>(B, T, H, H, true, scale, rope, rope_2, linear_v, mixed, lse);
}

}  // namespace mlac
