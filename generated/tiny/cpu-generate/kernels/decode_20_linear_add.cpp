// decode_20_linear_add: linear, add. Emitted by mlac: edit the model, not this file.
// model.ts:27   return linear(mixed, p.out);
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  mixed [B H U], out_ [H U D], x [B D]
// writes add [B D]
// 263 kFLOP, 77.8 kB in float32, 3.4 FLOP a byte
#include "../lib/kernel.h"
#include "../lib/few_rows.h"

namespace mlac {

namespace {

constexpr int64_t B = 8;
constexpr int64_t H = 4;
constexpr int64_t U = 32;
constexpr int64_t D = 128;

}  // namespace

void decode_20_linear_add(const real* mixed, const real* out_, const real* x, real* __restrict add) {
  const Range range("decode_20_linear_add");
  const auto a = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return mixed[m * H * U + k]; };
  });
  const auto b = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return out_[k * D + n]; };
  });

  const Grid grid{1, B, D, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* linear_out_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * D + n + j;
      const real add_at = x[at] + linear_out_sum[j];
      add[at] = add_at;
    }
  };
  contract_few<1>(grid, epilogue, product<0>(H * U, a, b));
}

}  // namespace mlac
