// bwd_31_sumOver: sumOver. Emitted by mlac: edit the model, not this file.
// model.ts:23   const shared = expand(linear(x, p.kRope), "H"); // one rotary key for all heads
// reads  d_shared [B T H R]
// writes sumOver [B T R]
// 262 kFLOP, 655 kB, 0.40 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/rows.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t H = 4;
constexpr int64_t R = 16;

}  // namespace

namespace {

constexpr int LANES = 32;  // that work on one row
constexpr int STEP = 1;  // columns that a lane takes at a time
using Block = RowBlock<LANES>;

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// 32 lanes a row of [B T].
__global__ void __launch_bounds__(Block::THREADS, 1) row_kernel(const bf16* d_shared, bf16* sumOver) {
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  for (int64_t row = blockIdx.x * int64_t(Block::TEAMS) + team; row < B * T; row += gridDim.x * int64_t(Block::TEAMS)) {
    const bf16* d_shared_row = d_shared + row * (H * R);
    bf16* sumOver_row = sumOver + row * R;
    __syncwarp();
    for (int i = lane; i < 16; i += LANES) {
      real sum = d_shared_row[i];
      for (int64_t copy = 1; copy < 4; ++copy) sum += real(d_shared_row[copy * 16 + i]);
      sumOver_row[i] = sum;
    }
    __syncwarp();
  }
}

}  // namespace

void bwd_31_sumOver(cudaStream_t stream, const bf16* d_shared, bf16* sumOver) {
  const Range range(stream, "bwd_31_sumOver");
  const int blocks = Block::count(B * T);
  row_kernel<<<blocks, Block::THREADS, 0, stream>>>(d_shared, sumOver);
}

}  // namespace mlac
