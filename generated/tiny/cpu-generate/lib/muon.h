// Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon): momentum, made orthogonal. The size of the update is that of Liu et al.,
// arXiv:2502.16982.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "newton_schulz.h"
#include "real.h"
#include "scratch.h"

namespace mlac {

struct Muon {
  double lr, momentum, weight_decay;
  int steps;  // of Newton-Schulz; the same for all matrices of one call
};

/// `count` matrices of one parameter, one behind the other.
struct Matrices {
  real *weight, *momentum;
  const real* gradient;
  int64_t count;
  Muon rule;
};

namespace detail {

// Matrices go through Newton-Schulz together, for the sake of small ones; not more than fit 2^23 reals of workspace.
constexpr int64_t MOST_AT_ONCE = 8, MOST_WORKSPACE = int64_t{1} << 23;

inline int64_t matrices_at_once(int64_t rows, int64_t columns, int64_t count) {
  const int64_t each = NewtonSchulzBatch(rows, columns, 1, NewtonSchulz::plain).workspace_each();
  return std::min(count, std::clamp<int64_t>(MOST_WORKSPACE / each, 1, MOST_AT_ONCE));
}

// One matrix of a batch.
struct Matrix {
  real *weight, *momentum;
  const real* gradient;
  const Muon* rule;
};

// momentum ← mu·momentum + (1 − mu)·g, and x = u / (‖u‖ + 1e-7) with u = (1 − mu)·g + mu·momentum.
inline void begin_muon(const std::vector<Matrix>& batch, int64_t size, double scale, real* x) {
  const RowChunks chunks = row_chunks(size);
  std::vector<double> squares(batch.size() * chunks.count);
  parallel_for(squares.size(), [&](int64_t task) {
    const int64_t index = task / chunks.count, chunk = task % chunks.count, end = chunks.end(chunk);
    const Matrix& matrix = batch[index];
    const real mu = real(matrix.rule->momentum), take = real((1 - matrix.rule->momentum) * scale);
    real *momentum = matrix.momentum, *u = x + index * size;
    const real* gradient = matrix.gradient;
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = chunks.begin(chunk); i < end; i++) {
      momentum[i] = mu * momentum[i] + take * gradient[i];
      u[i] = take * gradient[i] + mu * momentum[i];
      sum += double(u[i]) * u[i];
    }
    squares[task] = sum;
  });
  parallel_for(squares.size(), [&](int64_t task) {
    const int64_t index = task / chunks.count, chunk = task % chunks.count, end = chunks.end(chunk);
    double sum = 0;
    for (int64_t i = 0; i < chunks.count; i++) sum += squares[index * chunks.count + i];
    const real factor = real(1 / (std::sqrt(sum) + 1e-7));
    real* u = x + index * size;
#pragma omp simd
    for (int64_t i = chunks.begin(chunk); i < end; i++) u[i] *= factor;
  });
}

// w ← w·(1 − lr·decay) − lr·0.2·sqrt(longer side)·x
inline void finish_muon(const std::vector<Matrix>& batch, int64_t size, int64_t longer, const real* x) {
  const RowChunks chunks = row_chunks(size);
  parallel_for(batch.size() * chunks.count, [&](int64_t task) {
    const int64_t index = task / chunks.count, chunk = task % chunks.count, end = chunks.end(chunk);
    const Muon& rule = *batch[index].rule;
    const real keep = real(1 - rule.lr * rule.weight_decay), take = real(rule.lr * 0.2 * std::sqrt(double(longer)));
    real* weight = batch[index].weight;
    const real* update = x + index * size;
#pragma omp simd
    for (int64_t i = chunks.begin(chunk); i < end; i++) weight[i] = keep * weight[i] - take * update[i];
  });
}

}  // namespace detail

/// Reals of workspace that muon needs for `count` matrices of rows x columns in all.
inline int64_t muon_workspace(int64_t rows, int64_t columns, int64_t count) {
  return detail::matrices_at_once(rows, columns, count) * detail::NewtonSchulzBatch(rows, columns, 1, NewtonSchulz::plain).workspace_each();
}

/// One step of all matrices of rows x columns, those of several parameters together. `scale` multiplies the gradient first: clipping.
inline void muon(NewtonSchulz how, int64_t rows, int64_t columns, double scale, const std::vector<Matrices>& parameters, real* workspace) {
  const int64_t size = rows * columns;
  std::vector<detail::Matrix> all;
  for (const Matrices& p : parameters) {
    for (int64_t at = 0; at < p.count * size; at += size) all.push_back({p.weight + at, p.momentum + at, p.gradient + at, &p.rule});
  }
  const int64_t step = detail::matrices_at_once(rows, columns, all.size());
  for (size_t first = 0; first < all.size(); first += step) {
    const std::vector<detail::Matrix> batch(all.begin() + first, all.begin() + std::min(first + step, all.size()));
    const detail::NewtonSchulzBatch newton_schulz(rows, columns, batch.size(), how);
    detail::begin_muon(batch, size, scale, workspace);
    const real* x = newton_schulz.run(batch[0].rule->steps, workspace);
    detail::finish_muon(batch, size, std::max(rows, columns), x);
  }
}

}  // namespace mlac
