// decode_08_linear: linear. Emitted by mlac: edit the model, not this file.
// model.ts:25   const k = rmsnorm(concat(linear(latent, p.k), shared), p.kNorm);
// reads  latent [B C], k_ [C H N]
// writes linear_k [B H N]
// 131 kFLOP, 38.9 kB in float32, 3.4 FLOP a byte
#include "../lib/kernel.h"
#include "../lib/few_rows.h"

namespace mlac {

namespace {

constexpr int64_t B = 8;
constexpr int64_t C = 64;
constexpr int64_t H = 4;
constexpr int64_t N = 32;

}  // namespace

void decode_08_linear(const real* latent, const real* k_, real* __restrict linear_k) {
  const Range range("decode_08_linear");
  const auto a = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return latent[m * C + k]; };
  });
  const auto b = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return k_[k * H * N + n]; };
  });

  const Grid grid{1, B, H * N, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* linear_k_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * (H * N) + n + j;
      linear_k[at] = linear_k_sum[j];
    }
  };
  contract_few<1>(grid, epilogue, product<0>(C, a, b));
}

}  // namespace mlac
