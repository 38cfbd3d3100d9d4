// decode_07_linearByHead: linearByHead. Emitted by mlac: edit the model, not this file.
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  mixed_latent [B H C], v [C H U]
// writes mixed [B H U]
// 131 kFLOP, 22.5 kB, 5.8 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/linear_by_head.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 8;
constexpr int64_t H = 4;
constexpr int64_t C = 64;
constexpr int64_t U = 32;

}  // namespace

// mixed[…, h, n] = Σ_c mixed_latent[…, h, c] · v[c, h, n]
void decode_07_linearByHead(cudaStream_t stream, const bf16* mixed_latent, const bf16* v, bf16* mixed) {
  const Range range(stream, "decode_07_linearByHead");
  launched(linear_by_head<B, C, U, false>(stream, H, mixed_latent, v, mixed));
}

}  // namespace mlac
