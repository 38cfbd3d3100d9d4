// prefill_10_attention: attention. Emitted by mlac: edit the model, not this file.
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  rope [B T H N+R], rope_2 [B T H N+R], linear_v [B T H U]
// writes mixed [B T H U], lse [B T H]
// 5.2 MFLOP, 166 kB, 32 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/attention.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t H = 4;
constexpr int64_t N_R = 48;  // N+R
constexpr int64_t U = 32;

}  // namespace

// mixed = softmax(rope · rope_2ᵀ · scale) · linear_v, tile by tile, so that no [T T] matrix exists. lse is kept for the backward pass.
void prefill_10_attention(cudaStream_t stream, const bf16* rope, const bf16* rope_2, const bf16* linear_v, bf16* mixed, float* lse) {
  const Range range(stream, "prefill_10_attention");
  constexpr float scale = 0.14433756729740646;
  launched(attention_forward<N_R, U, true>(stream, B, T, H, H, scale, rope, rope_2, linear_v, mixed, lse));
}

}  // namespace mlac
