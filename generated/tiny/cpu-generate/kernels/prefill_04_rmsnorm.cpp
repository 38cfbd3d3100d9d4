// prefill_04_rmsnorm: rmsnorm. Emitted by mlac: edit the model, not this file.
// model.ts:22   const latent = rmsnorm(linear(x, p.kvDown), p.kvNorm);
// reads  linear_kvDown [B T C], kvNorm [C]
// writes latent [B T C]
// 32.8 kFLOP, 65.8 kB in float32, 0.50 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t C = 64;

}  // namespace

void prefill_04_rmsnorm(const real* linear_kvDown, const real* kvNorm, real* __restrict latent) {
  const Range range("prefill_04_rmsnorm");
  // one round per row of [B T]
  const RowChunks chunks = row_chunks(B * T);
  parallel_for(chunks.count, [=](int64_t chunk) {
    for (int64_t row = chunks.begin(chunk); row < chunks.end(chunk); ++row) {
      const real* linear_kvDown_row = linear_kvDown + row * C;
      real* latent_row = latent + row * C;
      real rstd_sum = 0;
      #pragma omp simd reduction(+ : rstd_sum)
      for (int64_t i = 0; i < C; ++i) rstd_sum += linear_kvDown_row[i] * linear_kvDown_row[i];
      const real rstd = 1 / std::sqrt(rstd_sum / real(C) + real(0.000001));
      #pragma omp simd
      for (int64_t i = 0; i < C; ++i) {
        const real latent_i = linear_kvDown_row[i] * rstd * kvNorm[i];
        latent_row[i] = latent_i;
      }
    }
  });
}

}  // namespace mlac
