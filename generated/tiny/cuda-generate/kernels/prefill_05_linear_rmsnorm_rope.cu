// prefill_05_linear_rmsnorm_rope: linear, rmsnorm, rope. Emitted by mlac: edit the model, not this file.
// model.ts:24   const q = rmsnorm(linear(x, p.q), p.qNorm);
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  rmsnorm_attnNorm [B T D], q [D H N+R], qNorm [N+R]
// writes rope [B T H N+R]
// 6.4 MFLOP, 131 kB, 49 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"
#include "../lib/rows.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t D = 128;
constexpr int64_t H = 4;
constexpr int64_t N_R = 48;  // N+R

}  // namespace

namespace {

constexpr int LANES = 8;  // that have a row
constexpr int STEP = RUN;  // columns that a lane takes at a time

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// What becomes of a row of [B T H].
struct Epilogue {
  static constexpr int ROW = N_R, ROOM = 0;
  static constexpr bool ROUNDED = true;
  const float* qNorm;
  bf16* rope;
  const float* rope_cos;
  const float* rope_sin;

  __device__ void row(int64_t m, [[maybe_unused]] int64_t head, [[maybe_unused]] float* sums, [[maybe_unused]] float* room, int lane) const {
    bf16* rope_row = rope + (m * H + head) * N_R;
    const Run rope_cos_run = lane * RUN < 8 ? load<true>(rope_cos + (m % T) * 8 + lane * RUN) : Run{};
    const Run rope_sin_run = lane * RUN < 8 ? load<true>(rope_sin + (m % T) * 8 + lane * RUN) : Run{};
    real rstd_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(N_R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= N_R) break;
      const Run linear_q_run = load<true>(sums + i);
      const Run qNorm_run = load<true>(qNorm + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        rstd_of_lane += linear_q_run[j] * linear_q_run[j];
      }
    }
    const real rstd = 1 / std::sqrt(sum_over_row<LANES>(rstd_of_lane) / real(N_R) + real(0.000001));
    #pragma unroll
    for (int c = 0; c < chunks(N_R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= N_R) break;
      const Run linear_q_run_2 = load<true>(sums + i);
      const Run qNorm_run_2 = load<true>(qNorm + i);
      Run q_2_run;
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        const real q_2_i = linear_q_run_2[j] * rstd * qNorm_run_2[j];
        q_2_run[j] = q_2_i;
      }
      store<true>(sums + i, q_2_run);
    }
    __syncwarp();
    if (const int i = lane * RUN; i < 32) {
      Run rope_row_run;
      const Run sums_run = load<true>(sums + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        rope_row_run[j] = sums_run[j];
      }
      store<true>(rope_row + i, rope_row_run);
    }
    if (const int i = lane * RUN; i < 8) {
      const Run sums_run_2 = load<true>(sums + 32 + i);
      const Run sums_run_3 = load<true>(sums + 40 + i);
      Run rope_row_run_2;
      Run rope_row_run_3;
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        const real cosine = rope_cos_run[j], sine = rope_sin_run[j];
        const real turned_u = sums_run_2[j], turned_v = sums_run_3[j];
        rope_row_run_2[j] = turned_u * cosine - turned_v * sine;
        rope_row_run_3[j] = turned_v * cosine + turned_u * sine;
      }
      store<true>(rope_row + 32 + i, rope_row_run_2);
      store<true>(rope_row + 40 + i, rope_row_run_3);
    }
    __syncwarp();
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::own, 1, 1, true, false, false>;

}  // namespace

void prefill_05_linear_rmsnorm_rope(cudaStream_t stream, const bf16* rmsnorm_attnNorm, const bf16* q, const float* qNorm, bf16* rope, const float* rope_cos, const float* rope_sin) {
  const Range range(stream, "prefill_05_linear_rmsnorm_rope");
  const Product<1> products[] = {
      {D, {rmsnorm_attnNorm, B * T, D}, {{q, D, H * N_R}}},  // rmsnorm_attnNorm · q
  };
  const Extent extent{1, B * T, H * N_R, nullptr};
  const Epilogue epilogue{qNorm, rope, rope_cos, rope_sin};
  launched(contract<Shape>(stream, extent, products, epilogue));
}

}  // namespace mlac
