// decode_24_linear_swiglu: swiglu, linear. Emitted by mlac: edit the model, not this file.
// model.ts:40   const routed = linear(swiglu(linear(rows, p.gate), linear(rows, p.up)), p.down);
// reads  linear_gate [E rows F], linear_up [E rows F], down [E F D], offsets [E+1] i32
// writes routed [E rows D]
// 267 kFLOP, 279 kB in float32, 0.96 FLOP a byte
#include "../lib/kernel.h"
#include "../lib/few_rows.h"

namespace mlac {

namespace {

constexpr int64_t rows = 16;  // of all experts together
constexpr int64_t F = 64;
constexpr int64_t D = 128;

}  // namespace

void decode_24_linear_swiglu(const real* linear_gate, const real* linear_up, const real* down, const int32_t* offsets, real* __restrict routed) {
  const Range range("decode_24_linear_swiglu");
  const auto a = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return (mlac::silu(linear_gate[m * F + k]) * linear_up[m * F + k]); };
  });
  const auto b = operand<Along::columns>([=](int64_t group, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return down[group * (F * D) + k * D + n]; };
  });

  const Grid grid{8, rows, D, offsets, Grid::ragged_m};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* routed_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * D + n + j;
      routed[at] = routed_sum[j];
    }
  };
  contract_few<1>(grid, epilogue, product<0>(F, a, b));
}

}  // namespace mlac
