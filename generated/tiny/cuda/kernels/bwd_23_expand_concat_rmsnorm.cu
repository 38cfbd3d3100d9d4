// bwd_23_expand_concat_rmsnorm: expand, concat, rmsnorm, rope. Emitted by mlac: edit the model, not this file.
// model.ts:23   const shared = expand(linear(x, p.kRope), "H"); // one rotary key for all heads
// model.ts:25   const k = rmsnorm(concat(linear(latent, p.k), shared), p.kNorm);
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  linear_kRope [B T R], linear_k [B T H N], kNorm [N+R]
// writes concat [B T H N+R], rope [B T H N+R]
// 3.9 MFLOP, 4.3 MB, 0.91 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/rows.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t R = 16;
constexpr int64_t H = 4;
constexpr int64_t N = 32;
constexpr int64_t N_R = 48;  // N+R

}  // namespace

namespace {

constexpr int LANES = 32;  // that work on one row
constexpr int STEP = 1;  // columns that a lane takes at a time
using Block = RowBlock<LANES>;

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// 32 lanes a row of [B T H].
__global__ void __launch_bounds__(Block::THREADS, 1) row_kernel(const bf16* linear_kRope, const bf16* linear_k, const float* kNorm, bf16* concat, bf16* rope, const float* rope_cos, const float* rope_sin) {
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  __shared__ __align__(16) float k__row_of_team[Block::TEAMS][N_R];
  float* const k__row = k__row_of_team[team];
  for (int64_t row = blockIdx.x * int64_t(Block::TEAMS) + team; row < B * T * H; row += gridDim.x * int64_t(Block::TEAMS)) {
    const bf16* linear_kRope_row = linear_kRope + ((row / (T * H)) * T + (row / H % T)) * R;
    const bf16* linear_k_row = linear_k + row * N;
    bf16* concat_row = concat + row * N_R;
    bf16* rope_row = rope + row * N_R;
    __syncwarp();
    for (int i = lane; i < 32; i += WARP) {
      concat_row[i] = linear_k_row[i];
    }
    for (int i = lane; i < 16; i += WARP) {
      concat_row[32 + i] = linear_kRope_row[i];
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
    #pragma unroll
    for (int c = 0; c < chunks(N_R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= N_R) break;
      const real k__i = to_float(concat_row[i]) * rstd * to_float(kNorm[i]);
      k__row[i] = k__i;
    }
    __syncwarp();
    for (int i = lane; i < 32; i += WARP) {
      rope_row[i] = k__row[i];
    }
    for (int i = lane; i < 8; i += WARP) {
      const real cosine = rope_cos[(row / H % T) * 8 + i], sine = rope_sin[(row / H % T) * 8 + i];
      const real turned_u = k__row[32 + i], turned_v = k__row[40 + i];
      rope_row[32 + i] = turned_u * cosine - turned_v * sine;
      rope_row[40 + i] = turned_v * cosine + turned_u * sine;
    }
    __syncwarp();
  }
}

}  // namespace

void bwd_23_expand_concat_rmsnorm(cudaStream_t stream, const bf16* linear_kRope, const bf16* linear_k, const float* kNorm, bf16* concat, bf16* rope, const float* rope_cos, const float* rope_sin) {
  const Range range(stream, "bwd_23_expand_concat_rmsnorm");
  const int blocks = Block::count(B * T * H);
  row_kernel<<<blocks, Block::THREADS, 0, stream>>>(linear_kRope, linear_k, kNorm, concat, rope, rope_cos, rope_sin);
}

}  // namespace mlac
