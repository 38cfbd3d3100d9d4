// bwd_09_sumColumns: sumColumns. Emitted by mlac: edit the model, not this file.
// model.ts:42   return add(combine(routed, routing), shared);
// reads  dotOfRuns [E rows runs]
// writes sumColumns [E rows]
// 8.2 kFLOP, 65.5 kB, 0.13 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/rows.cuh"

namespace mlac {
namespace {

constexpr int64_t rows = 8192;  // of all experts together
constexpr int64_t runs = 1;

}  // namespace

namespace {

constexpr int LANES = 32;  // that work on one row
constexpr int STEP = RUN;  // columns that a lane takes at a time
using Block = RowBlock<LANES>;

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// 32 lanes a row of [rows].
__global__ void __launch_bounds__(Block::THREADS, 1) row_kernel(const float* dotOfRuns, float* sumColumns) {
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  for (int64_t row = blockIdx.x * int64_t(Block::TEAMS) + team; row < rows; row += gridDim.x * int64_t(Block::TEAMS)) {
    const float* dotOfRuns_row = dotOfRuns + row * runs;
    real sum_of_row_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(runs); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= runs) break;
      const Run dotOfRuns_run = load<false>(dotOfRuns_row + i, runs - i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        if (j < runs - i) {
          sum_of_row_of_lane += dotOfRuns_run[j];
        }
      }
    }
    const real sum_of_row = sum_over_row<LANES>(sum_of_row_of_lane);
    if (lane == 0) sumColumns[row] = from_float<float>(sum_of_row);
  }
}

}  // namespace

void bwd_09_sumColumns(cudaStream_t stream, const float* dotOfRuns, float* sumColumns) {
  const Range range(stream, "bwd_09_sumColumns");
  const int blocks = Block::count(rows);
  row_kernel<<<blocks, Block::THREADS, 0, stream>>>(dotOfRuns, sumColumns);
}

}  // namespace mlac
