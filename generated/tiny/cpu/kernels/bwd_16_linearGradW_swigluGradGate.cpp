// bwd_16_linearGradW_swigluGradGate: swigluGradGate, linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:41   const shared = linear(swiglu(linear(x, p.sharedGate), linear(x, p.sharedUp)), p.sharedDown);
// reads  linear_grad_x_sharedDown [B T S], linear_sharedGate [B T S], linear_sharedUp [B T S], rmsnorm_ffnNorm [B T D]
// writes d_sharedGate [D S]
// 139 MFLOP, 8.5 MB in float32, 16 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t S = 128;
constexpr int64_t D = 128;

}  // namespace

void bwd_16_linearGradW_swigluGradGate(const real* linear_grad_x_sharedDown, const real* linear_sharedGate, const real* linear_sharedUp, const real* rmsnorm_ffnNorm, real* __restrict d_sharedGate) {
  const auto a = operand<Along::rows>([=]([[maybe_unused]] int64_t group, [[maybe_unused]] int64_t begin, [[maybe_unused]] int64_t end) {
    return [=](int64_t m, int64_t k) { return rmsnorm_ffnNorm[k * D + m]; };
  });
  const auto b = operand<Along::columns>([=]([[maybe_unused]] int64_t group, [[maybe_unused]] int64_t begin, [[maybe_unused]] int64_t end) {
    return [=](int64_t k, int64_t n) { return (linear_grad_x_sharedDown[k * S + n] * linear_sharedUp[k * S + n] * mlac::silu_grad(linear_sharedGate[k * S + n])); };
  });

  const Grid grid{1, D, S, nullptr, Grid::dense};
  const auto epilogue = [=]([[maybe_unused]] int64_t group, int64_t m, int64_t n, int64_t count, const real* d_sharedGate_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * S + n + j;
      d_sharedGate[at] += d_sharedGate_sum[j];
    }
  };
  contract<1>(grid, epilogue, product<0>(B * T, a, b));
}

}  // namespace mlac
