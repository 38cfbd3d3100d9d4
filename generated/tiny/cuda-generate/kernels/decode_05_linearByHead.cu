// decode_05_linearByHead: linearByHead. Emitted by mlac: edit the model, not this file.
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  part [B H N], k_ [C H N]
// writes linearByHead_k [B H C]
// 131 kFLOP, 22.5 kB, 5.8 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/linear_by_head.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 8;
constexpr int64_t H = 4;
constexpr int64_t N = 32;
constexpr int64_t C = 64;

}  // namespace

// linearByHead_k[…, h, c] = Σ_n part[…, h, n] · k_[c, h, n]
void decode_05_linearByHead(cudaStream_t stream, const bf16* part, const bf16* k_, bf16* linearByHead_k) {
  const Range range(stream, "decode_05_linearByHead");
  launched(linear_by_head<B, N, C, true>(stream, H, part, k_, linearByHead_k));
}

}  // namespace mlac
