// decode_09_expand_concat: expand, concat. Emitted by mlac: edit the model, not this file.
// model.ts:23   const shared = expand(linear(x, p.kRope), "H"); // one rotary key for all heads
// model.ts:25   const k = rmsnorm(concat(linear(latent, p.k), shared), p.kNorm);
// reads  linear_kRope [B R], linear_k [B H N]
// writes concat [B H N+R]
// 0 FLOP, 5.4 kB, 0.0 FLOP a byte
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

}  // namespace

namespace {

constexpr int LANES = 32;  // that work on one row
constexpr int STEP = 1;  // columns that a lane takes at a time
using Block = RowBlock<LANES>;

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// 32 lanes a row of [B H].
__global__ void __launch_bounds__(Block::THREADS, 1) row_kernel(const bf16* linear_kRope, const bf16* linear_k, bf16* concat) {
  next_may_begin();
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  inputs_ready();
  for (int64_t row = blockIdx.x * int64_t(Block::TEAMS) + team; row < B * H; row += gridDim.x * int64_t(Block::TEAMS)) {
    const bf16* linear_kRope_row = linear_kRope + (row / H) * R;
    const bf16* linear_k_row = linear_k + row * N;
    bf16* concat_row = concat + row * N_R;
    __syncwarp();
    for (int i = lane; i < 32; i += LANES) {
      concat_row[i] = linear_k_row[i];
    }
    for (int i = lane; i < 16; i += LANES) {
      concat_row[32 + i] = linear_kRope_row[i];
    }
    __syncwarp();
  }
}

}  // namespace

void decode_09_expand_concat(cudaStream_t stream, const bf16* linear_kRope, const bf16* linear_k, bf16* concat) {
  const Range range(stream, "decode_09_expand_concat");
  const int blocks = Block::count(B * H);
  launched(launch_overlapping(stream, row_kernel, unsigned(blocks), Block::THREADS, 0, 1, linear_kRope, linear_k, concat));
}

}  // namespace mlac
