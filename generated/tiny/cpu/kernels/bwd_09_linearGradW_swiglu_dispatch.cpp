// bwd_09_linearGradW_swiglu_dispatch: swiglu, dispatch, linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:40   const routed = linear(swiglu(linear(rows, p.gate), linear(rows, p.up)), p.down);
// model.ts:42   return add(combine(routed, routing), shared);
// reads  linear_gate [E rows F], linear_up [E rows F], d_x [B T D], source [rows] i32, gates [B T topK], offsets [E+1] i32
// writes d_down [E F D]
// 138 MFLOP, 6.6 MB in float32, 21 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t rows = 8192;  // of all experts together
constexpr int64_t F = 64;
constexpr int64_t D = 128;

}  // namespace

void bwd_09_linearGradW_swiglu_dispatch(const real* linear_gate, const real* linear_up, const real* d_x, const int32_t* source, const real* gates, const int32_t* offsets, real* __restrict d_down) {
  const Range range("bwd_09_linearGradW_swiglu_dispatch");
  const auto a = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return (mlac::silu(linear_gate[k * F + m]) * linear_up[k * F + m]); };
  });
  const auto b = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return (gates[source[k]] * d_x[(source[k] / 2) * D + n]); };
  });

  const Grid grid{8, F, D, offsets, Grid::ragged_k};
  const auto epilogue = [=](int64_t group, int64_t m, int64_t n, int64_t count, const real* d_down_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = (group * F + m) * D + n + j;
      d_down[at] += d_down_sum[j];
    }
  };
  contract<1>(grid, epilogue, product<0>(0, a, b));
}

}  // namespace mlac
