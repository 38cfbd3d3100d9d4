// bwd_18_linearGradX: linearGradX. Emitted by mlac: edit the model, not this file.
// model.ts:27   return linear(mixed, p.out);
// reads  d_x [B T D], out_ [H U D]
// writes d_mixed [B T H U]
// 134 MFLOP, 4.3 MB in float32, 32 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t H = 4;
constexpr int64_t U = 32;

}  // namespace

void bwd_18_linearGradX(const real* d_x, const real* out_, real* __restrict d_mixed) {
  const Range range("bwd_18_linearGradX");
  const auto a = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return d_x[m * D + k]; };
  });
  const auto b = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return out_[n * D + k]; };
  });

  const Grid grid{1, B * T, H * U, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* d_mixed_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * (H * U) + n + j;
      d_mixed[at] = d_mixed_sum[j];
    }
  };
  contract<1>(grid, epilogue, product<0>(D, a, b));
}

}  // namespace mlac
