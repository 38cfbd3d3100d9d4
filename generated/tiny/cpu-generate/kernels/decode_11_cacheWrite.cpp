// decode_11_cacheWrite: cacheWrite. Emitted by mlac: edit the model, not this file.
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  latent [B C], rope [B R], rstd [B H], slot [B] i32, position [B] i32
// writes latent_2 [slots context C], rotary [slots context R], norm [slots context H]
// 0 FLOP, 5.4 kB in float32, 0.0 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 8;
constexpr int64_t C = 64;
constexpr int64_t R = 16;
constexpr int64_t H = 4;
constexpr int64_t context = 256;

}  // namespace

// Keeps what later tokens read of these: rows of the caches, by slot and position.
void decode_11_cacheWrite(const real* latent, const real* rope, const real* rstd, const int32_t* slot, const int32_t* position, real* __restrict latent_2, real* __restrict rotary, real* __restrict norm) {
  const Range range("decode_11_cacheWrite");
  parallel_for(B, [=](int64_t token) {
    const int64_t row = token, at = position[row];
    if (slot[row] < 0) return;
    const int64_t to = slot[row] * context + at;
    std::copy_n(latent + token * C, C, latent_2 + to * C);
    std::copy_n(rope + token * R, R, rotary + to * R);
    std::copy_n(rstd + token * H, H, norm + to * H);
  });
}

}  // namespace mlac
