// bwd_34_linearGradX_add: linearGradX, add. Emitted by mlac: edit the model, not this file.
// model.ts:31   linear(swiglu(linear(x, p.gate), linear(x, p.up)), p.down));
// reads  swiglu_grad_up [B T W], up [D W], swiglu_grad_gate [B T W], gate [D W]
// writes add [B T D]
// 806 MFLOP, 15.1 MB in float32, 53 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t W = 384;
constexpr int64_t D = 128;

}  // namespace

void bwd_34_linearGradX_add(const real* swiglu_grad_up, const real* up, const real* swiglu_grad_gate, const real* gate, real* __restrict add) {
  const Range range("bwd_34_linearGradX_add");
  const auto a = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return swiglu_grad_up[m * W + k]; };
  });
  const auto b = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return up[n * W + k]; };
  });
  const auto a_2 = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return swiglu_grad_gate[m * W + k]; };
  });
  const auto b_2 = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return gate[n * W + k]; };
  });

  const Grid grid{1, B * T, D, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* add_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * D + n + j;
      add[at] = add_sum[j];
    }
  };
  contract<1>(grid, epilogue, product<0>(W, a, b), product<0>(W, a_2, b_2));
}

}  // namespace mlac
