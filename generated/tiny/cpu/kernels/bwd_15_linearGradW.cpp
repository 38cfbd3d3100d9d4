// bwd_15_linearGradW: linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:41   const shared = linear(swiglu(linear(x, p.sharedGate), linear(x, p.sharedUp)), p.sharedDown);
// reads  rmsnorm_ffnNorm [B T D], swiglu_grad_up [B T S], swiglu_grad_gate [B T S]
// writes d_sharedUp [D S], d_sharedGate [D S]
// 268 MFLOP, 6.4 MB in float32, 42 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t S = 128;

}  // namespace

void bwd_15_linearGradW(const real* rmsnorm_ffnNorm, const real* swiglu_grad_up, const real* swiglu_grad_gate, real* __restrict d_sharedUp, real* __restrict d_sharedGate) {
  const Range range("bwd_15_linearGradW");
  const auto a = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return rmsnorm_ffnNorm[k * D + m]; };
  });
  const auto b = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return swiglu_grad_up[k * S + n]; };
  });
  const auto b_2 = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return swiglu_grad_gate[k * S + n]; };
  });

  const Grid grid{1, D, S, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* d_sharedUp_sum, const real* d_sharedGate_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * S + n + j;
      d_sharedUp[at] += d_sharedUp_sum[j];
      d_sharedGate[at] += d_sharedGate_sum[j];
    }
  };
  contract<2>(grid, epilogue, product<0>(B * T, a, b, b_2));
}

}  // namespace mlac
