// bwd_14_add_rmsnorm_rmsnormGradX: add, rmsnorm, rmsnormGradX, rmsnormGradGain. Emitted by mlac: edit the model, not this file.
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  x [B T D], linear_out [B T D], ffnNorm [D], add [B T D], d_x [B T D], attnNorm [D]
// writes rmsnorm_ffnNorm [B T D], d_ffnNorm [D], d_x_2 [B T D], rmsnorm_attnNorm [B T D]
// 13.1 MFLOP, 14.7 MB in float32, 0.89 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;

}  // namespace

void bwd_14_add_rmsnorm_rmsnormGradX(const real* x, const real* linear_out, const real* ffnNorm, const real* add, const real* d_x, const real* attnNorm, real* __restrict rmsnorm_ffnNorm, real* __restrict d_ffnNorm, real* __restrict d_x_2, real* __restrict rmsnorm_attnNorm, real* __restrict workspace) {
  const Range range("bwd_14_add_rmsnorm_rmsnormGradX");
  // one round per row of [B T]
  const RowChunks chunks = row_chunks(B * T);
  parallel_for(chunks.count, [=](int64_t chunk) {
    real* d_ffnNorm_partial = workspace + chunk * (D) + 0;
    std::fill_n(d_ffnNorm_partial, D, real(0));
    for (int64_t row = chunks.begin(chunk); row < chunks.end(chunk); ++row) {
      const real* x_row = x + row * D;
      const real* linear_out_row = linear_out + row * D;
      real* rmsnorm_ffnNorm_row = rmsnorm_ffnNorm + row * D;
      const real* add_row = add + row * D;
      const real* d_x_row = d_x + row * D;
      real* d_x_2_row = d_x_2 + row * D;
      real* rmsnorm_attnNorm_row = rmsnorm_attnNorm + row * D;
      real add_2_row[D];
      #pragma omp simd
      for (int64_t i = 0; i < D; ++i) {
        const real add_2_i = x_row[i] + linear_out_row[i];
        add_2_row[i] = add_2_i;
      }
      real rstd_sum = 0;
      #pragma omp simd reduction(+ : rstd_sum)
      for (int64_t i = 0; i < D; ++i) rstd_sum += add_2_row[i] * add_2_row[i];
      const real rstd = 1 / std::sqrt(rstd_sum / real(D) + real(0.000001));
      #pragma omp simd
      for (int64_t i = 0; i < D; ++i) {
        const real rmsnorm_ffnNorm_i = add_2_row[i] * rstd * ffnNorm[i];
        rmsnorm_ffnNorm_row[i] = rmsnorm_ffnNorm_i;
      }
      real along_sum = 0;
      #pragma omp simd reduction(+ : along_sum)
      for (int64_t i = 0; i < D; ++i) along_sum += add_row[i] * ffnNorm[i] * add_2_row[i];
      const real along = along_sum / real(D);
      real rmsnorm_grad_x_ffnNorm_row[D];
      #pragma omp simd
      for (int64_t i = 0; i < D; ++i) {
        const real rmsnorm_grad_x_ffnNorm_i = rstd * (add_row[i] * ffnNorm[i] - add_2_row[i] * (rstd * rstd * along));
        rmsnorm_grad_x_ffnNorm_row[i] = rmsnorm_grad_x_ffnNorm_i;
      }
      #pragma omp simd
      for (int64_t i = 0; i < D; ++i) {
        d_ffnNorm_partial[i] += add_row[i] * add_2_row[i] * rstd;
        const real d_x_2_i = d_x_row[i] + rmsnorm_grad_x_ffnNorm_row[i];
        d_x_2_row[i] = d_x_2_i;
      }
      real rstd_sum_2 = 0;
      #pragma omp simd reduction(+ : rstd_sum_2)
      for (int64_t i = 0; i < D; ++i) rstd_sum_2 += x_row[i] * x_row[i];
      const real rstd_2 = 1 / std::sqrt(rstd_sum_2 / real(D) + real(0.000001));
      #pragma omp simd
      for (int64_t i = 0; i < D; ++i) {
        const real rmsnorm_attnNorm_i = x_row[i] * rstd_2 * attnNorm[i];
        rmsnorm_attnNorm_row[i] = rmsnorm_attnNorm_i;
      }
    }
  });
  // The chunks' sums are added in their order: the same bits on any number of threads.
  for (int64_t chunk = 0; chunk < chunks.count; ++chunk) {
    const real* d_ffnNorm_partial = workspace + chunk * (D) + 0;
#pragma omp simd
    for (int64_t i = 0; i < D; ++i) d_ffnNorm[i] += d_ffnNorm_partial[i];
  }
}

}  // namespace mlac
