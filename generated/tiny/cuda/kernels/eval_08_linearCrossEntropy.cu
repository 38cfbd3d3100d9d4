// eval_08_linearCrossEntropy: linearCrossEntropy. Emitted by mlac: edit the model, not this file.
// model.ts:58   return linearCrossEntropy(rmsnorm(x, p.norm), p.head, targets);
// reads  rmsnorm_norm [B T D], head_2 [V D], targets [B T] i32
// writes loss [], lse [B T]
// 268 MFLOP, 1.1 MB, 2.3e+2 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/cross_entropy.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t V = 256;

}  // namespace

/*
 * Mean cross entropy of softmax(rmsnorm_norm · head_2ᵀ). Logits never leave the product's epilogue: each slice of columns leaves its largest
 * logit and its sum of exponentials, and those are joined row by row. lse keeps the log of the whole sum.
 */
void eval_08_linearCrossEntropy(cudaStream_t stream, const bf16* rmsnorm_norm, const bf16* head_2, const int32_t* targets, float* loss, float* lse, char* workspace) {
  const Range range(stream, "eval_08_linearCrossEntropy");
  constexpr LossSizes SIZES{B * T, D, V, 4096};  // tokens, width, vocabulary, rows of one product
  launched(cross_entropy<true>(stream, SIZES, rmsnorm_norm, head_2, targets, loss, lse, workspace));
}

}  // namespace mlac
