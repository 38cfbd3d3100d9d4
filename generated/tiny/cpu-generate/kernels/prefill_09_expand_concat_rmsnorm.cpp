// prefill_09_expand_concat_rmsnorm: expand, concat, rmsnorm, rope, rstd. Emitted by mlac: edit the model, not this file.
// model.ts:23   const shared = expand(linear(x, p.kRope), "H"); // one rotary key for all heads
// model.ts:25   const k = rmsnorm(concat(linear(latent, p.k), shared), p.kNorm);
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  linear_kRope [B T R], linear_k [B T H N], kNorm [N+R]
// writes rope [B T H N+R], rstd [B T H]
// 172 kFLOP, 174 kB in float32, 0.99 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t R = 16;
constexpr int64_t H = 4;
constexpr int64_t N = 32;
constexpr int64_t N_R = 48;  // N+R

// Looked up by position; filled when the library is loaded.
const std::vector<real> rope_cos = table(1024, [](int64_t i) { return std::cos(double(int64_t(i) / 8) * std::pow(double(10000), -2.0 * double(int64_t(i) % 8) / 16)); });
const std::vector<real> rope_sin = table(1024, [](int64_t i) { return std::sin(double(int64_t(i) / 8) * std::pow(double(10000), -2.0 * double(int64_t(i) % 8) / 16)); });

}  // namespace

void prefill_09_expand_concat_rmsnorm(const real* linear_kRope, const real* linear_k, const real* kNorm, real* __restrict rope, real* __restrict rstd) {
  const Range range("prefill_09_expand_concat_rmsnorm");
  // one round per row of [B T H]
  const RowChunks chunks = row_chunks(B * T * H);
  parallel_for(chunks.count, [=](int64_t chunk) {
    for (int64_t row = chunks.begin(chunk); row < chunks.end(chunk); ++row) {
      const real* linear_kRope_row = linear_kRope + ((row / (T * H)) * T + (row / H % T)) * R;
      const real* linear_k_row = linear_k + row * N;
      real* rope_row = rope + row * N_R;
      real concat_row[N_R];
      #pragma omp simd
      for (int64_t i = 0; i < 32; ++i) concat_row[i] = linear_k_row[i];
      #pragma omp simd
      for (int64_t i = 0; i < 16; ++i) concat_row[32 + i] = linear_kRope_row[i];
      real rstd_sum = 0;
      #pragma omp simd reduction(+ : rstd_sum)
      for (int64_t i = 0; i < N_R; ++i) rstd_sum += concat_row[i] * concat_row[i];
      const real rstd_2 = 1 / std::sqrt(rstd_sum / real(N_R) + real(0.000001));
      real k__row[N_R];
      #pragma omp simd
      for (int64_t i = 0; i < N_R; ++i) {
        const real k__i = concat_row[i] * rstd_2 * kNorm[i];
        k__row[i] = k__i;
      }
      #pragma omp simd
      for (int64_t i = 0; i < 32; ++i) rope_row[i] = k__row[i];
      #pragma omp simd
      for (int64_t i = 0; i < 8; ++i) {
        const real cosine = rope_cos[(row / H % T) * 8 + i], sine = rope_sin[(row / H % T) * 8 + i];
        const real turned_u = k__row[32 + i], turned_v = k__row[40 + i];
        rope_row[32 + i] = turned_u * cosine - turned_v * sine;
        rope_row[40 + i] = turned_v * cosine + turned_u * sine;
      }
      rstd[row] = rstd_2;
    }
  });
}

}  // namespace mlac
