// prefill_04_linear_expand_mul: linear, expand, mul, rope. Emitted by mlac: edit the model, not this file.
// model.ts:23   const shared = expand(linear(x, p.kRope), "H"); // one rotary key for all heads
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  rmsnorm_attnNorm [B T D], kRope [D R], part_kNorm [R]
// writes linear_kRope [B T R], rope [B T R]
// 532 kFLOP, 45.1 kB, 12 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"
#include "../lib/rows.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t D = 128;
constexpr int64_t R = 16;

}  // namespace

namespace {

constexpr int LANES = 8;  // that have a row
constexpr int STEP = RUN;  // columns that a lane takes at a time

/// Pieces in which a row of so many columns is taken.
constexpr int chunks(int64_t columns) { return int(ceil_div(columns, LANES * STEP)); }

/// What becomes of a row of [B T].
struct Epilogue {
  static constexpr int ROW = R, ROOM = 0;
  static constexpr bool ROUNDED = false;
  const float* part_kNorm;
  bf16* linear_kRope;
  bf16* rope;
  const float* rope_cos;
  const float* rope_sin;

  __device__ void row(int64_t m, [[maybe_unused]] int64_t head, [[maybe_unused]] float* sums, [[maybe_unused]] float* room, int lane) const {
    bf16* linear_kRope_row = linear_kRope + m * R;
    bf16* rope_row = rope + m * R;
    const Run rope_cos_run = lane * RUN < 8 ? load<true>(rope_cos + (m % T) * 8 + lane * RUN) : Run{};
    const Run rope_sin_run = lane * RUN < 8 ? load<true>(rope_sin + (m % T) * 8 + lane * RUN) : Run{};
    #pragma unroll
    for (int c = 0; c < chunks(R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= R) break;
      const Run linear_kRope_run = load<true>(sums + i);
      Run linear_kRope_run_2;
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        linear_kRope_run_2[j] = linear_kRope_run[j];
      }
      store<true>(linear_kRope_row + i, linear_kRope_run_2);
    }
    #pragma unroll
    for (int c = 0; c < chunks(R); ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i >= R) break;
      const Run linear_kRope_run_3 = load<true>(sums + i);
      const Run expand_run = load<true>(part_kNorm + i);
      Run mul_run;
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        const real mul_i = to_float(from_float<bf16>(linear_kRope_run_3[j] * expand_run[j]));
        mul_run[j] = mul_i;
      }
      store<true>(sums + i, mul_run);
    }
    __syncwarp();
    if (const int i = lane * RUN; i < 8) {
      const Run sums_run = load<true>(sums + i);
      const Run sums_run_2 = load<true>(sums + 8 + i);
      Run rope_row_run;
      Run rope_row_run_2;
    #pragma unroll
      for (int j = 0; j < RUN; ++j) {
        const real cosine = rope_cos_run[j], sine = rope_sin_run[j];
        const real turned_u = sums_run[j], turned_v = sums_run_2[j];
        rope_row_run[j] = turned_u * cosine - turned_v * sine;
        rope_row_run_2[j] = turned_v * cosine + turned_u * sine;
      }
      store<true>(rope_row + i, rope_row_run);
      store<true>(rope_row + 8 + i, rope_row_run_2);
    }
    __syncwarp();
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::own, 1, 1, true, false, false>;

}  // namespace

void prefill_04_linear_expand_mul(cudaStream_t stream, const bf16* rmsnorm_attnNorm, const bf16* kRope, const float* part_kNorm, bf16* linear_kRope, bf16* rope, const float* rope_cos, const float* rope_sin) {
  const Range range(stream, "prefill_04_linear_expand_mul");
  const Product<1> products[] = {
      {D, {rmsnorm_attnNorm, B * T, D}, {{kRope, D, R}}},  // rmsnorm_attnNorm · kRope
  };
  const Extent extent{1, B * T, R, nullptr};
  const Epilogue epilogue{part_kNorm, linear_kRope, rope, rope_cos, rope_sin};
  launched(contract<Shape>(stream, extent, products, epilogue));
}

}  // namespace mlac
