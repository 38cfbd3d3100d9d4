// decode_04_rmsnorm_expand_concat: rmsnorm, expand, concat, rope, mul, rstd, cacheWrite, part. Emitted by mlac: edit the model, not this file.
// model.ts:22   const latent = rmsnorm(linear(x, p.kvDown), p.kvNorm);
// model.ts:23   const shared = expand(linear(x, p.kRope), "H"); // one rotary key for all heads
// model.ts:24   const q = rmsnorm(linear(x, p.q), p.qNorm);
// model.ts:25   const k = rmsnorm(concat(linear(latent, p.k), shared), p.kNorm);
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  linear_kvDown [B C], kvNorm [C], linear_q [B H N+R], qNorm [N+R], linear_kRope [B R], linear_k [B H N], position [B] i32, part_kNorm [R], slot [B] i32, kNorm [N+R]
// writes latent [slots context C], rotary [slots context R], norm [slots context H], part [B H N], part_2 [B H R]
// 14.8 kFLOP, 11.6 kB, 1.3 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/rows.cuh"
#include "../lib/overlap.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 8;
constexpr int64_t C = 64;
constexpr int64_t H = 4;
constexpr int64_t N_R = 48;  // N+R
constexpr int64_t R = 16;
constexpr int64_t N = 32;
constexpr int64_t context = 256;

}  // namespace

namespace {

namespace rows_of_latent {

constexpr int LANES = 32;  // that work on one row
constexpr int STEP = RUN;  // columns that a lane takes at a time
using Block = RowBlock<LANES>;
constexpr int BLOCKS = Block::count(B);
constexpr int64_t ROOM = 0;  // floats of shared memory of a row

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// 32 lanes a row of [B]; `block` of BLOCKS.
__device__ inline void compute(int block, [[maybe_unused]] float* room, const bf16* linear_kvDown, const float* kvNorm, const int32_t* slot, const int32_t* position, bf16* latent) {
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  for (int64_t row = block * int64_t(Block::TEAMS) + team; row < B; row += BLOCKS * int64_t(Block::TEAMS)) {
    const bf16* linear_kvDown_row = linear_kvDown + row * C;
    const int32_t* slot_row = slot + row;
    const int32_t* position_row = position + row;
    const int64_t cached = slot_row[0] * context + position_row[0];  // below 0: nowhere
    const Held<C, LANES> linear_kvDown_held(linear_kvDown_row, lane);
    real rstd_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(C); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= C) continue;
      const Run linear_kvDown_run = linear_kvDown_held.run(c);
      const Run kvNorm_run = load<true>(kvNorm + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        rstd_of_lane += linear_kvDown_run[j] * linear_kvDown_run[j];
      }
    }
    const real rstd = 1 / std::sqrt(sum_over_row<LANES>(rstd_of_lane) / real(C) + real(0.000001));
    #pragma unroll
    for (int c = 0; c < chunks(C); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= C) continue;
      const Run linear_kvDown_run_2 = linear_kvDown_held.run(c);
      const Run kvNorm_run_2 = load<true>(kvNorm + i);
      Run latent_run;
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        const real latent_2_i = linear_kvDown_run_2[j] * rstd * kvNorm_run_2[j];
        latent_run[j] = latent_2_i;
      }
      if (cached >= 0) store<true>(latent + cached * C + i, latent_run);
    }
  }
}

}  // namespace rows_of_latent

