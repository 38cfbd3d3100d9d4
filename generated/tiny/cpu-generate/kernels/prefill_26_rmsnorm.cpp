// prefill_26_rmsnorm: rmsnorm. Emitted by mlac: edit the model, not this file.
// model.ts:58   return linearCrossEntropy(rmsnorm(x, p.norm), p.head, targets);
// reads  x [B T D], norm [D]
// writes rmsnorm_norm [B T D]
// 65.5 kFLOP, 132 kB in float32, 0.50 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t D = 128;

}  // namespace

void prefill_26_rmsnorm(const real* x, const real* norm, real* __restrict rmsnorm_norm) {
  const Range range("prefill_26_rmsnorm");
  // one round per row of [B T]
  const RowChunks chunks = row_chunks(B * T);
  parallel_for(chunks.count, [=](int64_t chunk) {
    for (int64_t row = chunks.begin(chunk); row < chunks.end(chunk); ++row) {
      const real* x_row = x + row * D;
      real* rmsnorm_norm_row = rmsnorm_norm + row * D;
      real rstd_sum = 0;
      #pragma omp simd reduction(+ : rstd_sum)
      for (int64_t i = 0; i < D; ++i) rstd_sum += x_row[i] * x_row[i];
      const real rstd = 1 / std::sqrt(rstd_sum / real(D) + real(0.000001));
      #pragma omp simd
      for (int64_t i = 0; i < D; ++i) {
        const real rmsnorm_norm_i = x_row[i] * rstd * norm[i];
        rmsnorm_norm_row[i] = rmsnorm_norm_i;
      }
    }
  });
}

}  // namespace mlac
