// decode_14_linearByHead: linearByHead. Emitted by mlac: edit the model, not this file.
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  mixed_latent [B H C], v [C H U]
// writes mixed [B H U]
// 131 kFLOP, 45.1 kB in float32, 2.9 FLOP a byte
#include "../lib/kernel.h"
#include "../lib/linear_by_head.h"

namespace mlac {

namespace {

constexpr int64_t B = 8;
constexpr int64_t H = 4;
constexpr int64_t C = 64;
constexpr int64_t U = 32;

}  // namespace

// mixed[…, h, n] = Σ_c mixed_latent[…, h, c] · v[c, h, n]
void decode_14_linearByHead(const real* mixed_latent, const real* v, real* __restrict mixed) {
  const Range range("decode_14_linearByHead");
  linear_by_head<C, H, U>(B, mixed_latent, v, mixed);
}

}  // namespace mlac
