// decode_04_rmsnorm: rmsnorm. Emitted by mlac: edit the model, not this file.
// model.ts:22   const latent = rmsnorm(linear(x, p.kvDown), p.kvNorm);
// reads  linear_kvDown [B C], kvNorm [C]
// writes latent [B C]
// 2.0 kFLOP, 2.3 kB, 0.89 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/rows.cuh"
#include "../lib/overlap.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 8;
constexpr int64_t C = 64;

}  // namespace

namespace {

constexpr int LANES = 32;  // that work on one row
constexpr int STEP = RUN;  // columns that a lane takes at a time
using Block = RowBlock<LANES>;

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// 32 lanes a row of [B].
__global__ void __launch_bounds__(Block::THREADS, 1) row_kernel(const bf16* linear_kvDown, const float* kvNorm, bf16* latent) {
  next_may_begin();
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  inputs_ready();
  for (int64_t row = blockIdx.x * int64_t(Block::TEAMS) + team; row < B; row += gridDim.x * int64_t(Block::TEAMS)) {
    const bf16* linear_kvDown_row = linear_kvDown + row * C;
    bf16* latent_row = latent + row * C;
    const Held<C, LANES> linear_kvDown_held(linear_kvDown_row, lane);
    real rstd_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(C); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= C) continue;
      const Run linear_kvDown_run = linear_kvDown_held.run(c);
      const Run kvNorm_run = load<true>(kvNorm + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        rstd_of_lane += linear_kvDown_run[j] * linear_kvDown_run[j];
      }
    }
    const real rstd = 1 / std::sqrt(sum_over_row<LANES>(rstd_of_lane) / real(C) + real(0.000001));
    #pragma unroll
    for (int c = 0; c < chunks(C); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= C) continue;
      const Run linear_kvDown_run_2 = linear_kvDown_held.run(c);
      const Run kvNorm_run_2 = load<true>(kvNorm + i);
      Run latent_run;
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        const real latent_i = linear_kvDown_run_2[j] * rstd * kvNorm_run_2[j];
        latent_run[j] = latent_i;
      }
      store<true>(latent_row + i, latent_run);
    }
  }
}

}  // namespace

void decode_04_rmsnorm(cudaStream_t stream, const bf16* linear_kvDown, const float* kvNorm, bf16* latent) {
  const Range range(stream, "decode_04_rmsnorm");
  const int blocks = Block::count(B);
  launched(launch_overlapping(stream, row_kernel, unsigned(blocks), Block::THREADS, 0, 1, linear_kvDown, kvNorm, latent));
}

}  // namespace mlac
