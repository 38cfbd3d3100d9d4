// bwd_31_rmsnormGradX_rmsnormGradGain_add: rmsnormGradX, rmsnormGradGain, add. Emitted by mlac: edit the model, not this file.
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  add [B T D], x [B T D], attnNorm [D], d_x [B T D]
// writes d_attnNorm [D], add_2 [B T D]
// 8.4 MFLOP, 8.4 MB in float32, 1.0 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;

}  // namespace

void bwd_31_rmsnormGradX_rmsnormGradGain_add(const real* add, const real* x, const real* attnNorm, const real* d_x, real* __restrict d_attnNorm, real* __restrict add_2, real* __restrict workspace) {
  const Range range("bwd_31_rmsnormGradX_rmsnormGradGain_add");
  // one round per row of [B T]
  const RowChunks chunks = row_chunks(B * T);
  parallel_for(chunks.count, [=](int64_t chunk) {
    real* d_attnNorm_partial = workspace + chunk * (D) + 0;
    std::fill_n(d_attnNorm_partial, D, real(0));
    for (int64_t row = chunks.begin(chunk); row < chunks.end(chunk); ++row) {
      const real* add_row = add + row * D;
      const real* x_row = x + row * D;
      const real* d_x_row = d_x + row * D;
      real* add_2_row = add_2 + row * D;
      real rstd_sum = 0;
      #pragma omp simd reduction(+ : rstd_sum)
      for (int64_t i = 0; i < D; ++i) rstd_sum += x_row[i] * x_row[i];
      const real rstd = 1 / std::sqrt(rstd_sum / real(D) + real(0.000001));
      real along_sum = 0;
      #pragma omp simd reduction(+ : along_sum)
      for (int64_t i = 0; i < D; ++i) along_sum += add_row[i] * attnNorm[i] * x_row[i];
      const real along = along_sum / real(D);
      real d_x_2_row[D];
      #pragma omp simd
      for (int64_t i = 0; i < D; ++i) {
        const real d_x_2_i = rstd * (add_row[i] * attnNorm[i] - x_row[i] * (rstd * rstd * along));
        d_x_2_row[i] = d_x_2_i;
      }
      #pragma omp simd
      for (int64_t i = 0; i < D; ++i) {
        d_attnNorm_partial[i] += add_row[i] * x_row[i] * rstd;
        const real add_2_i = d_x_row[i] + d_x_2_row[i];
        add_2_row[i] = add_2_i;
      }
    }
  });
  // The chunks' sums are added in their order: the same bits on any number of threads.
  for (int64_t chunk = 0; chunk < chunks.count; ++chunk) {
    const real* d_attnNorm_partial = workspace + chunk * (D) + 0;
#pragma omp simd
    for (int64_t i = 0; i < D; ++i) d_attnNorm[i] += d_attnNorm_partial[i];
  }
}

}  // namespace mlac
