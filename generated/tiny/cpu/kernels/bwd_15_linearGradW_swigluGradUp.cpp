// bwd_15_linearGradW_swigluGradUp: swigluGradUp, linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:41   const shared = linear(swiglu(linear(x, p.sharedGate), linear(x, p.sharedUp)), p.sharedDown);
// reads  linear_grad_x_sharedDown [B T S], linear_sharedGate [B T S], rmsnorm_ffnNorm [B T D]
// writes d_sharedUp [D S]
// 137 MFLOP, 6.4 MB in float32, 22 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t S = 128;
constexpr int64_t D = 128;

}  // namespace

void bwd_15_linearGradW_swigluGradUp(const real* linear_grad_x_sharedDown, const real* linear_sharedGate, const real* rmsnorm_ffnNorm, real* __restrict d_sharedUp) {
  const auto a = operand<Along::rows>([=]([[maybe_unused]] int64_t group, [[maybe_unused]] int64_t begin, [[maybe_unused]] int64_t end) {
    return [=](int64_t m, int64_t k) { return rmsnorm_ffnNorm[k * D + m]; };
  });
  const auto b = operand<Along::columns>([=]([[maybe_unused]] int64_t group, [[maybe_unused]] int64_t begin, [[maybe_unused]] int64_t end) {
    return [=](int64_t k, int64_t n) { return (linear_grad_x_sharedDown[k * S + n] * mlac::silu(linear_sharedGate[k * S + n])); };
  });

  const Grid grid{1, D, S, nullptr, Grid::dense};
  const auto epilogue = [=]([[maybe_unused]] int64_t group, int64_t m, int64_t n, int64_t count, const real* d_sharedUp_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * S + n + j;
      d_sharedUp[at] += d_sharedUp_sum[j];
    }
  };
  contract<1>(grid, epilogue, product<0>(B * T, a, b));
}

}  // namespace mlac
