// decode_19_nextLogits_rmsnorm: rmsnorm, nextLogits. Emitted by mlac: edit the model, not this file.
// model.ts:58   return linearCrossEntropy(rmsnorm(x, p.norm), p.head, targets);
// reads  x [B D], norm [D], head_2 [V D]
// writes nextLogits_head [B V]
// 528 kFLOP, 76.3 kB, 6.9 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/next_logits_few.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 8;
constexpr int64_t D = 128;
constexpr int64_t V = 256;

}  // namespace

// Logits of each row: nextLogits_head[b, v] = ⟨x[b], head_2[v]⟩
void decode_19_nextLogits_rmsnorm(cudaStream_t stream, const bf16* x, const float* norm, const bf16* head_2, float* nextLogits_head) {
  const Range range(stream, "decode_19_nextLogits_rmsnorm");
  launched(logits_of_rows<B>(stream, D, V, x, head_2, nextLogits_head, few::Normed{norm, float(0.000001)}));
}

}  // namespace mlac
