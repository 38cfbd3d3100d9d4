// prefill_09_cacheWrite: cacheWrite. Emitted by mlac: edit the model, not this file.
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  latent [B T C], rope [B T R], rstd [B T H], slot [B] i32, position [B] i32
// writes latent_2 [slots context C], rotary [slots context R], norm [slots context H]
// 0 FLOP, 45.1 kB, 0.0 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/cache_write.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t C = 64;
constexpr int64_t R = 16;
constexpr int64_t H = 4;
constexpr int64_t context = 256;

}  // namespace

// Keeps what later tokens read of these: rows of the caches, by slot and position.
void prefill_09_cacheWrite(cudaStream_t stream, const bf16* latent, const bf16* rope, const float* rstd, const int32_t* slot, const int32_t* position, bf16* latent_2, bf16* rotary, float* norm) {
  const Range range(stream, "prefill_09_cacheWrite");
  const Kept kept[] = {{latent, latent_2, C * int(sizeof(bf16))}, {rope, rotary, R * int(sizeof(bf16))}, {rstd, norm, H * int(sizeof(float))}};
  launched(cache_write<true>(stream, B, T, context, kept, slot, position));
}

}  // namespace mlac
