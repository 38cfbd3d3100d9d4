// bwd_44_rmsnormGradX_rmsnormGradGain_add: rmsnormGradX, rmsnormGradGain, add. Emitted by mlac: edit the model, not this file.
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  add [B T D], lookup_embed [B T D], attnNorm [D], add_2 [B T D]
// writes d_attnNorm [D], add_3 [B T D]
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
__global__ void __launch_bounds__(Block::THREADS, 1) row_kernel(const bf16* add, const bf16* lookup_embed, const float* attnNorm, const bf16* add_2, bf16* add_3, float* workspace) {
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  Run d_attnNorm_partial[chunks(D)] = {};
  for (int64_t row = blockIdx.x * int64_t(Block::TEAMS) + team; row < B * T; row += gridDim.x * int64_t(Block::TEAMS)) {
    const bf16* add_row = add + row * D;
    const bf16* lookup_embed_row = lookup_embed + row * D;
    const bf16* add_2_row = add_2 + row * D;
    bf16* add_3_row = add_3 + row * D;
    const Held<D, LANES> add_held(add_row, lane);
    const Held<D, LANES> lookup_embed_held(lookup_embed_row, lane);
    const Held<D, LANES> add_2_held(add_2_row, lane);
    real rstd_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run add_run = add_held.run(c);
      const Run lookup_embed_run = lookup_embed_held.run(c);
      const Run attnNorm_run = load<true>(attnNorm + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        rstd_of_lane += lookup_embed_run[j] * lookup_embed_run[j];
      }
    }
    const real rstd = 1 / std::sqrt(sum_over_row<LANES>(rstd_of_lane) / real(D) + real(0.000001));
    real along_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run add_run_2 = add_held.run(c);
      const Run lookup_embed_run_2 = lookup_embed_held.run(c);
      const Run attnNorm_run_2 = load<true>(attnNorm + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        along_of_lane += add_run_2[j] * attnNorm_run_2[j] * lookup_embed_run_2[j];
      }
    }
    const real along = sum_over_row<LANES>(along_of_lane) / real(D);
    Run rmsnorm_grad_x_attnNorm_kept[chunks(D)];
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run add_run_3 = add_held.run(c);
      const Run lookup_embed_run_3 = lookup_embed_held.run(c);
      const Run attnNorm_run_3 = load<true>(attnNorm + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        const real rmsnorm_grad_x_attnNorm_i = rstd * (add_run_3[j] * attnNorm_run_3[j] - lookup_embed_run_3[j] * (rstd * rstd * along));
        rmsnorm_grad_x_attnNorm_kept[c][j] = rmsnorm_grad_x_attnNorm_i;
      }
    }
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run add_run_4 = add_held.run(c);
      const Run lookup_embed_run_4 = lookup_embed_held.run(c);
      const Run add_2_run = add_2_held.run(c);
      Run add_3_run;
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        d_attnNorm_partial[c][j] += add_run_4[j] * lookup_embed_run_4[j] * rstd;
        const real add_3_i = add_2_run[j] + rmsnorm_grad_x_attnNorm_kept[c][j];
        add_3_run[j] = add_3_i;
      }
      store<true>(add_3_row + i, add_3_run);
    }
  }
  sum_of_teams<D, LANES, STEP>(d_attnNorm_partial, workspace + blockIdx.x * (D) + 0);
}

}  // namespace

void bwd_44_rmsnormGradX_rmsnormGradGain_add(cudaStream_t stream, const bf16* add, const bf16* lookup_embed, const float* attnNorm, const bf16* add_2, float* d_attnNorm, bf16* add_3, char* workspace) {
  const Range range(stream, "bwd_44_rmsnormGradX_rmsnormGradGain_add");
  const int blocks = Block::count_of_sums(B * T);
  float* const partials = reinterpret_cast<float*>(workspace);
  row_kernel<<<blocks, Block::THREADS, 0, stream>>>(add, lookup_embed, attnNorm, add_2, add_3, partials);
  // The blocks' sums are added in their order: the same bits every time.
  sum_of_blocks<<<ceil_div(D, WARP), SUM_THREADS, 0, stream>>>(partials + 0, blocks, D, D, d_attnNorm, true);
}

}  // namespace mlac
