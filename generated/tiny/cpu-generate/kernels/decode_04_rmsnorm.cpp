// decode_04_rmsnorm: rmsnorm. Emitted by mlac: edit the model, not this file.
// model.ts:22   const latent = rmsnorm(linear(x, p.kvDown), p.kvNorm);
// reads  linear_kvDown [B C], kvNorm [C]
// writes latent [B C]
// 2.0 kFLOP, 4.4 kB in float32, 0.47 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 8;
constexpr int64_t C = 64;

}  // namespace

void decode_04_rmsnorm(const real* linear_kvDown, const real* kvNorm, real* __restrict latent) {
  const Range range("decode_04_rmsnorm");
  // one round per row of [B]
  const RowChunks chunks = row_chunks(B);
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
