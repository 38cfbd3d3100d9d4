// prefill_24_nextLogits: nextLogits. Emitted by mlac: edit the model, not this file.
// reads  rmsnorm_norm [B T D], head_2 [V D], position [B] i32
// writes nextLogits_head [B V]
// 65.5 kFLOP, 66.8 kB, 0.98 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/next_logits.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t D = 128;
constexpr int64_t V = 256;

}  // namespace

// Logits of one position of each sequence: nextLogits_head[b, v] = ⟨rmsnorm_norm[b, position[b]], head_2[v]⟩
void prefill_24_nextLogits(cudaStream_t stream, const bf16* rmsnorm_norm, const bf16* head_2, const int32_t* position, float* nextLogits_head) {
  const Range range(stream, "prefill_24_nextLogits");
  logits_after<true>(stream, B, T, D, V, rmsnorm_norm, head_2, position, nextLogits_head);
}

}  // namespace mlac
