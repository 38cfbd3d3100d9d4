// bwd_01_linearCrossEntropyTrain: linearCrossEntropyTrain. Emitted by mlac: edit the model, not this file.
// model.ts:58   return linearCrossEntropy(rmsnorm(x, p.norm), p.head, targets);
// reads  rmsnorm_norm [B T D], head_2 [V D], targets [B T] i32, lossScale []
// writes loss [], d_x [B T D], d_head [V D]
// 805 MFLOP, 2.3 MB, 3.5e+2 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/cross_entropy_train.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t V = 256;

}  // namespace

/*
 * Mean cross entropy of softmax(rmsnorm_norm · head_2ᵀ) and its gradients, 2048 rows of logits at a time: the only ones there are. Three
 * products; what stands between them is done in their epilogues and on vectors of one number a row.
 */
void bwd_01_linearCrossEntropyTrain(cudaStream_t stream, const bf16* rmsnorm_norm, const bf16* head_2, const int32_t* targets, const float* lossScale, float* loss, bf16* d_x, float* d_head, char* workspace) {
  const Range range(stream, "bwd_01_linearCrossEntropyTrain");
  constexpr bool ALIGNED = true, ADDS = true;
  constexpr LossSizes SIZES{B * T, D, V, 2048};  // tokens, width, vocabulary, rows of logits
  launched(cross_entropy_and_gradients<ALIGNED, ADDS>(
      stream, SIZES, rmsnorm_norm, head_2, targets, lossScale, loss, d_x, d_head, workspace));
}

}  // namespace mlac
