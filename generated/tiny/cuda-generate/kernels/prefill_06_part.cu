// prefill_06_part: part. Emitted by mlac: edit the model, not this file.
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  kNorm [N+R]
// writes part_kNorm [R]
// 0 FLOP, 256 B, 0.0 FLOP a byte
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
__global__ void __launch_bounds__(Block::THREADS, 1) row_kernel(const float* kNorm, float* part_kNorm) {
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  for (int64_t row = blockIdx.x * int64_t(Block::TEAMS) + team; row < 1; row += gridDim.x * int64_t(Block::TEAMS)) {
    __syncwarp();
    for (int i = lane; i < 16; i += LANES) {
      part_kNorm[i] = kNorm[32 + i];
    }
    __syncwarp();
  }
}

}  // namespace

void prefill_06_part(cudaStream_t stream, const float* kNorm, float* part_kNorm) {
  const Range range(stream, "prefill_06_part");
  const int blocks = Block::count(1);
  row_kernel<<<blocks, Block::THREADS, 0, stream>>>(kNorm, part_kNorm);
}

}  // namespace mlac
