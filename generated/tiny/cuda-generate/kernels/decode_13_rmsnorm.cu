// decode_13_rmsnorm: rmsnorm. Emitted by mlac: edit the model, not this file.
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  add [B D], ffnNorm [D]
// writes rmsnorm_ffnNorm [B D]
// 4.1 kFLOP, 4.6 kB, 0.89 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/rows.cuh"
#include "../lib/overlap.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 8;
constexpr int64_t D = 128;

}  // namespace

namespace {

constexpr int LANES = 32;  // that work on one row
constexpr int STEP = RUN;  // columns that a lane takes at a time
using Block = RowBlock<LANES>;

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// 32 lanes a row of [B].
__global__ void __launch_bounds__(Block::THREADS, 1) row_kernel(const bf16* add, const float* ffnNorm, bf16* rmsnorm_ffnNorm) {
  next_may_begin();
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  inputs_ready();
  for (int64_t row = blockIdx.x * int64_t(Block::TEAMS) + team; row < B; row += gridDim.x * int64_t(Block::TEAMS)) {
    const bf16* add_row = add + row * D;
    bf16* rmsnorm_ffnNorm_row = rmsnorm_ffnNorm + row * D;
    const Held<D, LANES> add_held(add_row, lane);
    real rstd_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run add_run = add_held.run(c);
      const Run ffnNorm_run = load<true>(ffnNorm + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        rstd_of_lane += add_run[j] * add_run[j];
      }
    }
    const real rstd = 1 / std::sqrt(sum_over_row<LANES>(rstd_of_lane) / real(D) + real(0.000001));
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run add_run_2 = add_held.run(c);
      const Run ffnNorm_run_2 = load<true>(ffnNorm + i);
      Run rmsnorm_ffnNorm_run;
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        const real rmsnorm_ffnNorm_i = add_run_2[j] * rstd * ffnNorm_run_2[j];
        rmsnorm_ffnNorm_run[j] = rmsnorm_ffnNorm_i;
      }
      store<true>(rmsnorm_ffnNorm_row + i, rmsnorm_ffnNorm_run);
    }
  }
}

}  // namespace

void decode_13_rmsnorm(cudaStream_t stream, const bf16* add, const float* ffnNorm, bf16* rmsnorm_ffnNorm) {
  const Range range(stream, "decode_13_rmsnorm");
  const int blocks = Block::count(B);
  launched(launch_overlapping(stream, row_kernel, unsigned(blocks), Block::THREADS, 0, 1, add, ffnNorm, rmsnorm_ffnNorm));
}

}  // namespace mlac
