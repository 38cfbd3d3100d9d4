// decode_13_latentCachedAttention: latentCachedAttention. Emitted by mlac: edit the model, not this file.
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  linearByHead_k [B H C], part [B H R], latent [slots context C], rotary [slots context R], norm [slots context H], slot [B] i32, position [B] i32
// writes mixed_latent [B H C]
// 2.4 MFLOP, 707 kB in float32, 3.3 FLOP a byte
#include "../lib/kernel.h"
#include "../lib/decode_attention.h"

namespace mlac {

namespace {

constexpr int64_t B = 8;
constexpr int64_t H = 4;
constexpr int64_t C = 64;
constexpr int64_t R = 16;
constexpr int64_t context = 256;

}  // namespace

// Attention in the latent space, over the positions that each row's request has kept, its own the last: keys and values are never made.
void decode_13_latentCachedAttention(const real* linearByHead_k, const real* part, const real* latent, const real* rotary, const real* norm, const int32_t* slot, const int32_t* position, real* __restrict mixed_latent, real* __restrict workspace) {
  const Range range("decode_13_latentCachedAttention");
  constexpr real scale = 0.14433756729740646;
  latent_cached_attention<H, C, R>(B, context, scale, linearByHead_k, part, latent, rotary, norm, slot, position, mixed_latent, workspace);
}

}  // namespace mlac
