// bwd_21_rope_rmsnormGradX_rmsnormGradGain: rope, rmsnormGradX, rmsnormGradGain, part. Emitted by mlac: edit the model, not this file.
// model.ts:25   const k = rmsnorm(concat(linear(latent, p.k), shared), p.kNorm);
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  d_k [B T H N+R], concat [B T H N+R], kNorm [N+R]
// writes d_kNorm [N+R], part [B T H N], d_shared [B T H R]
// 12.6 MFLOP, 9.4 MB in float32, 1.3 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t H = 4;
constexpr int64_t N_R = 48;  // N+R
constexpr int64_t N = 32;
constexpr int64_t R = 16;

// Looked up by position; filled when the library is loaded.
const std::vector<real> rope_cos = table(2048, [](int64_t i) { return std::cos(double(int64_t(i) / 8) * std::pow(double(10000), -2.0 * double(int64_t(i) % 8) / 16)); });
const std::vector<real> rope_sin = table(2048, [](int64_t i) { return std::sin(double(int64_t(i) / 8) * std::pow(double(10000), -2.0 * double(int64_t(i) % 8) / 16)); });

}  // namespace

void bwd_21_rope_rmsnormGradX_rmsnormGradGain(const real* d_k, const real* concat, const real* kNorm, real* __restrict d_kNorm, real* __restrict part, real* __restrict d_shared, real* __restrict workspace) {
  const Range range("bwd_21_rope_rmsnormGradX_rmsnormGradGain");
  // one round per row of [B T H]
  const RowChunks chunks = row_chunks(B * T * H);
  parallel_for(chunks.count, [=](int64_t chunk) {
    real* d_kNorm_partial = workspace + chunk * (N_R) + 0;
    std::fill_n(d_kNorm_partial, N_R, real(0));
    for (int64_t row = chunks.begin(chunk); row < chunks.end(chunk); ++row) {
      const real* d_k_row = d_k + row * N_R;
      const real* concat_row = concat + row * N_R;
      real* part_row = part + row * N;
      real* d_shared_row = d_shared + row * R;
      real d_k_2_row[N_R];
      #pragma omp simd
      for (int64_t i = 0; i < 32; ++i) d_k_2_row[i] = d_k_row[i];
      #pragma omp simd
      for (int64_t i = 0; i < 8; ++i) {
        const real cosine = rope_cos[(row / H % T) * 8 + i], sine = rope_sin[(row / H % T) * 8 + i];
        const real turned_u = d_k_row[32 + i], turned_v = d_k_row[40 + i];
        d_k_2_row[32 + i] = turned_u * cosine + turned_v * sine;
        d_k_2_row[40 + i] = turned_v * cosine - turned_u * sine;
      }
      real rstd_sum = 0;
      #pragma omp simd reduction(+ : rstd_sum)
      for (int64_t i = 0; i < N_R; ++i) rstd_sum += concat_row[i] * concat_row[i];
      const real rstd = 1 / std::sqrt(rstd_sum / real(N_R) + real(0.000001));
      real along_sum = 0;
      #pragma omp simd reduction(+ : along_sum)
      for (int64_t i = 0; i < N_R; ++i) along_sum += d_k_2_row[i] * kNorm[i] * concat_row[i];
      const real along = along_sum / real(N_R);
      real rmsnorm_grad_x_kNorm_row[N_R];
      #pragma omp simd
      for (int64_t i = 0; i < N_R; ++i) {
        const real rmsnorm_grad_x_kNorm_i = rstd * (d_k_2_row[i] * kNorm[i] - concat_row[i] * (rstd * rstd * along));
        rmsnorm_grad_x_kNorm_row[i] = rmsnorm_grad_x_kNorm_i;
      }
      #pragma omp simd
      for (int64_t i = 0; i < N_R; ++i) d_kNorm_partial[i] += d_k_2_row[i] * concat_row[i] * rstd;
      #pragma omp simd
      for (int64_t i = 0; i < 32; ++i) part_row[i] = rmsnorm_grad_x_kNorm_row[0 + i];
      #pragma omp simd
      for (int64_t i = 0; i < 16; ++i) d_shared_row[i] = rmsnorm_grad_x_kNorm_row[32 + i];
    }
  });
  // The chunks' sums are added in their order: the same bits on any number of threads.
  for (int64_t chunk = 0; chunk < chunks.count; ++chunk) {
    const real* d_kNorm_partial = workspace + chunk * (N_R) + 0;
#pragma omp simd
    for (int64_t i = 0; i < N_R; ++i) d_kNorm[i] += d_kNorm_partial[i];
  }
}

}  // namespace mlac
