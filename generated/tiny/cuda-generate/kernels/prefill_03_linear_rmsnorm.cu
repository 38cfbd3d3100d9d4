// prefill_03_linear_rmsnorm: linear, rmsnorm. Emitted by mlac: edit the model, not this file.
// model.ts:22   const latent = rmsnorm(linear(x, p.kvDown), p.kvNorm);
// reads  rmsnorm_attnNorm [B T D], kvDown [D C], kvNorm [C]
// writes latent [B T C]
// 2.1 MFLOP, 65.8 kB, 32 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"
#include "../lib/rows.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t D = 128;
constexpr int64_t C = 64;

}  // namespace

namespace {

constexpr int LANES = 8;  // that have a row
constexpr int STEP = RUN;  // columns that a lane takes at a time

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// What becomes of a row of [B T].
struct Epilogue {
  static constexpr int ROW = C, ROOM = 0;
  static constexpr bool ROUNDED = true;
  const float* kvNorm;
  bf16* latent;

  __device__ void row(int64_t m, [[maybe_unused]] int64_t head, [[maybe_unused]] float* sums, [[maybe_unused]] float* room, int lane) const {
    bf16* latent_row = latent + m * C;
    real rstd_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(C); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= C) break;
      const Run linear_kvDown_run = load<true>(sums + i);
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
      if (i >= C) break;
      const Run linear_kvDown_run_2 = load<true>(sums + i);
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
};

using Shape = Contraction<Kind::dense, Major::k, Major::own, 1, 1, true, false, false>;

}  // namespace

void prefill_03_linear_rmsnorm(cudaStream_t stream, const bf16* rmsnorm_attnNorm, const bf16* kvDown, const float* kvNorm, bf16* latent) {
  const Range range(stream, "prefill_03_linear_rmsnorm");
  const Product<1> products[] = {
      {D, {rmsnorm_attnNorm, B * T, D}, {{kvDown, D, C}}},  // rmsnorm_attnNorm · kvDown
  };
  const Extent extent{1, B * T, C, nullptr};
  const Epilogue epilogue{kvNorm, latent};
  launched(contract<Shape>(stream, extent, products, epilogue));
}

}  // namespace mlac
