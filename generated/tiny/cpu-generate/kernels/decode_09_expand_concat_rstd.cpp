// decode_09_expand_concat_rstd: expand, concat, rstd. Emitted by mlac: edit the model, not this file.
// model.ts:23   const shared = expand(linear(x, p.kRope), "H"); // one rotary key for all heads
// model.ts:25   const k = rmsnorm(concat(linear(latent, p.k), shared), p.kNorm);
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  linear_kRope [B R], linear_k [B H N]
// writes rstd [B H]
// 3.1 kFLOP, 4.7 kB in float32, 0.65 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 8;
constexpr int64_t R = 16;
constexpr int64_t H = 4;
constexpr int64_t N = 32;
constexpr int64_t N_R = 48;  // N+R

}  // namespace

void decode_09_expand_concat_rstd(const real* linear_kRope, const real* linear_k, real* __restrict rstd) {
  const Range range("decode_09_expand_concat_rstd");
  // one round per row of [B H]
  const RowChunks chunks = row_chunks(B * H);
  parallel_for(chunks.count, [=](int64_t chunk) {
    for (int64_t row = chunks.begin(chunk); row < chunks.end(chunk); ++row) {
      const real* linear_kRope_row = linear_kRope + (row / H) * R;
      const real* linear_k_row = linear_k + row * N;
      real concat_row[N_R];
      #pragma omp simd
      for (int64_t i = 0; i < 32; ++i) concat_row[i] = linear_k_row[i];
      #pragma omp simd
      for (int64_t i = 0; i < 16; ++i) concat_row[32 + i] = linear_kRope_row[i];
      real rstd_sum = 0;
      #pragma omp simd reduction(+ : rstd_sum)
      for (int64_t i = 0; i < N_R; ++i) rstd_sum += concat_row[i] * concat_row[i];
      const real rstd_2 = 1 / std::sqrt(rstd_sum / real(N_R) + real(0.000001));
      rstd[row] = rstd_2;
    }
  });
}

}  // namespace mlac
