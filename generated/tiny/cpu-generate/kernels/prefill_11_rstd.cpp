// prefill_11_rstd: rstd. Emitted by mlac: edit the model, not this file.
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  concat [B T H N+R]
// writes rstd [B T H]
// 49.2 kFLOP, 100 kB in float32, 0.49 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t H = 4;
constexpr int64_t N_R = 48;  // N+R

}  // namespace

void prefill_11_rstd(const real* concat, real* __restrict rstd) {
  const Range range("prefill_11_rstd");
  // one round per row of [B T H]
  const RowChunks chunks = row_chunks(B * T * H);
  parallel_for(chunks.count, [=](int64_t chunk) {
    for (int64_t row = chunks.begin(chunk); row < chunks.end(chunk); ++row) {
      const real* concat_row = concat + row * N_R;
      real rstd_sum = 0;
      #pragma omp simd reduction(+ : rstd_sum)
      for (int64_t i = 0; i < N_R; ++i) rstd_sum += concat_row[i] * concat_row[i];
      const real rstd_2 = 1 / std::sqrt(rstd_sum / real(N_R) + real(0.000001));
      rstd[row] = rstd_2;
    }
  });
}

}  // namespace mlac
