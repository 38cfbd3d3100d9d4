// bwd_24_rmsnorm_rope: rmsnorm, rope. Emitted by mlac: edit the model, not this file.
// model.ts:24   const q = rmsnorm(linear(x, p.q), p.qNorm);
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  linear_q [B T H N+R], qNorm [N+R]
// writes rope [B T H N+R]
// 3.9 MFLOP, 3.1 MB, 1.2 FLOP a byte
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
__global__ void __launch_bounds__(Block::THREADS, 1) row_kernel(const bf16* linear_q, const float* qNorm, bf16* rope, const float* rope_cos, const float* rope_sin) {
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  __shared__ __align__(16) float q_row_of_team[Block::TEAMS][N_R];
  float* const q_row = q_row_of_team[team];
  for (int64_t row = blockIdx.x * int64_t(Block::TEAMS) + team; row < B * T * H; row += gridDim.x * int64_t(Block::TEAMS)) {
    const bf16* linear_q_row = linear_q + row * N_R;
    bf16* rope_row = rope + row * N_R;
    real rstd_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(N_R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= N_R) break;
      rstd_of_lane += to_float(linear_q_row[i]) * to_float(linear_q_row[i]);
    }
    const real rstd = 1 / std::sqrt(sum_over_row<LANES>(rstd_of_lane) / real(N_R) + real(0.000001));
    #pragma unroll
    for (int c = 0; c < chunks(N_R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= N_R) break;
      const real q_i = to_float(linear_q_row[i]) * rstd * to_float(qNorm[i]);
      q_row[i] = from_float<float>(q_i);
    }
    __syncwarp();
    for (int i = lane; i < 32; i += LANES) {
      rope_row[i] = q_row[i];
    }
    for (int i = lane; i < 8; i += LANES) {
      const real cosine = rope_cos[(row / H % T) * 8 + i], sine = rope_sin[(row / H % T) * 8 + i];
      const real turned_u = q_row[32 + i], turned_v = q_row[40 + i];
      rope_row[32 + i] = turned_u * cosine - turned_v * sine;
      rope_row[40 + i] = turned_v * cosine + turned_u * sine;
    }
    __syncwarp();
  }
}

}  // namespace

void bwd_24_rmsnorm_rope(cudaStream_t stream, const bf16* linear_q, const float* qNorm, bf16* rope, const float* rope_cos, const float* rope_sin) {
  const Range range(stream, "bwd_24_rmsnorm_rope");
  const int blocks = Block::count(B * T * H);
  row_kernel<<<blocks, Block::THREADS, 0, stream>>>(linear_q, qNorm, rope, rope_cos, rope_sin);
}

}  // namespace mlac
