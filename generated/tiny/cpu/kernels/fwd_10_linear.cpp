// fwd_10_linear: linear. Emitted by mlac: edit the model, not this file.
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  latent [B T C], v [C H U]
// writes linear_v [B T H U]
// 67.1 MFLOP, 3.2 MB in float32, 21 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t C = 64;
constexpr int64_t H = 4;
constexpr int64_t U = 32;

}  // namespace

void fwd_10_linear(const real* latent, const real* v, real* __restrict linear_v) {
  const auto a = operand<Along::columns>([=]([[maybe_unused]] int64_t group, [[maybe_unused]] int64_t begin, [[maybe_unused]] int64_t end) {
    return [=](int64_t m, int64_t k) { return latent[m * C + k]; };
  });
  const auto b = operand<Along::columns>([=]([[maybe_unused]] int64_t group, [[maybe_unused]] int64_t begin, [[maybe_unused]] int64_t end) {
    return [=](int64_t k, int64_t n) { return v[k * H * U + n]; };
  });

  const Grid grid{1, B * T, H * U, nullptr, Grid::dense};
  const auto epilogue = [=]([[maybe_unused]] int64_t group, int64_t m, int64_t n, int64_t count, const real* linear_v_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * (H * U) + n + j;
      linear_v[at] = linear_v_sum[j];
    }
  };
  contract<1>(grid, epilogue, product<0>(C, a, b));
}

}  // namespace mlac
