// bwd_40_rmsnormGradX_rmsnormGradGain_add: rmsnormGradX, rmsnormGradGain, add. Emitted by mlac: edit the model, not this file.
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  add [B T D], lookup_embed [B T D], attnNorm [D], add_2 [B T D]
// writes d_attnNorm [D], add_3 [B T D]
// 8.4 MFLOP, 8.4 MB in float32, 1.0 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;

}  // namespace

void bwd_40_rmsnormGradX_rmsnormGradGain_add(const real* add, const real* lookup_embed, const real* attnNorm, const real* add_2, real* __restrict d_attnNorm, real* __restrict add_3, real* __restrict workspace) {
  const Range range("bwd_40_rmsnormGradX_rmsnormGradGain_add");
  // one round per row of [B T]
  const RowChunks chunks = row_chunks(B * T);
  parallel_for(chunks.count, [=](int64_t chunk) {
    real* d_attnNorm_partial = workspace + chunk * (D) + 0;
    std::fill_n(d_attnNorm_partial, D, real(0));
    for (int64_t row = chunks.begin(chunk); row < chunks.end(chunk); ++row) {
      const real* add_row = add + row * D;
      const real* lookup_embed_row = lookup_embed + row * D;
      const real* add_2_row = add_2 + row * D;
      real* add_3_row = add_3 + row * D;
      real rstd_sum = 0;
      #pragma omp simd reduction(+ : rstd_sum)
      for (int64_t i = 0; i < D; ++i) rstd_sum += lookup_embed_row[i] * lookup_embed_row[i];
      const real rstd = 1 / std::sqrt(rstd_sum / real(D) + real(0.000001));
      real along_sum = 0;
      #pragma omp simd reduction(+ : along_sum)
      for (int64_t i = 0; i < D; ++i) along_sum += add_row[i] * attnNorm[i] * lookup_embed_row[i];
      const real along = along_sum / real(D);
      real rmsnorm_grad_x_attnNorm_row[D];
      #pragma omp simd
      for (int64_t i = 0; i < D; ++i) {
        const real rmsnorm_grad_x_attnNorm_i = rstd * (add_row[i] * attnNorm[i] - lookup_embed_row[i] * (rstd * rstd * along));
        rmsnorm_grad_x_attnNorm_row[i] = rmsnorm_grad_x_attnNorm_i;
      }
      #pragma omp simd
      for (int64_t i = 0; i < D; ++i) {
        d_attnNorm_partial[i] += add_row[i] * lookup_embed_row[i] * rstd;
        const real add_3_i = add_2_row[i] + rmsnorm_grad_x_attnNorm_row[i];
        add_3_row[i] = add_3_i;
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
