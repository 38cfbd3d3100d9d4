// One token's routing: scores of the experts, the choice of the largest, and the way back through the scores.
#pragma once

#include <algorithm>
#include <cstdint>

#include "math.h"
#include "real.h"

namespace mlac {

/// p = softmax(logits)
inline void softmax_scores(const real* logits, real* p, int64_t experts) {
  real most = logits[0], sum = 0;
  for (int64_t e = 1; e < experts; ++e) most = std::max(most, logits[e]);
#pragma omp simd reduction(+ : sum)
  for (int64_t e = 0; e < experts; ++e) {
    p[e] = exp(logits[e] - most);
    sum += p[e];
  }
  for (int64_t e = 0; e < experts; ++e) p[e] /= sum;
}

/// d, the gradient of p, becomes that of the logits.
inline void softmax_scores_grad(const real* p, real* d, int64_t experts) {
  real inner = 0;
#pragma omp simd reduction(+ : inner)
  for (int64_t e = 0; e < experts; ++e) inner += d[e] * p[e];
  for (int64_t e = 0; e < experts; ++e) d[e] = p[e] * (d[e] - inner);
}

/// p = sigmoid(logits)
inline void sigmoid_scores(const real* logits, real* p, int64_t experts) {
#pragma omp simd
  for (int64_t e = 0; e < experts; ++e) p[e] = sigmoid(logits[e]);
}

inline void sigmoid_scores_grad(const real* p, real* d, int64_t experts) {
#pragma omp simd
  for (int64_t e = 0; e < experts; ++e) d[e] *= p[e] * (1 - p[e]);
}

/// The `top` experts with the largest p[e] + bias[e] (bias may be null), the largest first; of equals the lower expert.
inline void choose_largest(const real* p, const real* bias, int64_t experts, int64_t top, int32_t* chosen) {
  const auto score = [=](int64_t e) { return bias ? p[e] + bias[e] : p[e]; };
  for (int64_t k = 0; k < top; ++k) {
    int64_t best = -1;
    for (int64_t e = 0; e < experts; ++e) {
      if (std::find(chosen, chosen + k, int32_t(e)) != chosen + k) continue;
      if (best < 0 || score(e) > score(best)) best = e;
    }
    chosen[k] = int32_t(best);
  }
}

/// The expert-bias rule of DeepSeek-V3 (arXiv 2412.19437, section 2.1.2): b += rate · sign(mean load - load), for each layer.
inline void move_expert_bias(double rate, int64_t layers, int64_t experts, const int32_t* load, real* bias) {
  for (int64_t layer = 0; layer < layers; ++layer, load += experts, bias += experts) {
    double mean = 0;
    for (int64_t e = 0; e < experts; ++e) mean += double(load[e]) / double(experts);
    for (int64_t e = 0; e < experts; ++e) bias[e] += real(rate * ((mean > load[e]) - (mean < load[e])));
  }
}

}  // namespace mlac
