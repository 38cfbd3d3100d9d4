// bwd_28_linearGradX_add: linearGradX, add. Emitted by mlac: edit the model, not this file.
// model.ts:22   const latent = rmsnorm(linear(x, p.kvDown), p.kvNorm);
// model.ts:23   const shared = expand(linear(x, p.kRope), "H"); // one rotary key for all heads
// model.ts:24   const q = rmsnorm(linear(x, p.q), p.qNorm);
// reads  rmsnorm_grad_x_qNorm [B T H N+R], q [D H N+R], sumOver [B T R], kRope [D R], rmsnorm_grad_x_kvNorm [B T C], kvDown [D C]
// writes add [B T D]
// 286 MFLOP, 6.7 MB in float32, 43 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t H = 4;
constexpr int64_t N_R = 48;  // N+R
constexpr int64_t D = 128;
constexpr int64_t R = 16;
constexpr int64_t C = 64;

}  // namespace

void bwd_28_linearGradX_add(const real* rmsnorm_grad_x_qNorm, const real* q, const real* sumOver, const real* kRope, const real* rmsnorm_grad_x_kvNorm, const real* kvDown, real* __restrict add) {
  const Range range("bwd_28_linearGradX_add");
  const auto a = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return rmsnorm_grad_x_qNorm[m * H * N_R + k]; };
  });
  const auto b = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return q[n * H * N_R + k]; };
  });
  const auto a_2 = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return sumOver[m * R + k]; };
  });
  const auto b_2 = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return kRope[n * R + k]; };
  });
  const auto a_3 = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return rmsnorm_grad_x_kvNorm[m * C + k]; };
  });
  const auto b_3 = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return kvDown[n * C + k]; };
  });

  const Grid grid{1, B * T, D, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* add_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * D + n + j;
      add[at] = add_sum[j];
    }
  };
  contract<1>(grid, epilogue, product<0>(H * N_R, a, b), product<0>(R, a_2, b_2), product<0>(C, a_3, b_3));
}

}  // namespace mlac
