// bwd_39_linearGradW_swigluGradGate: swigluGradGate, linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:31   linear(swiglu(linear(x, p.gate), linear(x, p.up)), p.down));
// reads  linear_grad_x_down [B T W], linear_gate [B T W], linear_up [B T W], rmsnorm_ffnNorm [B T D]
// writes d_gate [D W]
// 417 MFLOP, 21.2 MB in float32, 20 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t W = 384;
constexpr int64_t D = 128;

}  // namespace

void bwd_39_linearGradW_swigluGradGate(const real* linear_grad_x_down, const real* linear_gate, const real* linear_up, const real* rmsnorm_ffnNorm, real* __restrict d_gate) {
  const auto a = operand<Along::rows>([=]([[maybe_unused]] int64_t group, [[maybe_unused]] int64_t begin, [[maybe_unused]] int64_t end) {
    return [=](int64_t m, int64_t k) { return rmsnorm_ffnNorm[k * D + m]; };
  });
  const auto b = operand<Along::columns>([=]([[maybe_unused]] int64_t group, [[maybe_unused]] int64_t begin, [[maybe_unused]] int64_t end) {
    return [=](int64_t k, int64_t n) { return (linear_grad_x_down[k * W + n] * linear_up[k * W + n] * mlac::silu_grad(linear_gate[k * W + n])); };
  });

  const Grid grid{1, D, W, nullptr, Grid::dense};
  const auto epilogue = [=]([[maybe_unused]] int64_t group, int64_t m, int64_t n, int64_t count, const real* d_gate_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * W + n + j;
      d_gate[at] += d_gate_sum[j];
    }
  };
  contract<1>(grid, epilogue, product<0>(B * T, a, b));
}

}  // namespace mlac
