// prefill_25_linear_swiglu_add: swiglu, linear, add. Emitted by mlac: edit the model, not this file.
// model.ts:41   const shared = linear(swiglu(linear(x, p.sharedGate), linear(x, p.sharedUp)), p.sharedDown);
// model.ts:42   return add(combine(routed, routing), shared);
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  linear_sharedGate [B T S], linear_sharedUp [B T S], sharedDown [S D], combine [B T D], add [B T D]
// writes x [B T D]
// 4.3 MFLOP, 393 kB in float32, 11 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t S = 128;
constexpr int64_t D = 128;

}  // namespace

void prefill_25_linear_swiglu_add(const real* linear_sharedGate, const real* linear_sharedUp, const real* sharedDown, const real* combine, const real* add, real* __restrict x) {
  const Range range("prefill_25_linear_swiglu_add");
  const auto a = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return (mlac::silu(linear_sharedGate[m * S + k]) * linear_sharedUp[m * S + k]); };
  });
  const auto b = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return sharedDown[k * D + n]; };
  });

  const Grid grid{1, B * T, D, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* shared_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * D + n + j;
      const real add_2_at = combine[at] + shared_sum[j];
      const real x_at = add[at] + add_2_at;
      x[at] = x_at;
    }
  };
  contract<1>(grid, epilogue, product<0>(S, a, b));
}

}  // namespace mlac
