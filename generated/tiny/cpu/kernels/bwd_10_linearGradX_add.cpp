// bwd_10_linearGradX_add: linearGradX, add. Emitted by mlac: edit the model, not this file.
// model.ts:40   const routed = linear(swiglu(linear(rows, p.gate), linear(rows, p.up)), p.down);
// reads  swiglu_grad_up [E rows F], up [E D F], offsets [E+1] i32, swiglu_grad_gate [E rows F], gate [E D F]
// writes add [E rows D]
// 269 MFLOP, 8.9 MB in float32, 30 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t rows = 8192;  // of all experts together
constexpr int64_t F = 64;
constexpr int64_t D = 128;

}  // namespace

void bwd_10_linearGradX_add(const real* swiglu_grad_up, const real* up, const int32_t* offsets, const real* swiglu_grad_gate, const real* gate, real* __restrict add) {
  const Range range("bwd_10_linearGradX_add");
  const auto a = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return swiglu_grad_up[m * F + k]; };
  });
  const auto b = operand<Along::rows>([=](int64_t group, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return up[group * (D * F) + n * F + k]; };
  });
  const auto a_2 = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return swiglu_grad_gate[m * F + k]; };
  });
  const auto b_2 = operand<Along::rows>([=](int64_t group, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return gate[group * (D * F) + n * F + k]; };
  });

  const Grid grid{8, rows, D, offsets, Grid::ragged_m};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* add_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * D + n + j;
      add[at] = add_sum[j];
    }
  };
  contract<1>(grid, epilogue, product<0>(F, a, b), product<0>(F, a_2, b_2));
}

}  // namespace mlac
