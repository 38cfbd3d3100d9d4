// bwd_04_rmsnormGradX_rmsnormGradGain: rmsnormGradX, rmsnormGradGain. Emitted by mlac: edit the model, not this file.
// model.ts:58   return linearCrossEntropy(rmsnorm(x, p.norm), p.head, targets);
// reads  d_x [B T D], x [B T D], norm [D]
// writes d_x_2 [B T D], d_norm [D]
// 7.9 MFLOP, 3.1 MB, 2.5 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/rows.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;

}  // namespace

namespace {

constexpr int LANES = 32;  // that work on one row
constexpr int STEP = RUN;  // columns that a lane takes at a time
using Block = RowBlock<LANES>;

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// 32 lanes a row of [B T].
__global__ void __launch_bounds__(Block::THREADS, 1) row_kernel(const bf16* d_x, const bf16* x, const float* norm, bf16* d_x_2, float* workspace) {
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  Run d_norm_partial[chunks(D)] = {};
  for (int64_t row = blockIdx.x * int64_t(Block::TEAMS) + team; row < B * T; row += gridDim.x * int64_t(Block::TEAMS)) {
    const bf16* d_x_row = d_x + row * D;
    const bf16* x_row = x + row * D;
    bf16* d_x_2_row = d_x_2 + row * D;
    const Held<D, LANES> d_x_held(d_x_row, lane);
    const Held<D, LANES> x_held(x_row, lane);
    real rstd_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run d_x_run = d_x_held.run(c);
      const Run x_run = x_held.run(c);
      const Run norm_run = load<true>(norm + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        rstd_of_lane += x_run[j] * x_run[j];
      }
    }
    const real rstd = 1 / std::sqrt(sum_over_row<LANES>(rstd_of_lane) / real(D) + real(0.000001));
    real along_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run d_x_run_2 = d_x_held.run(c);
      const Run x_run_2 = x_held.run(c);
      const Run norm_run_2 = load<true>(norm + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        along_of_lane += d_x_run_2[j] * norm_run_2[j] * x_run_2[j];
      }
    }
    const real along = sum_over_row<LANES>(along_of_lane) / real(D);
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run d_x_run_3 = d_x_held.run(c);
      const Run x_run_3 = x_held.run(c);
      const Run norm_run_3 = load<true>(norm + i);
      Run d_x_2_run;
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        const real d_x_2_i = rstd * (d_x_run_3[j] * norm_run_3[j] - x_run_3[j] * (rstd * rstd * along));
        d_x_2_run[j] = d_x_2_i;
      }
      store<true>(d_x_2_row + i, d_x_2_run);
    }
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run d_x_run_4 = d_x_held.run(c);
      const Run x_run_4 = x_held.run(c);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        d_norm_partial[c][j] += d_x_run_4[j] * x_run_4[j] * rstd;
      }
    }
  }
  sum_of_teams<D, LANES, STEP>(d_norm_partial, workspace + blockIdx.x * (D) + 0);
}

}  // namespace

void bwd_04_rmsnormGradX_rmsnormGradGain(cudaStream_t stream, const bf16* d_x, const bf16* x, const float* norm, bf16* d_x_2, float* d_norm, char* workspace) {
  const Range range(stream, "bwd_04_rmsnormGradX_rmsnormGradGain");
  const int blocks = Block::count_of_sums(B * T);
  float* const partials = reinterpret_cast<float*>(workspace);
  row_kernel<<<blocks, Block::THREADS, 0, stream>>>(d_x, x, norm, d_x_2, partials);
  // The blocks' sums are added in their order: the same bits every time.
  sum_of_blocks<<<ceil_div(D, WARP), SUM_THREADS, 0, stream>>>(partials + 0, blocks, D, D, d_norm, true);
}

}  // namespace mlac
