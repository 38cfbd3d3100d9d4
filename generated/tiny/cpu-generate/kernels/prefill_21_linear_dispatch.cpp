// prefill_21_linear_dispatch: dispatch, linear. Emitted by mlac: edit the model, not this file.
// model.ts:39   const rows = dispatch(x, routing); // [E rows D]: the tokens of each expert
// model.ts:40   const routed = linear(swiglu(linear(rows, p.gate), linear(rows, p.up)), p.down);
// reads  rmsnorm_ffnNorm [B T D], source [rows] i32, gate [E D F], offsets [E+1] i32, up [E D F]
// writes linear_gate [E rows F], linear_up [E rows F]
// 8.4 MFLOP, 722 kB in float32, 12 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t D = 128;
constexpr int64_t rows = 256;  // of all experts together
constexpr int64_t F = 64;

}  // namespace

void prefill_21_linear_dispatch(const real* rmsnorm_ffnNorm, const int32_t* source, const real* gate, const int32_t* offsets, const real* up, real* __restrict linear_gate, real* __restrict linear_up) {
  const Range range("prefill_21_linear_dispatch");
  const auto a = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return rmsnorm_ffnNorm[(source[m] / 2) * D + k]; };
  });
  const auto b = operand<Along::columns>([=](int64_t group, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return gate[group * (D * F) + k * F + n]; };
  });
  const auto b_2 = operand<Along::columns>([=](int64_t group, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return up[group * (D * F) + k * F + n]; };
  });

  const Grid grid{8, rows, F, offsets, Grid::ragged_m};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* linear_gate_sum, const real* linear_up_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * F + n + j;
      linear_gate[at] = linear_gate_sum[j];
      linear_up[at] = linear_up_sum[j];
    }
  };
  contract<2>(grid, epilogue, product<0>(D, a, b, b_2));
}

}  // namespace mlac
