// decode_06_latentCachedAttention: latentCachedAttention. Emitted by mlac: edit the model, not this file.
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  linearByHead_k [B H C], part [B H R], latent [slots context C], rotary [slots context R], norm [slots context H], slot [B] i32, position [B] i32
// writes mixed_latent [B H C]
// 2.4 MFLOP, 370 kB, 6.4 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/decode_attention_latent.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 8;
constexpr int64_t H = 4;
constexpr int64_t C = 64;
constexpr int64_t R = 16;
constexpr int64_t context = 256;

}  // namespace

// Attention in the latent space, over the positions that each row's request has kept, its own the last: keys and values are never made.
void decode_06_latentCachedAttention(cudaStream_t stream, const bf16* linearByHead_k, const bf16* part, const bf16* latent, const bf16* rotary, const float* norm, const int32_t* slot, const int32_t* position, bf16* mixed_latent, char* workspace) {
  const Range range(stream, "decode_06_latentCachedAttention");
  constexpr float scale = 0.14433756729740646;
  launched(decode_attention_latent<C, R>(stream, B, H, context, scale, linearByHead_k, part, R, latent, rotary, norm, slot, position, mixed_latent, workspace));
}

}  // namespace mlac
