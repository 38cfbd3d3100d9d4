// prefill_08_rstd: rstd. Emitted by mlac: edit the model, not this file.
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  concat [B T H N+R]
// writes rstd [B T H]
// 49.2 kFLOP, 51.2 kB, 0.96 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/rows.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t H = 4;
constexpr int64_t N_R = 48;  // N+R

}  // namespace

namespace {

constexpr int LANES = 32;  // that work on one row
constexpr int STEP = RUN;  // columns that a lane takes at a time
using Block = RowBlock<LANES>;

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// 32 lanes a row of [B T H].
__global__ void __launch_bounds__(Block::THREADS, 1) row_kernel(const bf16* concat, float* rstd) {
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  for (int64_t row = blockIdx.x * int64_t(Block::TEAMS) + team; row < B * T * H; row += gridDim.x * int64_t(Block::TEAMS)) {
    const bf16* concat_row = concat + row * N_R;
    const Held<N_R, LANES> concat_held(concat_row, lane);
    real rstd_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(N_R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= N_R) continue;
      const Run concat_run = concat_held.run(c);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        rstd_of_lane += concat_run[j] * concat_run[j];
      }
    }
    const real rstd_2 = 1 / std::sqrt(sum_over_row<LANES>(rstd_of_lane) / real(N_R) + real(0.000001));
    if (lane == 0) rstd[row] = from_float<float>(rstd_2);
  }
}

}  // namespace

void prefill_08_rstd(cudaStream_t stream, const bf16* concat, float* rstd) {
  const Range range(stream, "prefill_08_rstd");
  const int blocks = Block::count(B * T * H);
  row_kernel<<<blocks, Block::THREADS, 0, stream>>>(concat, rstd);
}

}  // namespace mlac
