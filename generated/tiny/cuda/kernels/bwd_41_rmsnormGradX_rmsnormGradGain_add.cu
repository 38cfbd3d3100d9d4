// bwd_41_rmsnormGradX_rmsnormGradGain_add: rmsnormGradX, rmsnormGradGain, add. Emitted by mlac: edit the model, not this file.
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  add [B T D], add_2 [B T D], ffnNorm [D], d_x [B T D]
// writes d_ffnNorm [D], add_3 [B T D]
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
__global__ void __launch_bounds__(Block::THREADS, 1) row_kernel(const bf16* add, const bf16* add_2, const float* ffnNorm, const bf16* d_x, bf16* add_3, float* workspace) {
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  Run d_ffnNorm_partial[chunks(D)] = {};
  for (int64_t row = blockIdx.x * int64_t(Block::TEAMS) + team; row < B * T; row += gridDim.x * int64_t(Block::TEAMS)) {
    const bf16* add_row = add + row * D;
    const bf16* add_2_row = add_2 + row * D;
    const bf16* d_x_row = d_x + row * D;
    bf16* add_3_row = add_3 + row * D;
    const Held<D, LANES> add_held(add_row, lane);
    const Held<D, LANES> add_2_held(add_2_row, lane);
    const Held<D, LANES> d_x_held(d_x_row, lane);
    real rstd_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run add_run = add_held.run(c);
      const Run add_2_run = add_2_held.run(c);
      const Run ffnNorm_run = load<true>(ffnNorm + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        rstd_of_lane += add_2_run[j] * add_2_run[j];
      }
    }
    const real rstd = 1 / std::sqrt(sum_over_row<LANES>(rstd_of_lane) / real(D) + real(0.000001));
    real along_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run add_run_2 = add_held.run(c);
      const Run add_2_run_2 = add_2_held.run(c);
      const Run ffnNorm_run_2 = load<true>(ffnNorm + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        along_of_lane += add_run_2[j] * ffnNorm_run_2[j] * add_2_run_2[j];
      }
    }
    const real along = sum_over_row<LANES>(along_of_lane) / real(D);
    Run rmsnorm_grad_x_ffnNorm_kept[chunks(D)];
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run add_run_3 = add_held.run(c);
      const Run add_2_run_3 = add_2_held.run(c);
      const Run ffnNorm_run_3 = load<true>(ffnNorm + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        const real rmsnorm_grad_x_ffnNorm_i = rstd * (add_run_3[j] * ffnNorm_run_3[j] - add_2_run_3[j] * (rstd * rstd * along));
        rmsnorm_grad_x_ffnNorm_kept[c][j] = rmsnorm_grad_x_ffnNorm_i;
      }
    }
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run add_run_4 = add_held.run(c);
      const Run add_2_run_4 = add_2_held.run(c);
      const Run d_x_run = d_x_held.run(c);
      Run add_3_run;
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        d_ffnNorm_partial[c][j] += add_run_4[j] * add_2_run_4[j] * rstd;
        const real add_3_i = d_x_run[j] + rmsnorm_grad_x_ffnNorm_kept[c][j];
        add_3_run[j] = add_3_i;
      }
      store<true>(add_3_row + i, add_3_run);
    }
  }
  sum_of_teams<D, LANES, STEP>(d_ffnNorm_partial, workspace + blockIdx.x * (D) + 0);
}

}  // namespace

void bwd_41_rmsnormGradX_rmsnormGradGain_add(cudaStream_t stream, const bf16* add, const bf16* add_2, const float* ffnNorm, const bf16* d_x, float* d_ffnNorm, bf16* add_3, char* workspace) {
  const Range range(stream, "bwd_41_rmsnormGradX_rmsnormGradGain_add");
  const int blocks = Block::count_of_sums(B * T);
  float* const partials = reinterpret_cast<float*>(workspace);
  row_kernel<<<blocks, Block::THREADS, 0, stream>>>(add, add_2, ffnNorm, d_x, add_3, partials);
  // The blocks' sums are added in their order: the same bits every time.
  sum_of_blocks<<<ceil_div(D, WARP), SUM_THREADS, 0, stream>>>(partials + 0, blocks, D, D, d_ffnNorm, true);
}

}  // namespace mlac
