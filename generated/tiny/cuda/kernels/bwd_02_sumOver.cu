// bwd_02_sumOver: sumOver. Emitted by mlac: edit the model, not this file.
// model.ts:38   const routing = route(x, p.router, { topK: 2, score: "softmax", balance: { loss: 0.01 } });
// reads  balance [layers]
// writes sumOver []
// 3 FLOP, 16 B, 0.19 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/rows.cuh"

namespace mlac {
namespace {

}  // namespace

namespace {

constexpr int LANES = 32;  // that work on one row
constexpr int STEP = 1;  // columns that a lane takes at a time
using Block = RowBlock<LANES>;

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// 32 lanes a row of [].
__global__ void __launch_bounds__(Block::THREADS, 1) row_kernel(const float* balance, float* sumOver) {
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  for (int64_t row = blockIdx.x * int64_t(Block::TEAMS) + team; row < 1; row += gridDim.x * int64_t(Block::TEAMS)) {
    __syncwarp();
    for (int i = lane; i < 1; i += LANES) {
      real sum = balance[i];
      for (int64_t copy = 1; copy < 3; ++copy) sum += real(balance[copy * 1 + i]);
      sumOver[i] = sum;
    }
    __syncwarp();
  }
}

}  // namespace

void bwd_02_sumOver(cudaStream_t stream, const float* balance, float* sumOver) {
  const Range range(stream, "bwd_02_sumOver");
  const int blocks = Block::count(1);
  row_kernel<<<blocks, Block::THREADS, 0, stream>>>(balance, sumOver);
}

}  // namespace mlac
