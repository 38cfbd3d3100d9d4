// bwd_36_rmsnormGradX_rmsnormGradGain_add: rmsnormGradX, rmsnormGradGain, add. Emitted by mlac: edit the model, not this file.
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  add [B T D], x [B T D], attnNorm [D], d_x [B T D]
// writes d_attnNorm [D], add_2 [B T D]
// 8.4 MFLOP, 4.2 MB, 2.0 FLOP a byte
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
__global__ void __launch_bounds__(Block::THREADS, 1) row_kernel(const bf16* add, const bf16* x, const float* attnNorm, const bf16* d_x, bf16* add_2, float* workspace) {
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  Run d_attnNorm_partial[chunks(D)] = {};
  for (int64_t row = blockIdx.x * int64_t(Block::TEAMS) + team; row < B * T; row += gridDim.x * int64_t(Block::TEAMS)) {
    const bf16* add_row = add + row * D;
    const bf16* x_row = x + row * D;
    const bf16* d_x_row = d_x + row * D;
    bf16* add_2_row = add_2 + row * D;
    const Held<D, LANES> add_held(add_row, lane);
    const Held<D, LANES> x_held(x_row, lane);
    const Held<D, LANES> d_x_held(d_x_row, lane);
    real rstd_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run add_run = add_held.run(c);
      const Run x_run = x_held.run(c);
      const Run attnNorm_run = load<true>(attnNorm + i);
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
      const Run add_run_2 = add_held.run(c);
      const Run x_run_2 = x_held.run(c);
      const Run attnNorm_run_2 = load<true>(attnNorm + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        along_of_lane += add_run_2[j] * attnNorm_run_2[j] * x_run_2[j];
      }
    }
    const real along = sum_over_row<LANES>(along_of_lane) / real(D);
    Run d_x_2_kept[chunks(D)];
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run add_run_3 = add_held.run(c);
      const Run x_run_3 = x_held.run(c);
      const Run attnNorm_run_3 = load<true>(attnNorm + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        const real d_x_2_i = rstd * (add_run_3[j] * attnNorm_run_3[j] - x_run_3[j] * (rstd * rstd * along));
        d_x_2_kept[c][j] = d_x_2_i;
      }
    }
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run add_run_4 = add_held.run(c);
      const Run x_run_4 = x_held.run(c);
      const Run d_x_run = d_x_held.run(c);
      Run add_2_run;
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        d_attnNorm_partial[c][j] += add_run_4[j] * x_run_4[j] * rstd;
        const real add_2_i = d_x_run[j] + d_x_2_kept[c][j];
        add_2_run[j] = add_2_i;
      }
      store<true>(add_2_row + i, add_2_run);
    }
  }
  sum_of_teams<D, LANES, STEP>(d_attnNorm_partial, workspace + blockIdx.x * (D) + 0);
}

}  // namespace

void bwd_36_rmsnormGradX_rmsnormGradGain_add(cudaStream_t stream, const bf16* add, const bf16* x, const float* attnNorm, const bf16* d_x, float* d_attnNorm, bf16* add_2, char* workspace) {
  const Range range(stream, "bwd_36_rmsnormGradX_rmsnormGradGain_add");
  const int blocks = Block::count_of_sums(B * T);
  float* const partials = reinterpret_cast<float*>(workspace);
  row_kernel<<<blocks, Block::THREADS, 0, stream>>>(add, x, attnNorm, d_x, add_2, partials);
  // The blocks' sums are added in their order: the same bits every time.
  sum_of_blocks<<<ceil_div(D, WARP), SUM_THREADS, 0, stream>>>(partials + 0, blocks, D, D, d_attnNorm, true);
}

}  // namespace mlac
