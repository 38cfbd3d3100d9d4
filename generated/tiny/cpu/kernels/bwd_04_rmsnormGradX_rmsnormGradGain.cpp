// bwd_04_rmsnormGradX_rmsnormGradGain: rmsnormGradX, rmsnormGradGain. Emitted by mlac: edit the model, not this file.
// model.ts:58   return linearCrossEntropy(rmsnorm(x, p.norm), p.head, targets);
// reads  d_x [B T D], x [B T D], norm [D]
// writes d_x_2 [B T D], d_norm [D]
// 7.9 MFLOP, 6.3 MB in float32, 1.2 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;

}  // namespace

void bwd_04_rmsnormGradX_rmsnormGradGain(const real* d_x, const real* x, const real* norm, real* __restrict d_x_2, real* __restrict d_norm, real* __restrict workspace) {
  const Range range("bwd_04_rmsnormGradX_rmsnormGradGain");
  // one round per row of [B T]
  const RowChunks chunks = row_chunks(B * T);
  parallel_for(chunks.count, [=](int64_t chunk) {
    real* d_norm_partial = workspace + chunk * (D) + 0;
    std::fill_n(d_norm_partial, D, real(0));
    for (int64_t row = chunks.begin(chunk); row < chunks.end(chunk); ++row) {
      const real* d_x_row = d_x + row * D;
      const real* x_row = x + row * D;
      real* d_x_2_row = d_x_2 + row * D;
      real rstd_sum = 0;
      #pragma omp simd reduction(+ : rstd_sum)
      for (int64_t i = 0; i < D; ++i) rstd_sum += x_row[i] * x_row[i];
      const real rstd = 1 / std::sqrt(rstd_sum / real(D) + real(0.000001));
      real along_sum = 0;
      #pragma omp simd reduction(+ : along_sum)
      for (int64_t i = 0; i < D; ++i) along_sum += d_x_row[i] * norm[i] * x_row[i];
      const real along = along_sum / real(D);
      #pragma omp simd
      for (int64_t i = 0; i < D; ++i) {
        const real d_x_2_i = rstd * (d_x_row[i] * norm[i] - x_row[i] * (rstd * rstd * along));
        d_x_2_row[i] = d_x_2_i;
      }
      #pragma omp simd
      for (int64_t i = 0; i < D; ++i) d_norm_partial[i] += d_x_row[i] * x_row[i] * rstd;
    }
  });
  // The chunks' sums are added in their order: the same bits on any number of threads.
  for (int64_t chunk = 0; chunk < chunks.count; ++chunk) {
    const real* d_norm_partial = workspace + chunk * (D) + 0;
#pragma omp simd
    for (int64_t i = 0; i < D; ++i) d_norm[i] += d_norm_partial[i];
  }
}

}  // namespace mlac
