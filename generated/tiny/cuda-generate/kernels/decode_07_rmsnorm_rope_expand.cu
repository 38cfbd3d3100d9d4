// decode_07_rmsnorm_rope_expand: rmsnorm, rope, expand, mul, part. Emitted by mlac: edit the model, not this file.
// model.ts:24   const q = rmsnorm(linear(x, p.q), p.qNorm);
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  linear_q [B H N+R], qNorm [N+R], position [B] i32, kNorm [N+R]
// writes part [B H N], part_2 [B H R]
// 9.2 kFLOP, 6.6 kB, 1.4 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/rows.cuh"
#include "../lib/overlap.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 8;
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

/// 32 lanes a row of [B H].
__global__ void __launch_bounds__(Block::THREADS, 1) row_kernel(const bf16* linear_q, const float* qNorm, const int32_t* position, const float* kNorm, bf16* part, bf16* part_2, const float* rope_cos, const float* rope_sin) {
  next_may_begin();
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  __shared__ __align__(16) float q_row_of_team[Block::TEAMS][N_R];
  float* const q_row = q_row_of_team[team];
  __shared__ __align__(16) float rope_row_of_team[Block::TEAMS][N_R];
  float* const rope_row = rope_row_of_team[team];
  inputs_ready();
  for (int64_t row = blockIdx.x * int64_t(Block::TEAMS) + team; row < B * H; row += gridDim.x * int64_t(Block::TEAMS)) {
    const bf16* linear_q_row = linear_q + row * N_R;
    const int32_t* position_row = position + row / H;
    bf16* part_row = part + row * N;
    bf16* part_2_row = part_2 + row * R;
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
      const real cosine = rope_cos[(position_row[0]) * 8 + i], sine = rope_sin[(position_row[0]) * 8 + i];
      const real turned_u = q_row[32 + i], turned_v = q_row[40 + i];
      rope_row[32 + i] = turned_u * cosine - turned_v * sine;
      rope_row[40 + i] = turned_v * cosine + turned_u * sine;
    }
    __syncwarp();
    #pragma unroll
    for (int c = 0; c < chunks(N_R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= N_R) break;
      const real mul_i = to_float(rope_row[i]) * to_float(kNorm[i]);
      q_row[i] = from_float<float>(mul_i);
    }
    __syncwarp();
    for (int i = lane; i < 32; i += LANES) {
      part_row[i] = q_row[0 + i];
    }
    __syncwarp();
    for (int i = lane; i < 16; i += LANES) {
      part_2_row[i] = rope_row[32 + i];
    }
    __syncwarp();
  }
}

}  // namespace

void decode_07_rmsnorm_rope_expand(cudaStream_t stream, const bf16* linear_q, const float* qNorm, const int32_t* position, const float* kNorm, bf16* part, bf16* part_2, const float* rope_cos, const float* rope_sin) {
  const Range range(stream, "decode_07_rmsnorm_rope_expand");
  const int blocks = Block::count(B * H);
  launched(launch_overlapping(stream, row_kernel, unsigned(blocks), Block::THREADS, 0, 1, linear_q, qNorm, position, kNorm, part, part_2, rope_cos, rope_sin));
}

}  // namespace mlac
