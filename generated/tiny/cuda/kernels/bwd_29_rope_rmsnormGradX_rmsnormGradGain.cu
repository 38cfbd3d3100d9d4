// bwd_29_rope_rmsnormGradX_rmsnormGradGain: rope, rmsnormGradX, rmsnormGradGain. Emitted by mlac: edit the model, not this file.
// model.ts:24   const q = rmsnorm(linear(x, p.q), p.qNorm);
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  d_q [B T H N+R], linear_q [B T H N+R], qNorm [N+R]
// writes rmsnorm_grad_x_qNorm [B T H N+R], d_qNorm [N+R]
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

}  // namespace

namespace {

constexpr int LANES = 32;  // that work on one row
constexpr int STEP = 1;  // columns that a lane takes at a time
using Block = RowBlock<LANES>;

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// 32 lanes a row of [B T H].
__global__ void __launch_bounds__(Block::THREADS, 1) row_kernel(const bf16* d_q, const bf16* linear_q, const float* qNorm, bf16* rmsnorm_grad_x_qNorm, const float* rope_cos, const float* rope_sin, float* workspace) {
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  __shared__ __align__(16) float d_q_2_row_of_team[Block::TEAMS][N_R];
  float* const d_q_2_row = d_q_2_row_of_team[team];
  float d_qNorm_partial[chunks(N_R)] = {};
  for (int64_t row = blockIdx.x * int64_t(Block::TEAMS) + team; row < B * T * H; row += gridDim.x * int64_t(Block::TEAMS)) {
    const bf16* d_q_row = d_q + row * N_R;
    const bf16* linear_q_row = linear_q + row * N_R;
    bf16* rmsnorm_grad_x_qNorm_row = rmsnorm_grad_x_qNorm + row * N_R;
    __syncwarp();
    for (int i = lane; i < 32; i += LANES) {
      d_q_2_row[i] = d_q_row[i];
    }
    for (int i = lane; i < 8; i += LANES) {
      const real cosine = rope_cos[(row / H % T) * 8 + i], sine = rope_sin[(row / H % T) * 8 + i];
      const real turned_u = d_q_row[32 + i], turned_v = d_q_row[40 + i];
      d_q_2_row[32 + i] = turned_u * cosine + turned_v * sine;
      d_q_2_row[40 + i] = turned_v * cosine - turned_u * sine;
    }
    __syncwarp();
    real rstd_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(N_R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= N_R) break;
      rstd_of_lane += to_float(linear_q_row[i]) * to_float(linear_q_row[i]);
    }
    const real rstd = 1 / std::sqrt(sum_over_row<LANES>(rstd_of_lane) / real(N_R) + real(0.000001));
    real along_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(N_R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= N_R) break;
      along_of_lane += to_float(d_q_2_row[i]) * to_float(qNorm[i]) * to_float(linear_q_row[i]);
    }
    const real along = sum_over_row<LANES>(along_of_lane) / real(N_R);
    #pragma unroll
    for (int c = 0; c < chunks(N_R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= N_R) break;
      const real rmsnorm_grad_x_qNorm_i = rstd * (to_float(d_q_2_row[i]) * to_float(qNorm[i]) - to_float(linear_q_row[i]) * (rstd * rstd * along));
      rmsnorm_grad_x_qNorm_row[i] = from_float<bf16>(rmsnorm_grad_x_qNorm_i);
    }
    #pragma unroll
    for (int c = 0; c < chunks(N_R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= N_R) continue;
      d_qNorm_partial[c] += to_float(d_q_2_row[i]) * to_float(linear_q_row[i]) * rstd;
    }
    __syncwarp();
  }
  sum_of_teams<N_R, LANES, STEP>(d_qNorm_partial, workspace + blockIdx.x * (N_R) + 0);
}

}  // namespace

void bwd_29_rope_rmsnormGradX_rmsnormGradGain(cudaStream_t stream, const bf16* d_q, const bf16* linear_q, const float* qNorm, bf16* rmsnorm_grad_x_qNorm, float* d_qNorm, const float* rope_cos, const float* rope_sin, char* workspace) {
  const Range range(stream, "bwd_29_rope_rmsnormGradX_rmsnormGradGain");
  const int blocks = Block::count_of_sums(B * T * H);
  float* const partials = reinterpret_cast<float*>(workspace);
  row_kernel<<<blocks, Block::THREADS, 0, stream>>>(d_q, linear_q, qNorm, rmsnorm_grad_x_qNorm, rope_cos, rope_sin, partials);
  // The blocks' sums are added in their order: the same bits every time.
  sum_of_blocks<<<ceil_div(N_R, WARP), SUM_THREADS, 0, stream>>>(partials + 0, blocks, N_R, N_R, d_qNorm, true);
}

}  // namespace mlac
