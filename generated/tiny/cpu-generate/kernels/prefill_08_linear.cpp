// prefill_08_linear: linear. Emitted by mlac: edit the model, not this file.
// model.ts:25   const k = rmsnorm(concat(linear(latent, p.k), shared), p.kNorm);
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  latent [B T C], k_ [C H N], v [C H U]
// writes linear_k [B T H N], linear_v [B T H U]
// 4.2 MFLOP, 229 kB in float32, 18 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t C = 64;
constexpr int64_t H = 4;
constexpr int64_t N = 32;
constexpr int64_t U = 32;

}  // namespace

void prefill_08_linear(const real* latent, const real* k_, const real* v, real* __restrict linear_k, real* __restrict linear_v) {
  const Range range("prefill_08_linear");
  const auto a = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return latent[m * C + k]; };
  });
  const auto b = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return k_[k * H * N + n]; };
  });
  const auto b_2 = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return v[k * H * U + n]; };
  });

  const Grid grid{1, B * T, H * N, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* linear_k_sum, const real* linear_v_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * (H * N) + n + j;
      linear_k[at] = linear_k_sum[j];
      linear_v[at] = linear_v_sum[j];
    }
  };
  contract<2>(grid, epilogue, product<0>(C, a, b, b_2));
}

}  // namespace mlac
