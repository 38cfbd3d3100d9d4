// decode_03_linear: linear. Emitted by mlac: edit the model, not this file.
// model.ts:22   const latent = rmsnorm(linear(x, p.kvDown), p.kvNorm);
// reads  rmsnorm_attnNorm [B D], kvDown [D C]
// writes linear_kvDown [B C]
// 131 kFLOP, 38.9 kB in float32, 3.4 FLOP a byte
#include "../lib/kernel.h"
#include "../lib/few_rows.h"

namespace mlac {

namespace {

constexpr int64_t B = 8;
constexpr int64_t D = 128;
constexpr int64_t C = 64;

}  // namespace

void decode_03_linear(const real* rmsnorm_attnNorm, const real* kvDown, real* __restrict linear_kvDown) {
  const Range range("decode_03_linear");
  const auto a = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return rmsnorm_attnNorm[m * D + k]; };
  });
  const auto b = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return kvDown[k * C + n]; };
  });

  const Grid grid{1, B, C, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* linear_kvDown_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * C + n + j;
      linear_kvDown[at] = linear_kvDown_sum[j];
    }
  };
  contract_few<1>(grid, epilogue, product<0>(D, a, b));
}

}  // namespace mlac
