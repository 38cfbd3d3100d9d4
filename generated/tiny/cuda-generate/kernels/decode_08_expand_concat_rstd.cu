// decode_08_expand_concat_rstd: expand, concat, rstd, cacheWrite. Emitted by mlac: edit the model, not this file.
// model.ts:23   const shared = expand(linear(x, p.kRope), "H"); // one rotary key for all heads
// model.ts:25   const k = rmsnorm(concat(linear(latent, p.k), shared), p.kNorm);
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  linear_kRope [B R], linear_k [B H N], slot [B] i32, position [B] i32
// writes norm [slots context H]
// 3.1 kFLOP, 2.5 kB, 1.2 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/rows.cuh"
#include "../lib/overlap.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 8;
constexpr int64_t R = 16;
constexpr int64_t H = 4;
constexpr int64_t N = 32;
constexpr int64_t N_R = 48;  // N+R
constexpr int64_t context = 256;

}  // namespace

namespace {

constexpr int LANES = 32;  // that work on one row
constexpr int STEP = 1;  // columns that a lane takes at a time
using Block = RowBlock<LANES>;

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// 32 lanes a row of [B H].
__global__ void __launch_bounds__(Block::THREADS, 1) row_kernel(const bf16* linear_kRope, const bf16* linear_k, const int32_t* slot, const int32_t* position, float* norm) {
  next_may_begin();
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  __shared__ __align__(16) float concat_row_of_team[Block::TEAMS][N_R];
  float* const concat_row = concat_row_of_team[team];
  inputs_ready();
  for (int64_t row = blockIdx.x * int64_t(Block::TEAMS) + team; row < B * H; row += gridDim.x * int64_t(Block::TEAMS)) {
    const bf16* linear_kRope_row = linear_kRope + (row / H) * R;
    const bf16* linear_k_row = linear_k + row * N;
    const int32_t* slot_row = slot + row / H;
    const int32_t* position_row = position + row / H;
    const int64_t cached = slot_row[0] * context + position_row[0];  // below 0: nowhere
    __syncwarp();
    for (int i = lane; i < 32; i += LANES) {
      concat_row[i] = linear_k_row[i];
    }
    for (int i = lane; i < 16; i += LANES) {
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
    if (lane == 0 && cached >= 0) norm[cached * H + row % H] = from_float<float>(rstd);
    __syncwarp();
  }
}

}  // namespace

void decode_08_expand_concat_rstd(cudaStream_t stream, const bf16* linear_kRope, const bf16* linear_k, const int32_t* slot, const int32_t* position, float* norm) {
  const Range range(stream, "decode_08_expand_concat_rstd");
  const int blocks = Block::count(B * H);
  launched(launch_overlapping(stream, row_kernel, unsigned(blocks), Block::THREADS, 0, 1, linear_kRope, linear_k, slot, position, norm));
}

}  // namespace mlac
