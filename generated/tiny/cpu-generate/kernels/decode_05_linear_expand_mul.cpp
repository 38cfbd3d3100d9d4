// decode_05_linear_expand_mul: linear, expand, mul. Emitted by mlac: edit the model, not this file.
// model.ts:23   const shared = expand(linear(x, p.kRope), "H"); // one rotary key for all heads
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  rmsnorm_attnNorm [B D], kRope [D R], part_kNorm [R]
// writes linear_kRope [B R], mul [B R]
// 32.9 kFLOP, 13.4 kB in float32, 2.5 FLOP a byte
#include "../lib/kernel.h"
#include "../lib/few_rows.h"

namespace mlac {

namespace {

constexpr int64_t B = 8;
constexpr int64_t D = 128;
constexpr int64_t R = 16;

}  // namespace

void decode_05_linear_expand_mul(const real* rmsnorm_attnNorm, const real* kRope, const real* part_kNorm, real* __restrict linear_kRope, real* __restrict mul) {
  const Range range("decode_05_linear_expand_mul");
  const auto a = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return rmsnorm_attnNorm[m * D + k]; };
  });
  const auto b = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return kRope[k * R + n]; };
  });

  const Grid grid{1, B, R, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* linear_kRope_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * R + n + j;
      linear_kRope[at] = linear_kRope_sum[j];
      const real mul_at = linear_kRope_sum[j] * part_kNorm[(n + j)];
      mul[at] = mul_at;
    }
  };
  contract_few<1>(grid, epilogue, product<0>(D, a, b));
}

}  // namespace mlac
