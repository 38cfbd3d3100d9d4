// bwd_19_linearGradW: linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:27   return linear(mixed, p.out);
// reads  mixed [B T H U], d_x [B T D]
// writes d_out [H U D]
// 134 MFLOP, 4.3 MB in float32, 32 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t H = 4;
constexpr int64_t U = 32;
constexpr int64_t D = 128;

}  // namespace

void bwd_19_linearGradW(const real* mixed, const real* d_x, real* __restrict d_out) {
  const Range range("bwd_19_linearGradW");
  const auto a = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return mixed[k * H * U + m]; };
  });
  const auto b = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return d_x[k * D + n]; };
  });

  const Grid grid{1, H * U, D, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* d_out_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * D + n + j;
      d_out[at] += d_out_sum[j];
    }
  };
  contract<1>(grid, epilogue, product<0>(B * T, a, b));
}

}  // namespace mlac
