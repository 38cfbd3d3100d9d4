// contract (contraction.h) for few rows, as they are when tokens are decoded: what it takes is then the time to read B once, so B is not
// packed but read from where it lies, in long runs, and every number that was loaded is multiplied with all rows.
//
// Sums are taken in an order that depends on K alone: the same bits on any number of threads, and for a row whatever other rows there are.
#pragma once

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

#include "contraction.h"

namespace mlac {

namespace detail {

constexpr int64_t FEW_ROWS = 8;        // whose sums lie side by side in the L1
constexpr int64_t FEW_COLUMNS = 1024;  // of a task: a page of B's row
constexpr int64_t FEW_DEPTH = 256;     // k whose A is laid out at a time

template <int accumulators>
struct FewMemory {
  alignas(64) real a[FEW_DEPTH][FEW_ROWS];
  alignas(64) real sums[accumulators][FEW_ROWS][FEW_COLUMNS];
};

// Adds `depth` k of A·B, 4 or 1, to the sums of `rows` rows, 4 or 1: a number of B, once loaded, meets all of these rows, and a sum is
// loaded once for all these products.
template <int depth, int rows, class B>
void add_products(const B& b, const real (*a)[FEW_ROWS], int64_t k, int64_t n, int64_t columns, real (*sums)[FEW_COLUMNS]) {
  real factors[rows][depth];
  for (int row = 0; row < rows; row++)
    for (int i = 0; i < depth; i++) factors[row][i] = a[i][row];
#pragma omp simd
  for (int64_t j = 0; j < columns; j++) {
    real right[depth];
#pragma GCC unroll 4
    for (int i = 0; i < depth; i++) right[i] = b(k + i, n + j);
#pragma GCC unroll 4
    for (int row = 0; row < rows; row++) {
      real sum = sums[row][j];
#pragma GCC unroll 4
      for (int i = 0; i < depth; i++) sum += factors[row][i] * right[i];
      sums[row][j] = sum;
    }
  }
}

// Adds A·B over k in [from, from + depth).
template <class B>
void add_depth(const B& b, const real (*a)[FEW_ROWS], int64_t rows, int64_t from, int64_t depth, int64_t n, int64_t columns,
               real (*sums)[FEW_COLUMNS]) {
  int64_t k = 0;
  const auto add = [&](auto at_once) {
    int64_t row = 0;
    const auto from_row = [&] { return reinterpret_cast<const real(*)[FEW_ROWS]>(&a[k][row]); };
    for (; row + 4 <= rows; row += 4) add_products<at_once(), 4>(b, from_row(), from + k, n, columns, sums + row);
    for (; row < rows; row++) add_products<at_once(), 1>(b, from_row(), from + k, n, columns, sums + row);
  };
  for (; k + 4 <= depth; k += 4) add(std::integral_constant<int, 4>{});
  for (; k < depth; k++) add(std::integral_constant<int, 1>{});
}

template <int accumulators, int acc, class A, class... B>
void add_few(const Product<acc, A, B...>& product, int64_t group, int64_t m, int64_t rows, int64_t n, int64_t columns,
             FewMemory<accumulators>& memory) {
  const auto a_at = product.a.open(group, m, m + rows);
  for (int64_t k = 0; k < product.k; k += FEW_DEPTH) {
    const int64_t depth = std::min(FEW_DEPTH, product.k - k);
    for (int64_t i = 0; i < depth; i++)
      for (int64_t row = 0; row < rows; row++) memory.a[i][row] = a_at(m + row, k + i);
    int target = acc;
    const auto add = [&](const auto& right) {
      static_assert(std::decay_t<decltype(right)>::along == Along::columns, "runs of B lie along its columns");
      add_depth(right.open(group, k, k + depth), memory.a, rows, k, depth, n, columns, memory.sums[target++]);
    };
    std::apply([&](const auto&... right) { (add(right), ...); }, product.b);
  }
}

template <int accumulators, class Epilogue, int... acc>
void finish_few(int64_t group, int64_t m, int64_t rows, int64_t n, int64_t columns, const FewMemory<accumulators>& memory, Epilogue& epilogue,
                std::integer_sequence<int, acc...>) {
  for (int64_t row = 0; row < rows; row++) epilogue(group, m + row, n, columns, memory.sums[acc][row]...);
}

}  // namespace detail

/// As contract, for grids that are dense or ragged_m. Of a ragged one, only groups that have rows are read.
template <int accumulators, class Epilogue, class... Products>
void contract_few(const Grid& grid, Epilogue epilogue, Products... products) {
  using Memory = detail::FewMemory<accumulators>;
  static_assert(sizeof(Memory) <= SCRATCH_BYTES, "there are too many products for the scratch memory");
  // Narrow results are shared out in narrower parts, so that there is work for all threads; a column's sum does not depend on it.
  int64_t width = detail::FEW_COLUMNS;
  while (width > detail::SMALLEST_COLUMNS && grid.n < detail::FEWEST_BLOCKS * width) width /= 2;
  const int64_t across = detail::parts(grid.n, width);
  parallel_for(grid.groups * across, [&](int64_t task) {
    const int64_t group = task / across, n = task % across * width, columns = std::min(width, grid.n - n);
    const int64_t begin = grid.offsets ? grid.offsets[group] : 0, end = grid.offsets ? grid.offsets[group + 1] : grid.m;
    auto& memory = *reinterpret_cast<Memory*>(scratch());
    for (int64_t m = begin; m < end; m += detail::FEW_ROWS) {
      const int64_t rows = std::min(detail::FEW_ROWS, end - m);
      std::fill_n(&memory.sums[0][0][0], sizeof(memory.sums) / sizeof(real), real{0});
      (detail::add_few(products, group, m, rows, n, columns, memory), ...);
      detail::finish_few(group, m, rows, n, columns, memory, epilogue, std::make_integer_sequence<int, accumulators>{});
    }
  });
}

}  // namespace mlac
