// bwd_24_linearGradW: linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:25   const k = rmsnorm(concat(linear(latent, p.k), shared), p.kNorm);
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  latent [B T C], d_v [B T H U], part [B T H N]
// writes d_v_2 [C H U], d_k [C H N]
// 134 MFLOP, 5.3 MB in float32, 25 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t C = 64;
constexpr int64_t H = 4;
constexpr int64_t U = 32;
constexpr int64_t N = 32;

}  // namespace

void bwd_24_linearGradW(const real* latent, const real* d_v, const real* part, real* __restrict d_v_2, real* __restrict d_k) {
  const Range range("bwd_24_linearGradW");
  const auto a = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return latent[k * C + m]; };
  });
  const auto b = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return d_v[k * H * U + n]; };
  });
  const auto b_2 = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return part[k * H * N + n]; };
  });

  const Grid grid{1, C, H * U, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* d_v_2_sum, const real* d_k_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * (H * U) + n + j;
      d_v_2[at] += d_v_2_sum[j];
      d_k[at] += d_k_sum[j];
    }
  };
  contract<2>(grid, epilogue, product<0>(B * T, a, b, b_2));
}

}  // namespace mlac
