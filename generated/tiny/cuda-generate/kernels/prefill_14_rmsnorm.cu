// prefill_14_rmsnorm: rmsnorm. Emitted by mlac: edit the model, not this file.
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  x [B T D], attnNorm [D]
// writes rmsnorm_attnNorm [B T D]
// 65.5 kFLOP, 66.0 kB, 0.99 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/rows.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t D = 128;

}  // namespace

namespace {

constexpr int LANES = 32;  // that work on one row
constexpr int STEP = RUN;  // columns that a lane takes at a time
using Block = RowBlock<LANES>;

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// 32 lanes a row of [B T].
__global__ void __launch_bounds__(Block::THREADS, 1) row_kernel(const bf16* x, const float* attnNorm, bf16* rmsnorm_attnNorm) {
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  for (int64_t row = blockIdx.x * int64_t(Block::TEAMS) + team; row < B * T; row += gridDim.x * int64_t(Block::TEAMS)) {
    const bf16* x_row = x + row * D;
    bf16* rmsnorm_attnNorm_row = rmsnorm_attnNorm + row * D;
    const Held<D, LANES> x_held(x_row, lane);
    real rstd_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run x_run = x_held.run(c);
      const Run attnNorm_run = load<true>(attnNorm + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        rstd_of_lane += x_run[j] * x_run[j];
      }
    }
    const real rstd = 1 / std::sqrt(sum_over_row<LANES>(rstd_of_lane) / real(D) + real(0.000001));
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run x_run_2 = x_held.run(c);
      const Run attnNorm_run_2 = load<true>(attnNorm + i);
      Run rmsnorm_attnNorm_run;
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        const real rmsnorm_attnNorm_i = x_run_2[j] * rstd * attnNorm_run_2[j];
        rmsnorm_attnNorm_run[j] = rmsnorm_attnNorm_i;
      }
      store<true>(rmsnorm_attnNorm_row + i, rmsnorm_attnNorm_run);
    }
  }
}

}  // namespace

void prefill_14_rmsnorm(cudaStream_t stream, const bf16* x, const float* attnNorm, bf16* rmsnorm_attnNorm) {
  const Range range(stream, "prefill_14_rmsnorm");
  const int blocks = Block::count(B * T);
  row_kernel<<<blocks, Block::THREADS, 0, stream>>>(x, attnNorm, rmsnorm_attnNorm);
}

}  // namespace mlac
