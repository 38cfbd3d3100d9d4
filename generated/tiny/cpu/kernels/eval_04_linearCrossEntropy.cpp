// eval_04_linearCrossEntropy: linearCrossEntropy. Emitted by mlac: edit the model, not this file.
// model.ts:58   return linearCrossEntropy(rmsnorm(x, p.norm), p.head, targets);
// reads  rmsnorm_norm [B T D], head_2 [V D], targets [B T] i32
// writes loss [], lse [B T]
// 268 MFLOP, 2.3 MB in float32, 1.2e+2 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t V = 256;

}  // namespace

/*
 * Mean cross entropy of softmax(rmsnorm_norm · head_2ᵀ). Logits never leave the product's epilogue: each run of columns leaves its largest
 * logit and its sum of exponentials, and those are joined row by row. lse keeps the log of the whole sum.
 */
void eval_04_linearCrossEntropy(const real* rmsnorm_norm, const real* head_2, const int32_t* targets, real* __restrict loss, real* __restrict lse, real* __restrict workspace) {
  const Range range("eval_04_linearCrossEntropy");
  constexpr int64_t ROWS = 256;  // rows of one product
  constexpr int64_t RUNS = (V + TILE_COLUMNS - 1) / TILE_COLUMNS;
  real* top = workspace;
  real* sum = top + ROWS * RUNS;
  real* wanted = sum + ROWS * RUNS;
  double sum_of_losses = 0;
  for (int64_t begin = 0; begin < (B * T); begin += ROWS) {
    const int64_t rows = std::min(ROWS, (B * T) - begin);
    const int32_t* target = targets + begin;
    const real* x_rows = rmsnorm_norm + begin * D;
    std::fill_n(top, ROWS * RUNS, -std::numeric_limits<real>::infinity());
    std::fill_n(sum, ROWS * RUNS, real(0));
    const auto hidden = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
      return [=](int64_t m, int64_t k) { return x_rows[m * D + k]; };
    });
    const auto head = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
      return [=](int64_t k, int64_t n) { return head_2[n * D + k]; };
    });
    contract<1>(Grid{1, rows, V }, [=](int64_t, int64_t m, int64_t n, int64_t count, const real* z) {
      const int64_t run = m * RUNS + n / TILE_COLUMNS;
      real most = z[0], total = 0;
#pragma omp simd reduction(max : most)
      for (int64_t j = 0; j < count; ++j) most = larger(z[j], most);
#pragma omp simd reduction(+ : total)
      for (int64_t j = 0; j < count; ++j) total += exp(z[j] - most);
      top[run] = most;
      sum[run] = total;
      if (target[m] >= n && target[m] < n + count) wanted[m] = z[target[m] - n];
    }, product<0>(D, hidden, head));

    for (int64_t m = 0; m < rows; ++m) {
      const real most = *std::max_element(top + m * RUNS, top + (m + 1) * RUNS);
      double total = 0;
      for (int64_t run = m * RUNS; run < (m + 1) * RUNS; ++run) total += double(sum[run]) * std::exp(double(top[run] - most));
      const double log_sum = most + std::log(total);
      lse[begin + m] = real(log_sum);
      sum_of_losses += log_sum - wanted[m];
    }
  }
  loss[0] = real(sum_of_losses / (B * T));
}

}  // namespace mlac
