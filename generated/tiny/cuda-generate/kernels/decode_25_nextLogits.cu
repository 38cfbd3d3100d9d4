// decode_25_nextLogits: nextLogits. Emitted by mlac: edit the model, not this file.
// reads  rmsnorm_norm [B D], head_2 [V D]
// writes nextLogits_head [B V]
// 524 kFLOP, 75.8 kB, 6.9 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/next_logits_few.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 8;
constexpr int64_t D = 128;
constexpr int64_t V = 256;

}  // namespace

// Logits of each row: nextLogits_head[b, v] = ⟨rmsnorm_norm[b], head_2[v]⟩
void decode_25_nextLogits(cudaStream_t stream, const bf16* rmsnorm_norm, const bf16* head_2, float* nextLogits_head) {
  const Range range(stream, "decode_25_nextLogits");
  launched(logits_of_rows<B>(stream, D, V, rmsnorm_norm, head_2, nextLogits_head));
}

}  // namespace mlac
