// prefill_15_linear_add_rmsnorm: linear, add, rmsnorm. Emitted by mlac: edit the model, not this file.
// model.ts:27   return linear(mixed, p.out);
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  mixed [B T H U], out_ [H U D], x [B T D], ffnNorm [D]
// writes add [B T D], rmsnorm_ffnNorm [B T D]
// 4.3 MFLOP, 164 kB, 26 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"
#include "../lib/rows.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t H = 4;
constexpr int64_t U = 32;
constexpr int64_t D = 128;

}  // namespace

namespace {

constexpr int LANES = 8;  // that have a row
constexpr int STEP = RUN;  // columns that a lane takes at a time

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// What becomes of a row of [B T].
struct Epilogue {
  static constexpr int ROW = D, ROOM = 0;
  static constexpr bool ROUNDED = false;
  const bf16* x;
  const float* ffnNorm;
  bf16* add;
  bf16* rmsnorm_ffnNorm;

  __device__ void row(int64_t m, [[maybe_unused]] int64_t head, [[maybe_unused]] float* sums, [[maybe_unused]] float* room, int lane) const {
    const bf16* x_row = x + m * D;
    bf16* add_row = add + m * D;
    bf16* rmsnorm_ffnNorm_row = rmsnorm_ffnNorm + m * D;
    const Held<D, LANES> x_held(x_row, lane);
    Run add_kept[chunks(D)];
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run x_run = x_held.run(c);
      const Run linear_out_run = load<true>(sums + i);
      Run add_run;
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        const real add_i = to_float(from_float<bf16>(x_run[j] + linear_out_run[j]));
        add_run[j] = add_i;
        add_kept[c][j] = add_i;
      }
      store<true>(add_row + i, add_run);
    }
    real rstd_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(D); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= D) continue;
      const Run ffnNorm_run = load<true>(ffnNorm + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        rstd_of_lane += add_kept[c][j] * add_kept[c][j];
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
        const real rmsnorm_ffnNorm_i = add_kept[c][j] * rstd * ffnNorm_run_2[j];
        rmsnorm_ffnNorm_run[j] = rmsnorm_ffnNorm_i;
      }
      store<true>(rmsnorm_ffnNorm_row + i, rmsnorm_ffnNorm_run);
    }
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::own, 1, 1, true, false, false>;

}  // namespace

void prefill_15_linear_add_rmsnorm(cudaStream_t stream, const bf16* mixed, const bf16* out_, const bf16* x, const float* ffnNorm, bf16* add, bf16* rmsnorm_ffnNorm) {
  const Range range(stream, "prefill_15_linear_add_rmsnorm");
  const Product<1> products[] = {
      {H * U, {mixed, B * T, H * U}, {{out_, H * U, D}}},  // mixed · out_
  };
  const Extent extent{1, B * T, D, nullptr};
  const Epilogue epilogue{x, ffnNorm, add, rmsnorm_ffnNorm};
  launched(contract<Shape>(stream, extent, products, epilogue));
}

}  // namespace mlac
