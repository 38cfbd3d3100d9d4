// bwd_03_expand: expand. Emitted by mlac: edit the model, not this file.
// model.ts:38   const routing = route(x, p.router, { topK: 2, score: "softmax", balance: { loss: 0.01 } });
// reads  lossScale []
// writes expand [layers]
// 0 FLOP, 16 B, 0.0 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/rows.cuh"

namespace mlac {
namespace {

constexpr int64_t layers = 3;

}  // namespace

namespace {

constexpr int LANES = 32;  // that work on one row
constexpr int STEP = RUN;  // columns that a lane takes at a time
using Block = RowBlock<LANES>;

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// 32 lanes a row of [].
__global__ void __launch_bounds__(Block::THREADS, 1) row_kernel(const float* lossScale, float* expand) {
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  for (int64_t row = blockIdx.x * int64_t(Block::TEAMS) + team; row < 1; row += gridDim.x * int64_t(Block::TEAMS)) {
    #pragma unroll
    for (int c = 0; c < chunks(layers); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= layers) break;
      Run expand_run;
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        if (j < layers - i) {
          const real expand_i = to_float(lossScale[0]);
          expand_run[j] = expand_i;
        }
      }
      store<false>(expand + i, expand_run, layers - i);
    }
  }
}

}  // namespace

void bwd_03_expand(cudaStream_t stream, const float* lossScale, float* expand) {
  const Range range(stream, "bwd_03_expand");
  const int blocks = Block::count(1);
  row_kernel<<<blocks, Block::THREADS, 0, stream>>>(lossScale, expand);
}

}  // namespace mlac
