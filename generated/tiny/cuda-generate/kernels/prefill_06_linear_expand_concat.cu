// prefill_06_linear_expand_concat: linear, expand, concat, rmsnorm, rope. Emitted by mlac: edit the model, not this file.
// model.ts:23   const shared = expand(linear(x, p.kRope), "H"); // one rotary key for all heads
// model.ts:25   const k = rmsnorm(concat(linear(latent, p.k), shared), p.kNorm);
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  latent [B T C], k_ [C H N], linear_kRope [B T R], kNorm [N+R]
// writes concat [B T H N+R], rope [B T H N+R]
// 2.2 MFLOP, 135 kB, 16 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"
#include "../lib/rows.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t C = 64;
constexpr int64_t H = 4;
constexpr int64_t N = 32;
constexpr int64_t R = 16;
constexpr int64_t N_R = 48;  // N+R

}  // namespace

namespace {

constexpr int LANES = 8;  // that have a row
constexpr int STEP = RUN;  // columns that a lane takes at a time

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// What becomes of a row of [B T H].
struct Epilogue {
  static constexpr int ROW = N, ROOM = N_R;
  static constexpr bool ROUNDED = true;
  const bf16* linear_kRope;
  const float* kNorm;
  bf16* concat;
  bf16* rope;
  const float* rope_cos;
  const float* rope_sin;

  __device__ void row(int64_t m, [[maybe_unused]] int64_t head, [[maybe_unused]] float* sums, [[maybe_unused]] float* room, int lane) const {
    float* const concat_row = room;
    const bf16* linear_kRope_row = linear_kRope + m * R;
    bf16* concat_row_2 = concat + (m * H + head) * N_R;
    bf16* rope_row = rope + (m * H + head) * N_R;
    const Run rope_cos_run = lane * RUN < 8 ? load<true>(rope_cos + (m % T) * 8 + lane * RUN) : Run{};
    const Run rope_sin_run = lane * RUN < 8 ? load<true>(rope_sin + (m % T) * 8 + lane * RUN) : Run{};
    __syncwarp();
    if (const int i = lane * RUN; i < 32) {
      Run concat_row_run;
      const Run sums_run = load<true>(sums + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        concat_row_run[j] = sums_run[j];
      }
      store<true>(concat_row + i, concat_row_run);
    }
    if (const int i = lane * RUN; i < 16) {
      Run concat_row_run_2;
      const Run linear_kRope_row_run = load<true>(linear_kRope_row + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        concat_row_run_2[j] = linear_kRope_row_run[j];
      }
      store<true>(concat_row + 32 + i, concat_row_run_2);
    }
    __syncwarp();
    #pragma unroll
    for (int c = 0; c < chunks(N_R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= N_R) break;
      const Run concat_run = load<true>(concat_row + i);
      Run concat_run_2;
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        concat_run_2[j] = concat_run[j];
      }
      store<true>(concat_row_2 + i, concat_run_2);
    }
    real rstd_of_lane = 0;
    #pragma unroll
    for (int c = 0; c < chunks(N_R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= N_R) break;
      const Run concat_run_3 = load<true>(concat_row + i);
      const Run kNorm_run = load<true>(kNorm + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        rstd_of_lane += concat_run_3[j] * concat_run_3[j];
      }
    }
    const real rstd = 1 / std::sqrt(sum_over_row<LANES>(rstd_of_lane) / real(N_R) + real(0.000001));
    #pragma unroll
    for (int c = 0; c < chunks(N_R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= N_R) break;
      const Run concat_run_4 = load<true>(concat_row + i);
      const Run kNorm_run_2 = load<true>(kNorm + i);
      Run k__2_run;
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        const real k__2_i = concat_run_4[j] * rstd * kNorm_run_2[j];
        k__2_run[j] = k__2_i;
      }
      store<true>(concat_row + i, k__2_run);
    }
    __syncwarp();
    if (const int i = lane * RUN; i < 32) {
      Run rope_row_run;
      const Run concat_row_run_3 = load<true>(concat_row + i);
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        rope_row_run[j] = concat_row_run_3[j];
      }
      store<true>(rope_row + i, rope_row_run);
    }
    if (const int i = lane * RUN; i < 8) {
      const Run concat_row_run_4 = load<true>(concat_row + 32 + i);
      const Run concat_row_run_5 = load<true>(concat_row + 40 + i);
      Run rope_row_run_2;
      Run rope_row_run_3;
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        const real cosine = rope_cos_run[j], sine = rope_sin_run[j];
        const real turned_u = concat_row_run_4[j], turned_v = concat_row_run_5[j];
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

void prefill_06_linear_expand_concat(cudaStream_t stream, const bf16* latent, const bf16* k_, const bf16* linear_kRope, const float* kNorm, bf16* concat, bf16* rope, const float* rope_cos, const float* rope_sin) {
  const Range range(stream, "prefill_06_linear_expand_concat");
  const Product<1> products[] = {
      {C, {latent, B * T, C}, {{k_, C, H * N}}},  // latent · k_
  };
  const Extent extent{1, B * T, H * N, nullptr};
  const Epilogue epilogue{linear_kRope, kNorm, concat, rope, rope_cos, rope_sin};
  launched(contract<Shape>(stream, extent, products, epilogue));
}

}  // namespace mlac
