// bwd_39_rmsnormGradX_rmsnormGradGain: rmsnormGradX, rmsnormGradGain. Emitted by mlac: edit the model, not this file.
// model.ts:22   const latent = rmsnorm(linear(x, p.kvDown), p.kvNorm);
// reads  add [B T C], linear_kvDown [B T C], kvNorm [C]
// writes rmsnorm_grad_x_kvNorm [B T C], d_kvNorm [C]
// 3.9 MFLOP, 3.1 MB in float32, 1.2 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t C = 64;

}  // namespace

void bwd_39_rmsnormGradX_rmsnormGradGain(const real* add, const real* linear_kvDown, const real* kvNorm, real* __restrict rmsnorm_grad_x_kvNorm, real* __restrict d_kvNorm, real* __restrict workspace) {
  const Range range("bwd_39_rmsnormGradX_rmsnormGradGain");
  // one round per row of [B T]
  const RowChunks chunks = row_chunks(B * T);
  parallel_for(chunks.count, [=](int64_t chunk) {
    real* d_kvNorm_partial = workspace + chunk * (C) + 0;
    std::fill_n(d_kvNorm_partial, C, real(0));
    for (int64_t row = chunks.begin(chunk); row < chunks.end(chunk); ++row) {
      const real* add_row = add + row * C;
      const real* linear_kvDown_row = linear_kvDown + row * C;
      real* rmsnorm_grad_x_kvNorm_row = rmsnorm_grad_x_kvNorm + row * C;
      real rstd_sum = 0;
      #pragma omp simd reduction(+ : rstd_sum)
      for (int64_t i = 0; i < C; ++i) rstd_sum += linear_kvDown_row[i] * linear_kvDown_row[i];
      const real rstd = 1 / std::sqrt(rstd_sum / real(C) + real(0.000001));
      real along_sum = 0;
      #pragma omp simd reduction(+ : along_sum)
      for (int64_t i = 0; i < C; ++i) along_sum += add_row[i] * kvNorm[i] * linear_kvDown_row[i];
      const real along = along_sum / real(C);
      #pragma omp simd
      for (int64_t i = 0; i < C; ++i) {
        const real rmsnorm_grad_x_kvNorm_i = rstd * (add_row[i] * kvNorm[i] - linear_kvDown_row[i] * (rstd * rstd * along));
        rmsnorm_grad_x_kvNorm_row[i] = rmsnorm_grad_x_kvNorm_i;
      }
      #pragma omp simd
      for (int64_t i = 0; i < C; ++i) d_kvNorm_partial[i] += add_row[i] * linear_kvDown_row[i] * rstd;
    }
  });
  // The chunks' sums are added in their order: the same bits on any number of threads.
  for (int64_t chunk = 0; chunk < chunks.count; ++chunk) {
    const real* d_kvNorm_partial = workspace + chunk * (C) + 0;
#pragma omp simd
    for (int64_t i = 0; i < C; ++i) d_kvNorm[i] += d_kvNorm_partial[i];
  }
}

}  // namespace mlac
