// bwd_26_rope_rmsnormGradX_rmsnormGradGain: rope, rmsnormGradX, rmsnormGradGain, part. Emitted by mlac: edit the model, not this file.
// model.ts:25   const k = rmsnorm(concat(linear(latent, p.k), shared), p.kNorm);
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  d_k [B T H N+R], concat [B T H N+R], kNorm [N+R]
// writes d_kNorm [N+R], part [B T H N], d_shared [B T H R]
// 12.6 MFLOP, 4.7 MB, 2.7 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/rows.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t H = 4;
constexpr int64_t N_R = 48;  // N+R
constexpr int64_t N = 32;
constexpr int64_t R = 16;

}  // namespace

namespace {

constexpr int LANES = 32;  // that work on one row
constexpr int STEP = 1;  // columns that a lane takes at a time
using Block = RowBlock<LANES>;

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// 32 lanes a row of [B T H].
__global__ void __launch_bounds__(Block::THREADS, 1) row_kernel(const bf16* d_k, const bf16* concat, const float* kNorm, bf16* part, bf16* d_shared, const float* rope_cos, const float* rope_sin, float* workspace) {
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  __shared__ __align__(16) float d_k_2_row_of_team[Block::TEAMS][N_R];
  float* const d_k_2_row = d_k_2_row_of_team[team];
  __shared__ __align__(16) float rmsnorm_grad_x_kNorm_row_of_team[Block::TEAMS][N_R];
  float* const rmsnorm_grad_x_kNorm_row = rmsnorm_grad_x_kNorm_row_of_team[team];
  float d_kNorm_partial[chunks(N_R)] = {};
  for (int64_t row = blockIdx.x * int64_t(Block::TEAMS) + team; row < B * T * H; row += gridDim.x * int64_t(Block::TEAMS)) {
    const bf16* d_k_row = d_k + row * N_R;
    const bf16* concat_row = concat + row * N_R;
    bf16* part_row = part + row * N;
    bf16* d_shared_row = d_shared + row * R;
    __syncwarp();
    for (int i = lane; i < 32; i += LANES) {
      d_k_2_row[i] = d_k_row[i];
    }
    for (int i = lane; i < 8; i += LANES) {
      const real cosine = rope_cos[(row / H % T) * 8 + i], sine = rope_sin[(row / H % T) * 8 + i];
      const real turned_u = d_k_row[32 + i], turned_v = d_k_row[40 + i];
      d_k_2_row[32 + i] = turned_u * cosine + turned_v * sine;
      d_k_2_row[40 + i] = turned_v * cosine - turned_u * sine;
    }
    __syncwarp();
    real rstd_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(N_R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= N_R) break;
      rstd_of_lane += to_float(concat_row[i]) * to_float(concat_row[i]);
    }
    const real rstd = 1 / std::sqrt(sum_over_row<LANES>(rstd_of_lane) / real(N_R) + real(0.000001));
    real along_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(N_R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= N_R) break;
      along_of_lane += to_float(d_k_2_row[i]) * to_float(kNorm[i]) * to_float(concat_row[i]);
    }
    const real along = sum_over_row<LANES>(along_of_lane) / real(N_R);
    #pragma unroll
    for (int c = 0; c < chunks(N_R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= N_R) break;
      const real rmsnorm_grad_x_kNorm_i = rstd * (to_float(d_k_2_row[i]) * to_float(kNorm[i]) - to_float(concat_row[i]) * (rstd * rstd * along));
      rmsnorm_grad_x_kNorm_row[i] = from_float<float>(rmsnorm_grad_x_kNorm_i);
    }
    #pragma unroll
    for (int c = 0; c < chunks(N_R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= N_R) continue;
      d_kNorm_partial[c] += to_float(d_k_2_row[i]) * to_float(concat_row[i]) * rstd;
    }
    __syncwarp();
    for (int i = lane; i < 32; i += LANES) {
      part_row[i] = rmsnorm_grad_x_kNorm_row[0 + i];
    }
    __syncwarp();
    for (int i = lane; i < 16; i += LANES) {
      d_shared_row[i] = rmsnorm_grad_x_kNorm_row[32 + i];
    }
    __syncwarp();
  }
  sum_of_teams<N_R, LANES, STEP>(d_kNorm_partial, workspace + blockIdx.x * (N_R) + 0);
}

}  // namespace

void bwd_26_rope_rmsnormGradX_rmsnormGradGain(cudaStream_t stream, const bf16* d_k, const bf16* concat, const float* kNorm, float* d_kNorm, bf16* part, bf16* d_shared, const float* rope_cos, const float* rope_sin, char* workspace) {
  const Range range(stream, "bwd_26_rope_rmsnormGradX_rmsnormGradGain");
  const int blocks = Block::count_of_sums(B * T * H);
  float* const partials = reinterpret_cast<float*>(workspace);
  row_kernel<<<blocks, Block::THREADS, 0, stream>>>(d_k, concat, kNorm, part, d_shared, rope_cos, rope_sin, partials);
  // The blocks' sums are added in their order: the same bits every time.
  sum_of_blocks<<<ceil_div(N_R, WARP), SUM_THREADS, 0, stream>>>(partials + 0, blocks, N_R, N_R, d_kNorm, true);
}

}  // namespace mlac
