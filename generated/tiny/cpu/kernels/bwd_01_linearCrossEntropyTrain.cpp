// bwd_01_linearCrossEntropyTrain: linearCrossEntropyTrain. Emitted by mlac: edit the model, not this file.
// model.ts:58   return linearCrossEntropy(rmsnorm(x, p.norm), p.head, targets);
// reads  rmsnorm_norm [B T D], head_2 [V D], targets [B T] i32, lossScale []
// writes loss [], d_x [B T D], d_head [V D]
// 805 MFLOP, 4.5 MB in float32, 1.8e+2 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t V = 256;

}  // namespace

/*
 * Mean cross entropy of softmax(rmsnorm_norm · head_2ᵀ) and its gradients, 512 rows of logits at a time: the only ones there are. The gradient
 * of the logits is written over them. Three products.
 */
void bwd_01_linearCrossEntropyTrain(const real* rmsnorm_norm, const real* head_2, const int32_t* targets, const real* lossScale, real* __restrict loss, real* __restrict d_x, real* __restrict d_head, real* __restrict workspace) {
  const Range range("bwd_01_linearCrossEntropyTrain");
  constexpr int64_t ROWS = 512;
  real* logits = workspace;
  std::vector<double> losses((B * T));
  const real scale = lossScale[0] / (B * T);
  for (int64_t begin = 0; begin < (B * T); begin += ROWS) {
    const int64_t rows = std::min(ROWS, (B * T) - begin);
    const int32_t* target = targets + begin;
    const real* x_rows = rmsnorm_norm + begin * D;

    // logits = x · headᵀ
    const auto hidden = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
      return [=](int64_t m, int64_t k) { return x_rows[m * D + k]; };
    });
    const auto head = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
      return [=](int64_t k, int64_t n) { return head_2[n * D + k]; };
    });
    contract<1>(Grid{1, rows, V }, [=](int64_t, int64_t m, int64_t n, int64_t count, const real* sums) {
      std::copy_n(sums, count, logits + m * V + n);
    }, product<0>(D, hidden, head));

    // d logits = (softmax − one-hot of the target) · scale
    parallel_for(rows, [=, &losses](int64_t m) {
      real* z = logits + m * V;
      real most = z[0], total = 0;
#pragma omp simd reduction(max : most)
      for (int64_t v = 0; v < V; ++v) most = larger(z[v], most);
      const real wanted = z[target[m]];
#pragma omp simd reduction(+ : total)
      for (int64_t v = 0; v < V; ++v) {
        z[v] = exp(z[v] - most);
        total += z[v];
      }
      losses[begin + m] = std::log(double(total)) + most - wanted;
      const real factor = scale / total;
#pragma omp simd
      for (int64_t v = 0; v < V; ++v) z[v] *= factor;
      z[target[m]] -= scale;
    });

    // d x = d logits · head
    const auto d_logits = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
      return [=](int64_t m, int64_t k) { return logits[m * V + k]; };
    });
    const auto head_rows = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
      return [=](int64_t k, int64_t n) { return head_2[k * D + n]; };
    });
    contract<1>(Grid{1, rows, D }, [=](int64_t, int64_t m, int64_t n, int64_t count, const real* sums) {
      std::copy_n(sums, count, d_x + (begin + m) * D + n);
    }, product<0>(V, d_logits, head_rows));

    // d head += d logitsᵀ · x
    const auto d_logits_columns = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
      return [=](int64_t m, int64_t k) { return logits[k * V + m]; };
    });
    const auto hidden_rows = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
      return [=](int64_t k, int64_t n) { return x_rows[k * D + n]; };
    });
    contract<1>(Grid{1, V, D }, [=](int64_t, int64_t m, int64_t n, int64_t count, const real* sums) {
      real* row = d_head + m * D + n;
#pragma omp simd
      for (int64_t j = 0; j < count; ++j) row[j] += sums[j];
    }, product<0>(rows, d_logits_columns, hidden_rows));
  }
  loss[0] = real(std::accumulate(losses.begin(), losses.end(), 0.0) / (B * T));
}

}  // namespace mlac
