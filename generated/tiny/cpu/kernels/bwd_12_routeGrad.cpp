// bwd_12_routeGrad: routeGrad. Emitted by mlac: edit the model, not this file.
// model.ts:38   const routing = route(x, p.router, { topK: 2, score: "softmax", balance: { loss: 0.01 } });
// reads  probabilities [B T E], gates [B T topK], choice_2 [B T topK] i32, load [E] i32, combine_grad_gates [B T topK], expand []
// writes route_grad_ [B T E]
// 328 kFLOP, 360 kB in float32, 0.91 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t E = 8;

}  // namespace

/*
 * Through the gates (a quotient of probabilities), the balance loss (loads are constants) and softmax.
 */
void bwd_12_routeGrad(const real* probabilities, const real* gates, const int32_t* choice_2, const int32_t* load, const real* combine_grad_gates, const real* expand, real* __restrict route_grad_) {
  const Range range("bwd_12_routeGrad");
  constexpr int64_t TOP = 2;
  const real balance = expand[0] * real(0.01) * E / (real((B * T) * TOP) * real((B * T)));
  parallel_for((B * T), [=](int64_t token) {
    const real* p = probabilities + token * E;
    const real* gate = gates + token * TOP;
    const int32_t* chosen = choice_2 + token * TOP;
    const real* d_gate = combine_grad_gates + token * TOP;
    real* d = route_grad_ + token * E;

    // The shares p / Σp of the balance loss.
    real whole = 0, weighted = 0;
    for (int64_t e = 0; e < E; ++e) {
      whole += p[e];
      weighted += balance * load[e] * p[e];
    }
    for (int64_t e = 0; e < E; ++e) d[e] = (balance * load[e] - weighted / whole) / whole;

    // The gates: gate_k = scale · p_k / Σ_chosen p.
    real sum = 0, inner = 0;
    for (int64_t k = 0; k < TOP; ++k) {
      sum += p[chosen[k]];
      inner += d_gate[k] * gate[k];
    }
    for (int64_t k = 0; k < TOP; ++k) d[chosen[k]] += (d_gate[k] * real(1) - inner) / sum;

    softmax_scores_grad(p, d, E);
  });
}

}  // namespace mlac
