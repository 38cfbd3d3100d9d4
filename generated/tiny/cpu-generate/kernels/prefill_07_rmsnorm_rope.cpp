// prefill_07_rmsnorm_rope: rmsnorm, rope. Emitted by mlac: edit the model, not this file.
// model.ts:24   const q = rmsnorm(linear(x, p.q), p.qNorm);
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  linear_q [B T H N+R], qNorm [N+R]
// writes rope [B T H N+R]
// 123 kFLOP, 197 kB in float32, 0.62 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t H = 4;
constexpr int64_t N_R = 48;  // N+R

// Looked up by position; filled when the library is loaded.
const std::vector<real> rope_cos = table(1024, [](int64_t i) { return std::cos(double(int64_t(i) / 8) * std::pow(double(10000), -2.0 * double(int64_t(i) % 8) / 16)); });
const std::vector<real> rope_sin = table(1024, [](int64_t i) { return std::sin(double(int64_t(i) / 8) * std::pow(double(10000), -2.0 * double(int64_t(i) % 8) / 16)); });

}  // namespace

void prefill_07_rmsnorm_rope(const real* linear_q, const real* qNorm, real* __restrict rope) {
  const Range range("prefill_07_rmsnorm_rope");
  // one round per row of [B T H]
  const RowChunks chunks = row_chunks(B * T * H);
  parallel_for(chunks.count, [=](int64_t chunk) {
    for (int64_t row = chunks.begin(chunk); row < chunks.end(chunk); ++row) {
      const real* linear_q_row = linear_q + row * N_R;
      real* rope_row = rope + row * N_R;
      real rstd_sum = 0;
      #pragma omp simd reduction(+ : rstd_sum)
      for (int64_t i = 0; i < N_R; ++i) rstd_sum += linear_q_row[i] * linear_q_row[i];
      const real rstd = 1 / std::sqrt(rstd_sum / real(N_R) + real(0.000001));
      real q_row[N_R];
      #pragma omp simd
      for (int64_t i = 0; i < N_R; ++i) {
        const real q_i = linear_q_row[i] * rstd * qNorm[i];
        q_row[i] = q_i;
      }
      #pragma omp simd
      for (int64_t i = 0; i < 32; ++i) rope_row[i] = q_row[i];
      #pragma omp simd
      for (int64_t i = 0; i < 8; ++i) {
        const real cosine = rope_cos[(row / H % T) * 8 + i], sine = rope_sin[(row / H % T) * 8 + i];
        const real turned_u = q_row[32 + i], turned_v = q_row[40 + i];
        rope_row[32 + i] = turned_u * cosine - turned_v * sine;
        rope_row[40 + i] = turned_v * cosine + turned_u * sine;
      }
    }
  });
}

}  // namespace mlac
