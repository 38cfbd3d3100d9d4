// bwd_25_rope_rmsnormGradX_rmsnormGradGain: rope, rmsnormGradX, rmsnormGradGain. Emitted by mlac: edit the model, not this file.
// model.ts:24   const q = rmsnorm(linear(x, p.q), p.qNorm);
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  d_q [B T H N+R], linear_q [B T H N+R], qNorm [N+R]
// writes rmsnorm_grad_x_qNorm [B T H N+R], d_qNorm [N+R]
// 12.6 MFLOP, 9.4 MB in float32, 1.3 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t H = 4;
constexpr int64_t N_R = 48;  // N+R

// Looked up by position; filled when the library is loaded.
const std::vector<real> rope_cos = table(2048, [](int64_t i) { return std::cos(double(int64_t(i) / 8) * std::pow(double(10000), -2.0 * double(int64_t(i) % 8) / 16)); });
const std::vector<real> rope_sin = table(2048, [](int64_t i) { return std::sin(double(int64_t(i) / 8) * std::pow(double(10000), -2.0 * double(int64_t(i) % 8) / 16)); });

}  // namespace

void bwd_25_rope_rmsnormGradX_rmsnormGradGain(const real* d_q, const real* linear_q, const real* qNorm, real* __restrict rmsnorm_grad_x_qNorm, real* __restrict d_qNorm, real* __restrict workspace) {
  const Range range("bwd_25_rope_rmsnormGradX_rmsnormGradGain");
  // one round per row of [B T H]
  const RowChunks chunks = row_chunks(B * T * H);
  parallel_for(chunks.count, [=](int64_t chunk) {
    real* d_qNorm_partial = workspace + chunk * (N_R) + 0;
    std::fill_n(d_qNorm_partial, N_R, real(0));
    for (int64_t row = chunks.begin(chunk); row < chunks.end(chunk); ++row) {
      const real* d_q_row = d_q + row * N_R;
      const real* linear_q_row = linear_q + row * N_R;
      real* rmsnorm_grad_x_qNorm_row = rmsnorm_grad_x_qNorm + row * N_R;
      real d_q_2_row[N_R];
      #pragma omp simd
      for (int64_t i = 0; i < 32; ++i) d_q_2_row[i] = d_q_row[i];
      #pragma omp simd
      for (int64_t i = 0; i < 8; ++i) {
        const real cosine = rope_cos[(row / H % T) * 8 + i], sine = rope_sin[(row / H % T) * 8 + i];
        const real turned_u = d_q_row[32 + i], turned_v = d_q_row[40 + i];
        d_q_2_row[32 + i] = turned_u * cosine + turned_v * sine;
        d_q_2_row[40 + i] = turned_v * cosine - turned_u * sine;
      }
      real rstd_sum = 0;
      #pragma omp simd reduction(+ : rstd_sum)
      for (int64_t i = 0; i < N_R; ++i) rstd_sum += linear_q_row[i] * linear_q_row[i];
      const real rstd = 1 / std::sqrt(rstd_sum / real(N_R) + real(0.000001));
      real along_sum = 0;
      #pragma omp simd reduction(+ : along_sum)
      for (int64_t i = 0; i < N_R; ++i) along_sum += d_q_2_row[i] * qNorm[i] * linear_q_row[i];
      const real along = along_sum / real(N_R);
      #pragma omp simd
      for (int64_t i = 0; i < N_R; ++i) {
        const real rmsnorm_grad_x_qNorm_i = rstd * (d_q_2_row[i] * qNorm[i] - linear_q_row[i] * (rstd * rstd * along));
        rmsnorm_grad_x_qNorm_row[i] = rmsnorm_grad_x_qNorm_i;
      }
      #pragma omp simd
      for (int64_t i = 0; i < N_R; ++i) d_qNorm_partial[i] += d_q_2_row[i] * linear_q_row[i] * rstd;
    }
  });
  // The chunks' sums are added in their order: the same bits on any number of threads.
  for (int64_t chunk = 0; chunk < chunks.count; ++chunk) {
    const real* d_qNorm_partial = workspace + chunk * (N_R) + 0;
#pragma omp simd
    for (int64_t i = 0; i < N_R; ++i) d_qNorm[i] += d_qNorm_partial[i];
  }
}

}  // namespace mlac
