// fwd_22_linear_dispatch: dispatch, linear. Emitted by mlac: edit the model, not this file.
// model.ts:39   const rows = dispatch(x, routing); // [E rows D]: the tokens of each expert
// model.ts:40   const routed = linear(swiglu(linear(rows, p.gate), linear(rows, p.up)), p.down);
// reads  rmsnorm_ffnNorm [B T D], route_3 [rows] i32, route_2 [B T topK] i32, gate [E D F], route_4 [E+1] i32
// writes linear_gate [E rows F]
// 134 MFLOP, 4.5 MB in float32, 30 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t rows = 8192;  // of all experts together
constexpr int64_t topK = 2;
constexpr int64_t E = 8;
constexpr int64_t F = 64;
constexpr int64_t E_1 = 9;  // E+1

}  // namespace

void fwd_22_linear_dispatch(const real* rmsnorm_ffnNorm, const int32_t* route_3, const int32_t* route_2, const real* gate, const int32_t* route_4, real* __restrict linear_gate) {
  const auto a = operand<Along::columns>([=]([[maybe_unused]] int64_t group, [[maybe_unused]] int64_t begin, [[maybe_unused]] int64_t end) {
    return [=](int64_t m, int64_t k) { return rmsnorm_ffnNorm[((route_3[m] / 2)) * D + k]; };
  });
  const auto b = operand<Along::columns>([=]([[maybe_unused]] int64_t group, [[maybe_unused]] int64_t begin, [[maybe_unused]] int64_t end) {
    return [=](int64_t k, int64_t n) { return gate[group * (D * F) + k * F + n]; };
  });

  const Grid grid{8, rows, F, route_4, Grid::ragged_m};
  const auto epilogue = [=]([[maybe_unused]] int64_t group, int64_t m, int64_t n, int64_t count, const real* linear_gate_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * F + n + j;
      linear_gate[at] = linear_gate_sum[j];
    }
  };
  contract<1>(grid, epilogue, product<0>(D, a, b));
}

}  // namespace mlac
