// bwd_30_linearGradW: linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:22   const latent = rmsnorm(linear(x, p.kvDown), p.kvNorm);
// reads  rmsnorm_attnNorm [B T D], rmsnorm_grad_x_kvNorm [B T C]
// writes d_kvDown [D C]
// 67.1 MFLOP, 3.2 MB in float32, 21 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t C = 64;

}  // namespace

void bwd_30_linearGradW(const real* rmsnorm_attnNorm, const real* rmsnorm_grad_x_kvNorm, real* __restrict d_kvDown) {
  const Range range("bwd_30_linearGradW");
  const auto a = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return rmsnorm_attnNorm[k * D + m]; };
  });
  const auto b = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return rmsnorm_grad_x_kvNorm[k * C + n]; };
  });

  const Grid grid{1, D, C, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* d_kvDown_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * C + n + j;
      d_kvDown[at] += d_kvDown_sum[j];
    }
  };
  contract<1>(grid, epilogue, product<0>(B * T, a, b));
}

}  // namespace mlac
