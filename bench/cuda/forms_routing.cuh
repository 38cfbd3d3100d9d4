// Routing against float64 on the host: probabilities within float32, everything that follows from them exactly.
#pragma once

#include "check.cuh"
#include "forms_shared.cuh"
#include "lib/routing.cuh"

namespace forms {

using check::Device;
using mlac::Score;

/// Buffers of one routing.
template <Score SCORE, int EXPERTS, int TOP>
struct Routing {
  int64_t tokens;
  Device<float> gates, probabilities, balance;
  Device<int32_t> choice, slot, source, offsets, load;
  Device<char> workspace;
  explicit Routing(int64_t n)
      : tokens(n), gates(n * TOP), probabilities(n * EXPERTS), balance(1), choice(n * TOP), slot(n * TOP), source(n * TOP), offsets(EXPERTS + 1), load(EXPERTS),
        workspace(mlac::route_workspace(n, EXPERTS)) {}
  void run(double scale, double aux, const float* logits, const float* bias) {
    mlac::choose_experts<SCORE, EXPERTS, TOP>(0, tokens, scale, aux, logits, bias, gates.data, choice.data, slot.data, source.data, offsets.data, load.data, probabilities.data, balance.data,
                                              workspace.data);
    CUDA_OK(cudaGetLastError());
  }
};

/// p of one row in float64.
inline std::vector<double> scores(Score score, const float* logits, int experts) {
  std::vector<double> p(experts);
  double most = -INFINITY, sum = 0;
  for (int e = 0; e < experts; ++e) most = std::max(most, double(logits[e]));
  for (int e = 0; e < experts; ++e) sum += p[e] = score == Score::softmax ? std::exp(logits[e] - most) : 1 / (1 + std::exp(-double(logits[e])));
  if (score == Score::softmax)
    for (double& x : p) x /= sum;
  return p;
}

/// `step` > 0: logits are multiples of it, so that there are ties. `away` > 0: a bias keeps tokens off every `away`-th expert.
template <Score SCORE, int EXPERTS, int TOP>
void check_route(int64_t tokens, float step = 0, int away = 0) {
  const std::string name = "route tokens " + std::to_string(tokens) + " E " + std::to_string(EXPERTS) + " top " + std::to_string(TOP) +
                           (SCORE == Score::softmax ? " softmax" : " sigmoid") + (step > 0 ? " ties" : "") + (away > 0 ? " bias" : "");
  std::vector<float> logits(tokens * EXPERTS), bias(EXPERTS);
  for (size_t i = 0; i < logits.size(); ++i) {
    logits[i] = 3 * check::uniform(tokens + EXPERTS, i);
    if (step > 0) logits[i] = std::round(logits[i] / step) * step;
  }
  for (int e = 0; e < EXPERTS; ++e) bias[e] = away > 0 && e % away == 0 ? -5.f : step > 0 ? 0.25f : 0.1f * check::uniform(7, e);
  const Device<float> logits_d(logits), bias_d(bias);
  const double scale = 2.5, aux = 0.3;
  Routing<SCORE, EXPERTS, TOP> r(tokens);
  r.run(scale, aux, logits_d, away > 0 ? bias_d.data : nullptr);
  CUDA_OK(cudaDeviceSynchronize());
  const auto p = r.probabilities.host(), gates = r.gates.host();
  const auto choice = r.choice.host(), slot = r.slot.host(), source = r.source.host(), offsets = r.offsets.host(), load = r.load.host();

  std::vector<double> wanted_p, wanted_gates, share(EXPERTS);
  std::vector<int32_t> wanted_choice;
  for (int64_t t = 0; t < tokens; ++t) {
    const std::vector<double> row = scores(SCORE, &logits[t * EXPERTS], EXPERTS);
    wanted_p.insert(wanted_p.end(), row.begin(), row.end());
    double whole = 0;
    for (double x : row) whole += x;
    for (int e = 0; e < EXPERTS; ++e) share[e] += row[e] / whole / tokens;
    // Choices follow from the device's own p, so that rounding cannot make a difference.
    std::vector<int32_t> order(EXPERTS);
    for (int e = 0; e < EXPERTS; ++e) order[e] = e;
    const auto key = [&](int e) { return away > 0 ? p[t * EXPERTS + e] + bias[e] : p[t * EXPERTS + e]; };
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return key(a) > key(b); });
    double sum = 0;
    for (int k = 0; k < TOP; ++k) sum += row[order[k]];
    for (int k = 0; k < TOP; ++k) {
      wanted_choice.push_back(order[k]);
      wanted_gates.push_back(row[order[k]] / sum * scale);
    }
  }
  std::vector<int32_t> wanted_load(EXPERTS), wanted_offsets(EXPERTS + 1), wanted_slot(choice.size()), wanted_source(choice.size());
  for (int32_t e : wanted_choice) ++wanted_load[e];
  for (int e = 0; e < EXPERTS; ++e) wanted_offsets[e + 1] = wanted_offsets[e] + wanted_load[e];
  std::vector<int32_t> next(wanted_offsets.begin(), wanted_offsets.end() - 1);
  double balance = 0;
  for (size_t i = 0; i < wanted_choice.size(); ++i) {
    wanted_slot[i] = next[wanted_choice[i]]++;
    wanted_source[wanted_slot[i]] = int32_t(i);
  }
  for (int e = 0; e < EXPERTS; ++e) balance += aux * EXPERTS * wanted_load[e] / double(tokens * TOP) * share[e];

  check::report(name + ": probabilities", check::relative_error(p, wanted_p), 1e-6);
  exact(name + ": choice", choice, wanted_choice);
  check::report(name + ": gates", check::relative_error(gates, wanted_gates), 1e-6);
  exact(name + ": load", load, wanted_load);
  exact(name + ": offsets", offsets, wanted_offsets);
  exact(name + ": slot", slot, wanted_slot);
  exact(name + ": source", source, wanted_source);
  check::report(name + ": balance", check::relative_error(r.balance.host(), std::vector<double>{balance}), 1e-5);

  Routing<SCORE, EXPERTS, TOP> again(tokens);
  again.run(scale, aux, logits_d, away > 0 ? bias_d.data : nullptr);
  const bool same = same_bits(again.gates, r.gates) && same_bits(again.slot, r.slot) && same_bits(again.balance, r.balance) && same_bits(again.probabilities, r.probabilities);
  truth(name + ": the same bits twice", same);

  // The gradient of the logits.
  const float d_balance = 1.7f;
  Device<float> d_gates(tokens * TOP), d_logits(tokens * EXPERTS);
  const Device<float> d_balance_d(std::vector<float>{d_balance});
  Device<mlac::bf16> d_logits_short(tokens * EXPERTS), d_gates_short(tokens * TOP);
  check::fill(d_gates, 5);
  check::fill(d_gates_short, 6);
  mlac::choose_experts_grad<SCORE, EXPERTS, TOP>(0, tokens, scale, aux, r.probabilities.data, r.gates.data, r.choice.data, r.load.data, d_gates.data, d_balance_d.data, d_logits.data);
  mlac::choose_experts_grad<SCORE, EXPERTS, TOP>(0, tokens, scale, aux, r.probabilities.data, r.gates.data, r.choice.data, r.load.data, d_gates_short.data, d_balance_d.data,
                                                 d_logits_short.data);
  CUDA_OK(cudaDeviceSynchronize());
  const auto gradient = [&](const auto& dg) {
    std::vector<double> out(tokens * EXPERTS);
    for (int64_t t = 0; t < tokens; ++t) {
      const float* row = &p[t * EXPERTS];
      std::vector<double> dp(EXPERTS);
      double whole = 0, along = 0, sum = 0, inner = 0, through = 0;
      const auto d_share = [&](int e) { return d_balance * aux * EXPERTS / tokens * load[e] / double(tokens * TOP); };
      for (int e = 0; e < EXPERTS; ++e) whole += row[e];
      for (int e = 0; e < EXPERTS; ++e) along += row[e] / whole * d_share(e);
      for (int e = 0; e < EXPERTS; ++e) dp[e] = (d_share(e) - along) / whole;
      for (int k = 0; k < TOP; ++k) {
        sum += row[choice[t * TOP + k]];
        inner += double(float(dg[t * TOP + k])) * gates[t * TOP + k] / scale;
      }
      for (int k = 0; k < TOP; ++k) dp[choice[t * TOP + k]] += scale / sum * (double(float(dg[t * TOP + k])) - inner);
      for (int e = 0; e < EXPERTS; ++e) through += dp[e] * row[e];
      for (int e = 0; e < EXPERTS; ++e) out[t * EXPERTS + e] = SCORE == Score::softmax ? row[e] * (dp[e] - through) : dp[e] * row[e] * (1 - double(row[e]));
    }
    return out;
  };
  // With one choice, or all, gates hardly depend on p: what is left is small beside its terms.
  check::report(name + ": d logits", check::relative_error(d_logits.host(), gradient(d_gates.host())), TOP == 1 ? 1e-3 : 1e-5);
  check::report(name + ": d logits, bf16", check::relative_error(d_logits_short.host(), gradient(d_gates_short.host())), 4e-3);
}