namespace rows_of_q {

constexpr int LANES = 32;  // that work on one row
constexpr int STEP = 1;  // columns that a lane takes at a time
using Block = RowBlock<LANES>;
constexpr int BLOCKS = Block::count(B * H);
constexpr int64_t ROOM = N_R + N_R;  // floats of shared memory of a row

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// 32 lanes a row of [B H]; `block` of BLOCKS.
__device__ inline void compute(int block, [[maybe_unused]] float* room, const bf16* linear_q, const float* qNorm, const int32_t* position, const float* kNorm, bf16* part, bf16* part_2, const float* rope_cos, const float* rope_sin) {
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  float* const q_row = room + team * ROOM;
  float* const rope_row = room + N_R + team * ROOM;
  for (int64_t row = block * int64_t(Block::TEAMS) + team; row < B * H; row += BLOCKS * int64_t(Block::TEAMS)) {
    const bf16* linear_q_row = linear_q + row * N_R;
    const int32_t* position_row_2 = position + row / H;
    bf16* part_row = part + row * N;
    bf16* part_2_row = part_2 + row * R;
    real rstd_of_lane_2 = 0;
    #pragma unroll
    for (int c = 0; c < chunks(N_R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= N_R) break;
      rstd_of_lane_2 += to_float(linear_q_row[i]) * to_float(linear_q_row[i]);
    }
    const real rstd_2 = 1 / std::sqrt(sum_over_row<LANES>(rstd_of_lane_2) / real(N_R) + real(0.000001));
    #pragma unroll
    for (int c = 0; c < chunks(N_R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= N_R) break;
      const real q_i = to_float(linear_q_row[i]) * rstd_2 * to_float(qNorm[i]);
      q_row[i] = from_float<float>(q_i);
    }
    __syncwarp();
    for (int i = lane; i < 32; i += LANES) {
      rope_row[i] = q_row[i];
    }
    for (int i = lane; i < 8; i += LANES) {
      const real cosine = rope_cos[(position_row_2[0]) * 8 + i], sine = rope_sin[(position_row_2[0]) * 8 + i];
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

}  // namespace rows_of_q

namespace rows_of_shared {

constexpr int LANES = 32;  // that work on one row
constexpr int STEP = 1;  // columns that a lane takes at a time
using Block = RowBlock<LANES>;
constexpr int BLOCKS = Block::count(B * H);
constexpr int64_t ROOM = N_R;  // floats of shared memory of a row

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// 32 lanes a row of [B H]; `block` of BLOCKS.
__device__ inline void compute(int block, [[maybe_unused]] float* room, const bf16* linear_kRope, const bf16* linear_k, const int32_t* slot, const int32_t* position, float* norm) {
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  float* const concat_row = room + team * ROOM;
  for (int64_t row = block * int64_t(Block::TEAMS) + team; row < B * H; row += BLOCKS * int64_t(Block::TEAMS)) {
    const bf16* linear_kRope_row = linear_kRope + (row / H) * R;
    const bf16* linear_k_row = linear_k + row * N;
    const int32_t* slot_row_2 = slot + row / H;
    const int32_t* position_row_3 = position + row / H;
    const int64_t cached_2 = slot_row_2[0] * context + position_row_3[0];  // below 0: nowhere
    __syncwarp();
    for (int i = lane; i < 32; i += LANES) {
      concat_row[i] = linear_k_row[i];
    }
    for (int i = lane; i < 16; i += LANES) {
      concat_row[32 + i] = linear_kRope_row[i];
    }
    __syncwarp();
    real rstd_of_lane_3 = 0;
    #pragma unroll
    for (int c = 0; c < chunks(N_R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= N_R) break;
      rstd_of_lane_3 += to_float(concat_row[i]) * to_float(concat_row[i]);
    }
    const real rstd_3 = 1 / std::sqrt(sum_over_row<LANES>(rstd_of_lane_3) / real(N_R) + real(0.000001));
    if (lane == 0 && cached_2 >= 0) norm[cached_2 * H + row % H] = from_float<float>(rstd_3);
    __syncwarp();
  }
}

}  // namespace rows_of_shared

namespace rows_of_rope {

constexpr int LANES = 32;  // that work on one row
constexpr int STEP = 1;  // columns that a lane takes at a time
using Block = RowBlock<LANES>;
constexpr int BLOCKS = Block::count(B);
constexpr int64_t ROOM = R + R;  // floats of shared memory of a row

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// 32 lanes a row of [B]; `block` of BLOCKS.
__device__ inline void compute(int block, [[maybe_unused]] float* room, const float* part_kNorm, const bf16* linear_kRope, const int32_t* position, const int32_t* slot, bf16* rotary, const float* rope_cos, const float* rope_sin) {
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  float* const mul_2_row = room + team * ROOM;
  float* const rope_2_row = room + R + team * ROOM;
  for (int64_t row = block * int64_t(Block::TEAMS) + team; row < B; row += BLOCKS * int64_t(Block::TEAMS)) {
    const bf16* linear_kRope_row_2 = linear_kRope + row * R;
    const int32_t* position_row_4 = position + row;
    const int32_t* slot_row_3 = slot + row;
    const int64_t cached_3 = slot_row_3[0] * context + position_row_4[0];  // below 0: nowhere
    #pragma unroll
    for (int c = 0; c < chunks(R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= R) break;
      const real mul_2_i = to_float(linear_kRope_row_2[i]) * to_float(part_kNorm[i]);
      mul_2_row[i] = from_float<float>(mul_2_i);
    }
    __syncwarp();
    for (int i = lane; i < 8; i += LANES) {
      const real cosine = rope_cos[(position_row_4[0]) * 8 + i], sine = rope_sin[(position_row_4[0]) * 8 + i];
      const real turned_u = mul_2_row[0 + i], turned_v = mul_2_row[8 + i];
      rope_2_row[0 + i] = turned_u * cosine - turned_v * sine;
      rope_2_row[8 + i] = turned_v * cosine + turned_u * sine;
    }
    __syncwarp();
    #pragma unroll
    for (int c = 0; c < chunks(R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= R) break;
      if (cached_3 >= 0) rotary[cached_3 * R + i] = from_float<bf16>(to_float(rope_2_row[i]));
    }
    __syncwarp();
  }
}

}  // namespace rows_of_rope

/// These need nothing of one another: each has blocks of its own.
__global__ void __launch_bounds__(RowBlock<WARP>::THREADS, 1) row_kernel(const bf16* linear_kvDown, const float* kvNorm, const bf16* linear_q, const float* qNorm, const bf16* linear_kRope, const bf16* linear_k, const int32_t* position, const float* part_kNorm, const int32_t* slot, const float* kNorm, bf16* latent, bf16* rotary, float* norm, bf16* part, bf16* part_2, const float* rope_cos, const float* rope_sin) {
  constexpr int64_t ROOM = std::max({rows_of_latent::ROOM, rows_of_q::ROOM, rows_of_shared::ROOM, rows_of_rope::ROOM});
  __shared__ __align__(16) float room[RowBlock<WARP>::TEAMS * std::max(ROOM, int64_t(1))];
  next_may_begin();
  inputs_ready();
  int block = blockIdx.x;
  if (block < rows_of_latent::BLOCKS) return rows_of_latent::compute(block, room, linear_kvDown, kvNorm, slot, position, latent);
  block -= rows_of_latent::BLOCKS;
  if (block < rows_of_q::BLOCKS) return rows_of_q::compute(block, room, linear_q, qNorm, position, kNorm, part, part_2, rope_cos, rope_sin);
  block -= rows_of_q::BLOCKS;
  if (block < rows_of_shared::BLOCKS) return rows_of_shared::compute(block, room, linear_kRope, linear_k, slot, position, norm);
  block -= rows_of_shared::BLOCKS;
  rows_of_rope::compute(block, room, part_kNorm, linear_kRope, position, slot, rotary, rope_cos, rope_sin);
}

}  // namespace

void decode_04_rmsnorm_expand_concat(cudaStream_t stream, const bf16* linear_kvDown, const float* kvNorm, const bf16* linear_q, const float* qNorm, const bf16* linear_kRope, const bf16* linear_k, const int32_t* position, const float* part_kNorm, const int32_t* slot, const float* kNorm, bf16* latent, bf16* rotary, float* norm, bf16* part, bf16* part_2, const float* rope_cos, const float* rope_sin) {
  const Range range(stream, "decode_04_rmsnorm_expand_concat");
  constexpr int BLOCKS = rows_of_latent::BLOCKS + rows_of_q::BLOCKS + rows_of_shared::BLOCKS + rows_of_rope::BLOCKS;
  launched(launch_overlapping(stream, row_kernel, unsigned(BLOCKS), RowBlock<WARP>::THREADS, 0, 1, linear_kvDown, kvNorm, linear_q, qNorm, linear_kRope, linear_k, position, part_kNorm, slot, kNorm, latent, rotary, norm, part, part_2, rope_cos, rope_sin));
}

}  // namespace mlac
