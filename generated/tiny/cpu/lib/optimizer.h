// The parameter updates: AdamW element by element, Muon matrix by matrix. Formulas as in docs/language.md.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "contraction.h"
#include "real.h"
#include "scratch.h"

namespace mlac {

/// Sum of squares in double, in an order that depends on the length alone.
inline double sum_of_squares(const real* values, int64_t count) {
  const RowChunks chunks = row_chunks(count);
  double partial[RowChunks::MOST];
  parallel_for(chunks.count, [&](int64_t chunk) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = chunks.begin(chunk); i < chunks.end(chunk); ++i) sum += double(values[i]) * values[i];
    partial[chunk] = sum;
  });
  double sum = 0;
  for (int64_t chunk = 0; chunk < chunks.count; ++chunk) sum += partial[chunk];
  return sum;
}

/// AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101). `scale` multiplies the gradient first: clipping.
struct AdamW {
  double lr, beta1, beta2, eps, weight_decay;
};

inline void adamw(const AdamW& o, int64_t step, double scale, int64_t count, real* weight, const real* gradient, real* moment1, real* moment2) {
  const real correction1 = real(1 / (1 - std::pow(o.beta1, double(step)))), correction2 = real(1 / (1 - std::pow(o.beta2, double(step))));
  const real lr = real(o.lr), beta1 = real(o.beta1), beta2 = real(o.beta2), eps = real(o.eps), keep = real(1 - o.lr * o.weight_decay), factor = real(scale);
  const RowChunks chunks = row_chunks(count);
  parallel_for(chunks.count, [=](int64_t chunk) {
    const int64_t end = chunks.end(chunk);
#pragma omp simd
    for (int64_t i = chunks.begin(chunk); i < end; ++i) {
      const real g = gradient[i] * factor;
      moment1[i] = beta1 * moment1[i] + (1 - beta1) * g;
      moment2[i] = beta2 * moment2[i] + (1 - beta2) * g * g;
      weight[i] = weight[i] * keep - lr * (moment1[i] * correction1) / (std::sqrt(moment2[i] * correction2) + eps);
    }
  });
}

/// Muon (Jordan et al. 2024; scaling of Liu et al. 2025, arXiv 2502.16982).
struct Muon {
  double lr, momentum, weight_decay;
  int steps;
};

/// `count` matrices of one parameter, one behind the other.
struct Matrices {
  real *weight, *momentum;
  const real* gradient;
  int64_t count;
  Muon rule;
};

enum class NewtonSchulz { plain, symmetric, gram };

namespace detail {

// Matrices that go through Newton-Schulz together: enough to keep all threads busy, few enough for a small workspace.
constexpr int64_t MATRICES_AT_ONCE = 16;

// C_i = A_i · B_i of a batch, stored row-major: [batch, m, k] · [batch, k, n]; `b_transposed`: B is stored [batch, n, k].
template <class Epilogue>
void multiply(int64_t batch, int64_t m, int64_t n, int64_t k, const real* a, const real* b, bool b_transposed, Epilogue epilogue, bool symmetric = false) {
  const auto left = operand<Along::columns>([=](int64_t g, int64_t, int64_t) {
    return [=](int64_t row, int64_t column) { return a[(g * m + row) * k + column]; };
  });
  const Grid grid{batch, m, n, nullptr, symmetric ? Grid::symmetric : Grid::dense};
  if (b_transposed)
    contract<1>(grid, epilogue, product<0>(k, left, operand<Along::rows>([=](int64_t g, int64_t, int64_t) {
                                             return [=](int64_t row, int64_t column) { return b[(g * n + column) * k + row]; };
                                           })));
  else
    contract<1>(grid, epilogue, product<0>(k, left, operand<Along::columns>([=](int64_t g, int64_t, int64_t) {
                                             return [=](int64_t row, int64_t column) { return b[(g * k + row) * n + column]; };
                                           })));
}

}  // namespace detail

/// Reals of workspace for matrices of this size: a batch of x, two of Gram size, and the next x.
inline int64_t muon_workspace(int64_t rows, int64_t columns) {
  const int64_t small = std::min(rows, columns);
  return detail::MATRICES_AT_ONCE * (2 * rows * columns + 2 * small * small);
}

/// One step for all matrices of rows x columns of several parameters, orthogonalised in batches. `scale` multiplies the gradient first: clipping.
inline void muon(NewtonSchulz how, int64_t rows, int64_t columns, double scale, const std::vector<Matrices>& parameters, real* workspace) {
  using namespace detail;
  const int64_t n = rows * columns, s = std::min(rows, columns), l = std::max(rows, columns);
  const bool wide = rows <= columns;
  struct One {
    const Matrices* of;
    int64_t index;
  };
  std::vector<One> all;
  for (const Matrices& p : parameters)
    for (int64_t i = 0; i < p.count; ++i) all.push_back({&p, i});
  for (size_t first = 0; first < all.size(); first += MATRICES_AT_ONCE) {
    const int64_t batch = std::min<int64_t>(MATRICES_AT_ONCE, int64_t(all.size() - first));
    const One* matrices = &all[first];
    real *x = workspace, *next = x + batch * n, *a = next + batch * n, *b = a + batch * s * s;
    // u = (1 - momentum)·g + momentum·m, normed; the short side becomes the rows
    parallel_for(batch, [=](int64_t i) {
      const auto [of, index] = matrices[i];
      const real mu = real(of->rule.momentum), rest = real(1 - of->rule.momentum), factor = real(scale);
      real* m = of->momentum + index * n;
      const real* g = of->gradient + index * n;
      real* u = x + i * n;
      double squares = 0;
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t column = 0; column < columns; ++column) {
          const int64_t at = row * columns + column;
          const real gradient = g[at] * factor;
          m[at] = mu * m[at] + rest * gradient;
          const real value = rest * gradient + mu * m[at];
          squares += double(value) * value;
          u[wide ? at : column * rows + row] = value;
        }
      const real norm = real(1 / (std::sqrt(squares) + 1e-7));
      for (int64_t at = 0; at < n; ++at) u[at] *= norm;
    });
    for (int step = 0; step < matrices[0].of->rule.steps; ++step) {
      multiply(batch, s, s, l, x, x, true, [=](int64_t g, int64_t m, int64_t c, int64_t count, const real* sum) { std::copy_n(sum, count, a + (g * s + m) * s + c); });
      multiply(batch, s, s, s, a, a, false, [=](int64_t g, int64_t m, int64_t c, int64_t count, const real* sum) {
        const int64_t at = (g * s + m) * s + c;
        for (int64_t j = 0; j < count; ++j) b[at + j] = real(-4.7750) * a[at + j] + real(2.0315) * sum[j];
      });
      multiply(batch, s, l, s, b, x, false, [=](int64_t g, int64_t m, int64_t c, int64_t count, const real* sum) {
        const int64_t at = (g * s + m) * l + c;
        for (int64_t j = 0; j < count; ++j) next[at + j] = real(3.4445) * x[at + j] + sum[j];
      });
      std::swap(x, next);
    }
    parallel_for(batch, [=](int64_t i) {
      const auto [of, index] = matrices[i];
      const real lr = real(of->rule.lr), keep = real(1 - of->rule.lr * of->rule.weight_decay), size = real(0.2 * std::sqrt(double(l)));
      real* w = of->weight + index * n;
      const real* u = x + i * n;
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t column = 0; column < columns; ++column) {
          const int64_t at = row * columns + column;
          w[at] = w[at] * keep - lr * size * u[wide ? at : column * rows + row];
        }
    });
  }
  (void)how;
}

}  // namespace mlac
