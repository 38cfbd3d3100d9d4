// decode_16_rmsnorm: rmsnorm. Emitted by mlac: edit the model, not this file.
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  add [B D], ffnNorm [D]
// writes rmsnorm_ffnNorm [B D]
// 4.1 kFLOP, 8.7 kB in float32, 0.47 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 8;
constexpr int64_t D = 128;

}  // namespace

void decode_16_rmsnorm(const real* add, const real* ffnNorm, real* __restrict rmsnorm_ffnNorm) {
  const Range range("decode_16_rmsnorm");
  // one round per row of [B]
  const RowChunks chunks = row_chunks(B);
  parallel_for(chunks.count, [=](int64_t chunk) {
    for (int64_t row = chunks.begin(chunk); row < chunks.end(chunk); ++row) {
      const real* add_row = add + row * D;
      real* rmsnorm_ffnNorm_row = rmsnorm_ffnNorm + row * D;
      real rstd_sum = 0;
      #pragma omp simd reduction(+ : rstd_sum)
      for (int64_t i = 0; i < D; ++i) rstd_sum += add_row[i] * add_row[i];
      const real rstd = 1 / std::sqrt(rstd_sum / real(D) + real(0.000001));
      #pragma omp simd
      for (int64_t i = 0; i < D; ++i) {
        const real rmsnorm_ffnNorm_i = add_row[i] * rstd * ffnNorm[i];
        rmsnorm_ffnNorm_row[i] = rmsnorm_ffnNorm_i;
      }
    }
  });
}

}  // namespace mlac
