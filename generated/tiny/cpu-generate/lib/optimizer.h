// The parameter updates. AdamW goes element by element, and is here; Muon goes matrix by matrix, and is in muon.h.
#pragma once

#include <cmath>
#include <cstdint>

#include "muon.h"
#include "real.h"
#include "scratch.h"

namespace mlac {

/// The sum of squares, in double, in an order that depends on `count` alone.
inline double sum_of_squares(const real* values, int64_t count) {
  const RowChunks chunks = row_chunks(count);
  double partial[RowChunks::MOST];
  parallel_for(chunks.count, [&](int64_t chunk) {
    const int64_t end = chunks.end(chunk);
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = chunks.begin(chunk); i < end; i++) sum += double(values[i]) * values[i];
    partial[chunk] = sum;
  });
  double sum = 0;
  for (int64_t chunk = 0; chunk < chunks.count; chunk++) sum += partial[chunk];
  return sum;
}

/// AdamW (Loshchilov and Hutter, arXiv:1711.05101).
struct AdamW {
  double lr, beta1, beta2, eps, weight_decay;
};

/// Step number `step`, counted from 1, of one tensor. `scale` multiplies the gradient first: clipping.
inline void adamw(const AdamW& rule, int64_t step, double scale, int64_t count, real* weight, const real* gradient, real* moment1,
                  real* moment2) {
  // Whatever can be computed once is, in double: 1 - beta2 would lose four of a float's digits.
  const real keep1 = real(rule.beta1), take1 = real((1 - rule.beta1) * scale);
  const real keep2 = real(rule.beta2), take2 = real((1 - rule.beta2) * scale * scale);
  const real rate = real(rule.lr / (1 - std::pow(rule.beta1, double(step))));
  const real correction2 = real(1 / (1 - std::pow(rule.beta2, double(step))));
  const real keep = real(1 - rule.lr * rule.weight_decay), eps = real(rule.eps);
  const RowChunks chunks = row_chunks(count);
  parallel_for(chunks.count, [=](int64_t chunk) {
    const int64_t end = chunks.end(chunk);
#pragma omp simd
    for (int64_t i = chunks.begin(chunk); i < end; i++) {
      const real g = gradient[i];
      moment1[i] = keep1 * moment1[i] + take1 * g;
      moment2[i] = keep2 * moment2[i] + take2 * g * g;
      weight[i] = keep * weight[i] - rate * moment1[i] / (std::sqrt(moment2[i] * correction2) + eps);
    }
  });
}

}  // namespace mlac