inline void check_routing() {
  check_route<Score::softmax, 32, 4>(1000);
  check_route<Score::softmax, 32, 4>(1000, 0.5f);
  check_route<Score::sigmoid, 64, 6>(777, 0, 3);
  check_route<Score::sigmoid, 64, 6>(4200, 1.f, 4);
  check_route<Score::softmax, 5, 2>(3);
  check_route<Score::sigmoid, 100, 3>(130, 0, 7);
  check_route<Score::softmax, 512, 8>(65, 0.5f);
  check_route<Score::sigmoid, 3, 1>(64);
  check_route<Score::softmax, 8, 8>(129);
}

inline void time_routing() {
  const int64_t tokens = 32768;
  Device<float> logits(tokens * 32), d_gates(tokens * 4), d_balance(1);
  Device<mlac::bf16> d_logits(tokens * 32);
  check::fill(logits, 1, 3);
  check::fill(d_gates, 2);
  check::fill(d_balance, 3);
  Routing<Score::softmax, 32, 4> r(tokens);
  const double forward = check::milliseconds([&] { r.run(1, 0.01, logits, nullptr); });
  const double backward = check::milliseconds([&] {
    mlac::choose_experts_grad<Score::softmax, 32, 4>(0, tokens, 1, 0.01, r.probabilities.data, r.gates.data, r.choice.data, r.load.data, d_gates.data, d_balance.data, d_logits.data);
  });
  std::printf("TIME route tokens 32768 E 32 top 4: %.4f ms; its gradient %.4f ms\n", forward, backward);
}

}  // namespace forms
