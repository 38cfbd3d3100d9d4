// prefill_14_rmsnorm: rmsnorm. Emitted by mlac: edit the model, not this file.
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  add [B T D], ffnNorm [D]
// writes rmsnorm_ffnNorm [B T D]
// 65.5 kFLOP, 132 kB in float32, 0.50 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t D = 128;

}  // namespace

void prefill_14_rmsnorm(const real* add, const real* ffnNorm, real* __restrict rmsnorm_ffnNorm) {
  const Range range("prefill_14_rmsnorm");
  // one round per row of [B T]
  const RowChunks chunks = row_chunks(B * T);
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
