// bwd_33_rmsnormGradX_rmsnormGradGain: rmsnormGradX, rmsnormGradGain. Emitted by mlac: edit the model, not this file.
// model.ts:22   const latent = rmsnorm(linear(x, p.kvDown), p.kvNorm);
// reads  add [B T C], linear_kvDown [B T C], kvNorm [C]
// writes rmsnorm_grad_x_kvNorm [B T C], d_kvNorm [C]
// 3.9 MFLOP, 1.6 MB, 2.5 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/rows.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t C = 64;

}  // namespace

namespace {

constexpr int LANES = 32;  // that work on one row
constexpr int STEP = RUN;  // columns that a lane takes at a time
using Block = RowBlock<LANES>;

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// 32 lanes a row of [B T].
__global__ void __launch_bounds__(Block::THREADS, 1) row_kernel(const bf16* add, const bf16* linear_kvDown, const float* kvNorm, bf16* rmsnorm_grad_x_kvNorm, float* workspace) {
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  Run d_kvNorm_partial[chunks(C)] = {};
  for (int64_t row = blockIdx.x * int64_t(Block::TEAMS) + team; row < B * T; row += gridDim.x * int64_t(Block::TEAMS)) {
    const bf16* add_row = add + row * C;
    const bf16* linear_kvDown_row = linear_kvDown + row * C;
    bf16* rmsnorm_grad_x_kvNorm_row = rmsnorm_grad_x_kvNorm + row * C;
    const Held<C, LANES> add_held(add_row, lane);
    const Held<C, LANES> linear_kvDown_held(linear_kvDown_row, lane);
    real rstd_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(C); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= C) continue;
      const Run add_run = add_held.run(c);
      const Run linear_kvDown_run = linear_kvDown_held.run(c);
      const Run kvNorm_run = load<true>(kvNorm + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        rstd_of_lane += linear_kvDown_run[j] * linear_kvDown_run[j];
      }
    }
    const real rstd = 1 / std::sqrt(sum_over_row<LANES>(rstd_of_lane) / real(C) + real(0.000001));
    real along_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(C); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= C) continue;
      const Run add_run_2 = add_held.run(c);
      const Run linear_kvDown_run_2 = linear_kvDown_held.run(c);
      const Run kvNorm_run_2 = load<true>(kvNorm + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        along_of_lane += add_run_2[j] * kvNorm_run_2[j] * linear_kvDown_run_2[j];
      }
    }
    const real along = sum_over_row<LANES>(along_of_lane) / real(C);
    #pragma unroll
    for (int c = 0; c < chunks(C); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= C) continue;
      const Run add_run_3 = add_held.run(c);
      const Run linear_kvDown_run_3 = linear_kvDown_held.run(c);
      const Run kvNorm_run_3 = load<true>(kvNorm + i);
      Run rmsnorm_grad_x_kvNorm_run;
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        const real rmsnorm_grad_x_kvNorm_i = rstd * (add_run_3[j] * kvNorm_run_3[j] - linear_kvDown_run_3[j] * (rstd * rstd * along));
        rmsnorm_grad_x_kvNorm_run[j] = rmsnorm_grad_x_kvNorm_i;
      }
      store<true>(rmsnorm_grad_x_kvNorm_row + i, rmsnorm_grad_x_kvNorm_run);
    }
    #pragma unroll
    for (int c = 0; c < chunks(C); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= C) continue;
      const Run add_run_4 = add_held.run(c);
      const Run linear_kvDown_run_4 = linear_kvDown_held.run(c);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        d_kvNorm_partial[c][j] += add_run_4[j] * linear_kvDown_run_4[j] * rstd;
      }
    }
  }
  sum_of_teams<C, LANES, STEP>(d_kvNorm_partial, workspace + blockIdx.x * (C) + 0);
}

}  // namespace

void bwd_33_rmsnormGradX_rmsnormGradGain(cudaStream_t stream, const bf16* add, const bf16* linear_kvDown, const float* kvNorm, bf16* rmsnorm_grad_x_kvNorm, float* d_kvNorm, char* workspace) {
  const Range range(stream, "bwd_33_rmsnormGradX_rmsnormGradGain");
  const int blocks = Block::count_of_sums(B * T);
  float* const partials = reinterpret_cast<float*>(workspace);
  row_kernel<<<blocks, Block::THREADS, 0, stream>>>(add, linear_kvDown, kvNorm, rmsnorm_grad_x_kvNorm, partials);
  // The blocks' sums are added in their order: the same bits every time.
  sum_of_blocks<<<ceil_div(C, WARP), SUM_THREADS, 0, stream>>>(partials + 0, blocks, C, C, d_kvNorm, true);
}

}  // namespace mlac
