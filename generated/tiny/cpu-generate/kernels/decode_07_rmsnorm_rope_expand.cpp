// decode_07_rmsnorm_rope_expand: rmsnorm, rope, expand, mul, part. Emitted by mlac: edit the model, not this file.
// model.ts:24   const q = rmsnorm(linear(x, p.q), p.qNorm);
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  linear_q [B H N+R], qNorm [N+R], position [B] i32, kNorm [N+R]
// writes part [B H N], part_2 [B H R]
// 9.2 kFLOP, 12.7 kB in float32, 0.73 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 8;
constexpr int64_t H = 4;
constexpr int64_t N_R = 48;  // N+R
constexpr int64_t N = 32;
constexpr int64_t R = 16;

// Looked up by position; filled when the library is loaded.
const std::vector<real> rope_cos = table(2048, [](int64_t i) { return std::cos(double(int64_t(i) / 8) * std::pow(double(10000), -2.0 * double(int64_t(i) % 8) / 16)); });
const std::vector<real> rope_sin = table(2048, [](int64_t i) { return std::sin(double(int64_t(i) / 8) * std::pow(double(10000), -2.0 * double(int64_t(i) % 8) / 16)); });

}  // namespace

void decode_07_rmsnorm_rope_expand(const real* linear_q, const real* qNorm, const int32_t* position, const real* kNorm, real* __restrict part, real* __restrict part_2) {
  const Range range("decode_07_rmsnorm_rope_expand");
  // one round per row of [B H]
  const RowChunks chunks = row_chunks(B * H);
  parallel_for(chunks.count, [=](int64_t chunk) {
    for (int64_t row = chunks.begin(chunk); row < chunks.end(chunk); ++row) {
      const real* linear_q_row = linear_q + row * N_R;
      const int32_t* position_row = position + row / H;
      real* part_row = part + row * N;
      real* part_2_row = part_2 + row * R;
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
      real rope_row[N_R];
      #pragma omp simd
      for (int64_t i = 0; i < 32; ++i) rope_row[i] = q_row[i];
      #pragma omp simd
      for (int64_t i = 0; i < 8; ++i) {
        const real cosine = rope_cos[(position_row[0]) * 8 + i], sine = rope_sin[(position_row[0]) * 8 + i];
        const real turned_u = q_row[32 + i], turned_v = q_row[40 + i];
        rope_row[32 + i] = turned_u * cosine - turned_v * sine;
        rope_row[40 + i] = turned_v * cosine + turned_u * sine;
      }
      real mul_row[N_R];
      #pragma omp simd
      for (int64_t i = 0; i < N_R; ++i) {
        const real mul_i = rope_row[i] * kNorm[i];
        mul_row[i] = mul_i;
      }
      #pragma omp simd
      for (int64_t i = 0; i < 32; ++i) part_row[i] = mul_row[0 + i];
      #pragma omp simd
      for (int64_t i = 0; i < 16; ++i) part_2_row[i] = rope_row[32 + i];
    }
  });
}

}  // namespace mlac
