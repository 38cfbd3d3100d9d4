// bwd_16_linearGradW_dispatch: dispatch, linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:39   const rows = dispatch(x, routing); // [E rows D]: the tokens of each expert
// model.ts:40   const routed = linear(swiglu(linear(rows, p.gate), linear(rows, p.up)), p.down);
// reads  rmsnorm_ffnNorm [B T D], source [rows] i32, swiglu_grad_up [E rows F], offsets [E+1] i32, swiglu_grad_gate [E rows F]
// writes d_up [E D F], d_gate [E D F]
// 268 MFLOP, 6.8 MB in float32, 39 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t D = 128;
constexpr int64_t rows = 8192;  // of all experts together
constexpr int64_t F = 64;

}  // namespace

void bwd_16_linearGradW_dispatch(const real* rmsnorm_ffnNorm, const int32_t* source, const real* swiglu_grad_up, const int32_t* offsets, const real* swiglu_grad_gate, real* __restrict d_up, real* __restrict d_gate) {
  const Range range("bwd_16_linearGradW_dispatch");
  const auto a = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return rmsnorm_ffnNorm[(source[k] / 2) * D + m]; };
  });
  const auto b = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return swiglu_grad_up[k * F + n]; };
  });
  const auto b_2 = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return swiglu_grad_gate[k * F + n]; };
  });

  const Grid grid{8, D, F, offsets, Grid::ragged_k};
  const auto epilogue = [=](int64_t group, int64_t m, int64_t n, int64_t count, const real* d_up_sum, const real* d_gate_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = (group * D + m) * F + n + j;
      d_up[at] += d_up_sum[j];
      d_gate[at] += d_gate_sum[j];
    }
  };
  contract<2>(grid, epilogue, product<0>(0, a, b, b_2));
}

}  // namespace mlac
