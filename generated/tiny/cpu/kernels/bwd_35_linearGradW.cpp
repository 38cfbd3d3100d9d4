// bwd_35_linearGradW: linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:31   linear(swiglu(linear(x, p.gate), linear(x, p.up)), p.down));
// reads  rmsnorm_ffnNorm [B T D], swiglu_grad_up [B T W], swiglu_grad_gate [B T W]
// writes d_up [D W], d_gate [D W]
// 805 MFLOP, 15.1 MB in float32, 53 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t W = 384;

}  // namespace

void bwd_35_linearGradW(const real* rmsnorm_ffnNorm, const real* swiglu_grad_up, const real* swiglu_grad_gate, real* __restrict d_up, real* __restrict d_gate) {
  const Range range("bwd_35_linearGradW");
  const auto a = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return rmsnorm_ffnNorm[k * D + m]; };
  });
  const auto b = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return swiglu_grad_up[k * W + n]; };
  });
  const auto b_2 = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return swiglu_grad_gate[k * W + n]; };
  });

  const Grid grid{1, D, W, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* d_up_sum, const real* d_gate_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * W + n + j;
      d_up[at] += d_up_sum[j];
      d_gate[at] += d_gate_sum[j];
    }
  };
  contract<2>(grid, epilogue, product<0>(B * T, a, b, b_2));
}

}  // namespace mlac
