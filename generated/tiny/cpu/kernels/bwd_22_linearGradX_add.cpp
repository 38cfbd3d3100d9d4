// bwd_22_linearGradX_add: linearGradX, add. Emitted by mlac: edit the model, not this file.
// model.ts:25   const k = rmsnorm(concat(linear(latent, p.k), shared), p.kNorm);
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  d_v [B T H U], v [C H U], part [B T H N], k_ [C H N]
// writes add [B T C]
// 134 MFLOP, 5.3 MB in float32, 25 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t H = 4;
constexpr int64_t U = 32;
constexpr int64_t C = 64;
constexpr int64_t N = 32;

}  // namespace

void bwd_22_linearGradX_add(const real* d_v, const real* v, const real* part, const real* k_, real* __restrict add) {
  const Range range("bwd_22_linearGradX_add");
  const auto a = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return d_v[m * H * U + k]; };
  });
  const auto b = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return v[n * H * U + k]; };
  });
  const auto a_2 = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return part[m * H * N + k]; };
  });
  const auto b_2 = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return k_[n * H * N + k]; };
  });

  const Grid grid{1, B * T, C, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* add_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * C + n + j;
      add[at] = add_sum[j];
    }
  };
  contract<1>(grid, epilogue, product<0>(H * U, a, b), product<0>(H * N, a_2, b_2));
}

}  // namespace mlac
