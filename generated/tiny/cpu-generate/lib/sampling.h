// Draws a token from logits.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "random.h"
#include "real.h"

namespace mlac {

/// How a token is drawn; decode.h says what each is.
struct Sampling {
  double temperature;
  int32_t top_k;
  double top_p;
  uint64_t seed;
  int64_t step;
};

struct Sample {
  /// −1 if the logits have no largest one: a NaN, an infinity.
  int32_t token;
  /// Of the logits as they are.
  double log_probability;
};

namespace detail {

// The ids of the candidates, the likeliest first and of equals the lower; cut down to top_k and top_p. weights[id] = e^(…).
inline std::vector<int32_t> candidates(const std::vector<double>& weights, int32_t top_k, double top_p) {
  std::vector<int32_t> ids(weights.size());
  std::iota(ids.begin(), ids.end(), 0);
  const auto before = [&](int32_t a, int32_t b) { return weights[a] != weights[b] ? weights[a] > weights[b] : a < b; };
  if (top_k > 0 && size_t(top_k) < ids.size()) {
    std::nth_element(ids.begin(), ids.begin() + top_k, ids.end(), before);
    ids.resize(top_k);
  }
  if (top_p >= 1) return ids;
  std::sort(ids.begin(), ids.end(), before);
  double total = 0, sum = 0;
  for (int32_t id : ids) total += weights[id];
  size_t count = 0;
  while (count < ids.size() && (count == 0 || sum < top_p * total)) sum += weights[ids[count++]];
  ids.resize(count);
  return ids;
}

}  // namespace detail

inline Sample sample(const real* logits, int64_t vocabulary, const Sampling& how) {
  int64_t best = 0;
  bool sound = true;
  for (int64_t v = 0; v < vocabulary; ++v) {
    sound &= logits[v] < std::numeric_limits<real>::infinity();  // false for a NaN, too
    if (logits[v] > logits[best]) best = v;
  }
  if (!sound || !std::isfinite(logits[best])) return {-1, 0};
  const double top = logits[best];
  double all = 0;
  for (int64_t v = 0; v < vocabulary; ++v) all += std::exp(logits[v] - top);
  int64_t token = best;
  if (how.temperature > 0) {
    std::vector<double> weights(vocabulary);
    for (int64_t v = 0; v < vocabulary; ++v) weights[v] = std::exp((logits[v] - top) / how.temperature);
    std::vector<int32_t> ids = detail::candidates(weights, how.top_k, how.top_p);
    // In the order of the ids, so that what is drawn does not depend on how the candidates were found.
    std::sort(ids.begin(), ids.end());
    double total = 0, sum = 0;
    for (int32_t id : ids) total += weights[id];
    const double wanted = total * detail::uniform(detail::mix(how.seed), uint64_t(how.step));
    token = ids.back();
    for (int32_t id : ids)
      if ((sum += weights[id]) >= wanted) {
        token = id;
        break;
      }
  }
  return {int32_t(token), logits[token] - top - std::log(all)};
}

}  // namespace mlac
