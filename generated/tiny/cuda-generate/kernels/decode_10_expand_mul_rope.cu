// decode_10_expand_mul_rope: expand, mul, rope. Emitted by mlac: edit the model, not this file.
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  part_kNorm [R], linear_kRope [B R], position [B] i32
// writes rope [B R]
// 512 FLOP, 608 B, 0.84 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/rows.cuh"
#include "../lib/overlap.cuh"

namespace mlac {
namespace {

constexpr int64_t R = 16;
constexpr int64_t B = 8;

}  // namespace

namespace {

constexpr int LANES = 32;  // that work on one row
constexpr int STEP = 1;  // columns that a lane takes at a time
using Block = RowBlock<LANES>;

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// 32 lanes a row of [B].
__global__ void __launch_bounds__(Block::THREADS, 1) row_kernel(const float* part_kNorm, const bf16* linear_kRope, const int32_t* position, bf16* rope, const float* rope_cos, const float* rope_sin) {
  next_may_begin();
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  __shared__ __align__(16) float mul_row_of_team[Block::TEAMS][R];
  float* const mul_row = mul_row_of_team[team];
  inputs_ready();
  for (int64_t row = blockIdx.x * int64_t(Block::TEAMS) + team; row < B; row += gridDim.x * int64_t(Block::TEAMS)) {
    const bf16* linear_kRope_row = linear_kRope + row * R;
    const int32_t* position_row = position + row;
    bf16* rope_row = rope + row * R;
    #pragma unroll
    for (int c = 0; c < chunks(R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= R) break;
      const real mul_i = to_float(linear_kRope_row[i]) * to_float(part_kNorm[i]);
      mul_row[i] = from_float<float>(mul_i);
    }
    __syncwarp();
    for (int i = lane; i < 8; i += LANES) {
      const real cosine = rope_cos[(position_row[0]) * 8 + i], sine = rope_sin[(position_row[0]) * 8 + i];
      const real turned_u = mul_row[0 + i], turned_v = mul_row[8 + i];
      rope_row[0 + i] = turned_u * cosine - turned_v * sine;
      rope_row[8 + i] = turned_v * cosine + turned_u * sine;
    }
    __syncwarp();
  }
}

}  // namespace

void decode_10_expand_mul_rope(cudaStream_t stream, const float* part_kNorm, const bf16* linear_kRope, const int32_t* position, bf16* rope, const float* rope_cos, const float* rope_sin) {
  const Range range(stream, "decode_10_expand_mul_rope");
  const int blocks = Block::count(B);
  launched(launch_overlapping(stream, row_kernel, unsigned(blocks), Block::THREADS, 0, 1, part_kNorm, linear_kRope, position, rope, rope_cos, rope_sin));
}

}  // namespace mlac
