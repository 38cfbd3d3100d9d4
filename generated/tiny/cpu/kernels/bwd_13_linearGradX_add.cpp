// bwd_13_linearGradX_add: linearGradX, add. Emitted by mlac: edit the model, not this file.
// model.ts:38   const routing = route(x, p.router, { topK: 2, score: "softmax", balance: { loss: 0.01 } });
// model.ts:39   const rows = dispatch(x, routing); // [E rows D]: the tokens of each expert
// model.ts:41   const shared = linear(swiglu(linear(x, p.sharedGate), linear(x, p.sharedUp)), p.sharedDown);
// reads  swiglu_grad_up [B T S], sharedUp [D S], swiglu_grad_gate [B T S], sharedGate [D S], combine [B T D], route_grad_ [B T E], router [D E]
// writes add [B T D]
// 278 MFLOP, 8.7 MB in float32, 32 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t S = 128;
constexpr int64_t D = 128;
constexpr int64_t E = 8;

}  // namespace

void bwd_13_linearGradX_add(const real* swiglu_grad_up, const real* sharedUp, const real* swiglu_grad_gate, const real* sharedGate, const real* combine, const real* route_grad_, const real* router, real* __restrict add) {
  const Range range("bwd_13_linearGradX_add");
  const auto a = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return swiglu_grad_up[m * S + k]; };
  });
  const auto b = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return sharedUp[n * S + k]; };
  });
  const auto a_2 = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return swiglu_grad_gate[m * S + k]; };
  });
  const auto b_2 = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return sharedGate[n * S + k]; };
  });
  const auto a_3 = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return route_grad_[m * E + k]; };
  });
  const auto b_3 = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return router[n * E + k]; };
  });

  const Grid grid{1, B * T, D, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* add_2_sum, const real* linear_grad_x_router_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * D + n + j;
      const real add_3_at = add_2_sum[j] + combine[at];
      const real add_at = add_3_at + linear_grad_x_router_sum[j];
      add[at] = add_at;
    }
  };
  contract<2>(grid, epilogue, product<0>(S, a, b), product<0>(S, a_2, b_2), product<1>(E, a_3, b_3));
}

}  // namespace mlac
