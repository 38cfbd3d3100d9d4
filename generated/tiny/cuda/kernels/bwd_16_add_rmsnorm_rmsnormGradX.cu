// bwd_16_add_rmsnorm_rmsnormGradX: add, rmsnorm, rmsnormGradX, rmsnormGradGain. Emitted by mlac: edit the model, not this file.
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  x [B T D], linear_out [B T D], ffnNorm [D], add [B T D], d_x [B T D], attnNorm [D]
// writes rmsnorm_ffnNorm [B T D], d_ffnNorm [D], d_x_2 [B T D], rmsnorm_attnNorm [B T D]
// 13.1 MFLOP, 7.3 MB, 1.8 FLOP a byte
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
__global__ void __launch_bounds__(Block::THREADS, 1) row_kernel(const bf16* x, const bf16* linear_out, const float* ffnNorm, const bf16* add, const bf16* d_x, const float* attnNorm, bf16* rmsnorm_ffnNorm, bf16* d_x_2, bf16* rmsnorm_attnNorm, float* workspace) {
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  Run d_ffnNorm_partial[chunks(D)] = {};
  for (int64_t row = blockIdx.x * int64_t(Block::TEAMS) + team; row < B * T; row += gridDim.x * int64_t(Block::TEAMS)) {
    const bf16* x_row = x + row * D;
    const bf16* linear_out_row = linear_out + row * D;
    bf16* rmsnorm_ffnNorm_row = rmsnorm_ffnNorm + row * D;
    const bf16* add_row = add + row * D;
    const bf16* d_x_row = d_x + row * D;
    bf16* d_x_2_row = d_x_2 + row * D;
    bf16* rmsnorm_attnNorm_row = rmsnorm_attnNorm + row * D;
    const Held<D, LANES> x_held(x_row, lane);
    const Held<D, LANES> linear_out_held(linear_out_row, lane);
    const Held<D, LANES> add_held(add_row, lane);
    const Held<D, LANES> d_x_held(d_x_row, lane);
    Run add_2_kept[chunks(D)];
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run x_run = x_held.run(c);
      const Run linear_out_run = linear_out_held.run(c);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        const real add_2_i = x_run[j] + linear_out_run[j];
        add_2_kept[c][j] = add_2_i;
      }
    }
    real rstd_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run ffnNorm_run = load<true>(ffnNorm + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        rstd_of_lane += add_2_kept[c][j] * add_2_kept[c][j];
      }
    }
    const real rstd = 1 / std::sqrt(sum_over_row<LANES>(rstd_of_lane) / real(D) + real(0.000001));
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run ffnNorm_run_2 = load<true>(ffnNorm + i);
      Run rmsnorm_ffnNorm_run;
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        const real rmsnorm_ffnNorm_i = add_2_kept[c][j] * rstd * ffnNorm_run_2[j];
        rmsnorm_ffnNorm_run[j] = rmsnorm_ffnNorm_i;
      }
      store<true>(rmsnorm_ffnNorm_row + i, rmsnorm_ffnNorm_run);
    }
    real along_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run add_run = add_held.run(c);
      const Run ffnNorm_run_3 = load<true>(ffnNorm + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        along_of_lane += add_run[j] * ffnNorm_run_3[j] * add_2_kept[c][j];
      }
    }
    const real along = sum_over_row<LANES>(along_of_lane) / real(D);
    Run rmsnorm_grad_x_ffnNorm_kept[chunks(D)];
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run add_run_2 = add_held.run(c);
      const Run ffnNorm_run_4 = load<true>(ffnNorm + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        const real rmsnorm_grad_x_ffnNorm_i = rstd * (add_run_2[j] * ffnNorm_run_4[j] - add_2_kept[c][j] * (rstd * rstd * along));
        rmsnorm_grad_x_ffnNorm_kept[c][j] = rmsnorm_grad_x_ffnNorm_i;
      }
    }
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run add_run_3 = add_held.run(c);
      const Run d_x_run = d_x_held.run(c);
      Run d_x_2_run;
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        d_ffnNorm_partial[c][j] += add_run_3[j] * add_2_kept[c][j] * rstd;
        const real d_x_2_i = d_x_run[j] + rmsnorm_grad_x_ffnNorm_kept[c][j];
        d_x_2_run[j] = d_x_2_i;
      }
      store<true>(d_x_2_row + i, d_x_2_run);
    }
    real rstd_of_lane_2 = 0;
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run x_run_2 = x_held.run(c);
      const Run attnNorm_run = load<true>(attnNorm + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        rstd_of_lane_2 += x_run_2[j] * x_run_2[j];
      }
    }
    const real rstd_2 = 1 / std::sqrt(sum_over_row<LANES>(rstd_of_lane_2) / real(D) + real(0.000001));
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run x_run_3 = x_held.run(c);
      const Run attnNorm_run_2 = load<true>(attnNorm + i);
      Run rmsnorm_attnNorm_run;
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        const real rmsnorm_attnNorm_i = x_run_3[j] * rstd_2 * attnNorm_run_2[j];
        rmsnorm_attnNorm_run[j] = rmsnorm_attnNorm_i;
      }
      store<true>(rmsnorm_attnNorm_row + i, rmsnorm_attnNorm_run);
    }
  }
  sum_of_teams<D, LANES, STEP>(d_ffnNorm_partial, workspace + blockIdx.x * (D) + 0);
}

}  // namespace

void bwd_16_add_rmsnorm_rmsnormGradX(cudaStream_t stream, const bf16* x, const bf16* linear_out, const float* ffnNorm, const bf16* add, const bf16* d_x, const float* attnNorm, bf16* rmsnorm_ffnNorm, float* d_ffnNorm, bf16* d_x_2, bf16* rmsnorm_attnNorm, char* workspace) {
  const Range range(stream, "bwd_16_add_rmsnorm_rmsnormGradX");
  const int blocks = Block::count_of_sums(B * T);
  float* const partials = reinterpret_cast<float*>(workspace);
  row_kernel<<<blocks, Block::THREADS, 0, stream>>>(x, linear_out, ffnNorm, add, d_x, attnNorm, rmsnorm_ffnNorm, d_x_2, rmsnorm_attnNorm, partials);
  // The blocks' sums are added in their order: the same bits every time.
  sum_of_blocks<<<ceil_div(D, WARP), SUM_THREADS, 0, stream>>>(partials + 0, blocks, D, D, d_ffnNorm, true);
}

}  // namespace mlac
