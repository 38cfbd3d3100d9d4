// A product for each head with its own part of a weight [C H N], for few rows: the weight is read once.
#pragma once

#include <algorithm>
#include <cstdint>

#include "real.h"
#include "scratch.h"

namespace mlac {

namespace detail {

constexpr int64_t HEAD_COLUMNS = 64;  // columns of the result that one task makes

}  // namespace detail

/// y[row, h, n] = Σ_c x[row, h, c] · w[c, h, n]
template <int64_t C, int64_t heads, int64_t N>
void linear_by_head(int64_t rows, const real* x, const real* w, real* y) {
  constexpr int64_t blocks = (N + detail::HEAD_COLUMNS - 1) / detail::HEAD_COLUMNS;
  parallel_for(heads * blocks, [=](int64_t task) {
    const int64_t h = task / blocks, first = task % blocks * detail::HEAD_COLUMNS, count = std::min(detail::HEAD_COLUMNS, N - first);
    for (int64_t row = 0; row < rows; ++row) std::fill_n(y + (row * heads + h) * N + first, count, real{0});
    for (int64_t c = 0; c < C; ++c) {
      const real* from = w + (c * heads + h) * N + first;
      for (int64_t row = 0; row < rows; ++row) {
        const real factor = x[(row * heads + h) * C + c];
        real* to = y + (row * heads + h) * N + first;
#pragma omp simd
        for (int64_t n = 0; n < count; ++n) to[n] += factor * from[n];
      }
    }
  });
}

/// y[row, h, c] = Σ_n x[row, h, n] · w[c, h, n]
template <int64_t C, int64_t heads, int64_t N>
void linear_by_head_back(int64_t rows, const real* x, const real* w, real* y) {
  constexpr int64_t blocks = (C + detail::HEAD_COLUMNS - 1) / detail::HEAD_COLUMNS;
  parallel_for(heads * blocks, [=](int64_t task) {
    const int64_t h = task / blocks, first = task % blocks * detail::HEAD_COLUMNS, end = std::min(C, first + detail::HEAD_COLUMNS);
    for (int64_t c = first; c < end; ++c) {
      const real* from = w + (c * heads + h) * N;
      for (int64_t row = 0; row < rows; ++row) {
        const real* own = x + (row * heads + h) * N;
        real sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int64_t n = 0; n < N; ++n) sum += own[n] * from[n];
        y[(row * heads + h) * C + c] = sum;
      }
    }
  });
}

}  // namespace mlac
