// decode_12_linearByHead: linearByHead. Emitted by mlac: edit the model, not this file.
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  part [B H N], k_ [C H N]
// writes linearByHead_k [B H C]
// 131 kFLOP, 45.1 kB in float32, 2.9 FLOP a byte
#include "../lib/kernel.h"
#include "../lib/linear_by_head.h"

namespace mlac {

namespace {

constexpr int64_t B = 8;
constexpr int64_t H = 4;
constexpr int64_t N = 32;
constexpr int64_t C = 64;

}  // namespace

// linearByHead_k[…, h, c] = Σ_n part[…, h, n] · k_[c, h, n]
void decode_12_linearByHead(const real* part, const real* k_, real* __restrict linearByHead_k) {
  const Range range("decode_12_linearByHead");
  linear_by_head_back<C, H, N>(B, part, k_, linearByHead_k);
}

}  // namespace mlac
