// next_01_nextLogits: nextLogits. Emitted by mlac: edit the model, not this file.
// reads  rmsnorm_norm [B T D], head_2 [V D], at_ [B] i32
// writes nextLogits_head [B V]
// 1.0 MFLOP, 86.1 kB, 12 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/next_logits.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t V = 256;

}  // namespace

// Logits of one position of each sequence: nextLogits_head[b, v] = ⟨rmsnorm_norm[b, at_[b]], head_2[v]⟩
void next_01_nextLogits(cudaStream_t stream, const bf16* rmsnorm_norm, const bf16* head_2, const int32_t* at_, float* nextLogits_head) {
  const Range range(stream, "next_01_nextLogits");
  logits_after<true>(stream, B, T, D, V, rmsnorm_norm, head_2, at_, nextLogits_head);
}

}  // namespace mlac
