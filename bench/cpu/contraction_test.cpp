// contract against plain loops in double: every layout of both operands, all kinds of grid, several products, odd sizes.
#include "contraction.h"

#include "check.h"

namespace {

using namespace mlac;

/// A matrix in one of the two layouts, one after another for the groups.
template <Along along>
struct Matrix {
  int64_t rows, columns;
  std::vector<real> data;

  Matrix(int64_t groups, int64_t rows, int64_t columns, uint64_t seed)
      : rows(rows), columns(columns), data(check::numbers(groups * rows * columns, seed)) {}

  int64_t place(int64_t group, int64_t row, int64_t column) const {
    return group * rows * columns + (along == Along::columns ? row * columns + column : column * rows + row);
  }
  double operator()(int64_t group, int64_t row, int64_t column) const { return data[place(group, row, column)]; }

  auto operand() const {
    return mlac::operand<along>([this](int64_t group, int64_t, int64_t) {
      return [at = data.data() + place(group, 0, 0), rows = rows, columns = columns](int64_t row, int64_t column) {
        return along == Along::columns ? at[row * columns + column] : at[column * rows + row];
      };
    });
  }

  /// The same with every row divided by its norm, as a fused RMSNorm would do it.
  auto scaled_operand() const {
    return mlac::operand<along>([this](int64_t group, int64_t begin, int64_t end) {
      RowScalars<> factor(begin);
      for (int64_t row = begin; row < end; row++) factor[row] = real(scale(group, row));
      return [this, group, factor](int64_t row, int64_t column) { return data[place(group, row, column)] * factor[row]; };
    });
  }
  double scale(int64_t group, int64_t row) const {
    double sum = 0;
    for (int64_t column = 0; column < columns; column++) sum += (*this)(group, row, column) * (*this)(group, row, column);
    return 1 / std::sqrt(sum + 1e-6);
  }
};

std::string name(const char* kind, Along a, Along b, int64_t groups, int64_t m, int64_t n, int64_t k) {
  const auto letter = [](Along along) { return along == Along::columns ? "N" : "T"; };
  return std::string(kind) + " " + letter(a) + letter(b) + " " + std::to_string(groups) + " of " + std::to_string(m) + " x " +
         std::to_string(n) + " x " + std::to_string(k);
}

/// Adds each segment to its place in [groups, m, n], so that an element that came twice would show.
struct Store {
  real* out;
  int64_t m, n;
  void operator()(int64_t group, int64_t row, int64_t column, int64_t count, const real* sums) const {
    if (column < 0 || column + count > n) std::abort();
    for (int64_t i = 0; i < count; i++) out[(group * m + row) * n + column + i] += sums[i];
  }
};

template <Along a_along, Along b_along>
void dense(int64_t groups, int64_t m, int64_t n, int64_t k) {
  const Matrix<a_along> a(groups, m, k, 1);
  const Matrix<b_along> b(groups, k, n, 2);
  const auto what = name("dense", a_along, b_along, groups, m, n, k);
  const auto found = check::on_threads(what, [&] {
    std::vector<real> c(groups * m * n);
    contract<1>(Grid{groups, m, n}, Store{c.data(), m, n}, product<0>(k, a.operand(), b.operand()));
    return c;
  });
  std::vector<double> expected(groups * m * n);
  for (int64_t g = 0; g < groups; g++)
    for (int64_t i = 0; i < m; i++)
      for (int64_t p = 0; p < k; p++)
        for (int64_t j = 0; j < n; j++) expected[(g * m + i) * n + j] += a(g, i, p) * b(g, p, j);
  check::close(found, expected, what);
}

// C0 = A0·B0 + A1·B1 and C1 = A0·B2, with A0's rows and B1's rows scaled; the epilogue combines both.
template <Along a_along, Along b_along>
void several(int64_t m, int64_t n, int64_t k0, int64_t k1) {
  const Matrix<a_along> a0(1, m, k0, 1), a1(1, m, k1, 2);
  const Matrix<b_along> b0(1, k0, n, 3), b1(1, k1, n, 4), b2(1, k0, n, 5);
  const auto what = name("several", a_along, b_along, 1, m, n, k0);
  const auto found = check::on_threads(what, [&] {
    std::vector<real> c(m * n);
    const auto epilogue = [&](int64_t, int64_t row, int64_t column, int64_t count, const real* first, const real* second) {
#pragma omp simd
      for (int64_t i = 0; i < count; i++) c[row * n + column + i] = first[i] - 2 * second[i];
    };
    contract<2>(Grid{1, m, n}, epilogue, product<0>(k0, a0.scaled_operand(), b0.operand(), b2.operand()),
                product<0>(k1, a1.operand(), b1.scaled_operand()));
    return c;
  });
  std::vector<double> expected(m * n);
  for (int64_t i = 0; i < m; i++) {
    for (int64_t p = 0; p < k0; p++)
      for (int64_t j = 0; j < n; j++) expected[i * n + j] += a0(0, i, p) * a0.scale(0, i) * (b0(0, p, j) - 2 * b2(0, p, j));
    for (int64_t p = 0; p < k1; p++)
      for (int64_t j = 0; j < n; j++) expected[i * n + j] += a1(0, i, p) * b1(0, p, j) * b1.scale(0, p);
  }
  check::close(found, expected, what);
}

// Group g multiplies its own rows of one A by the g-th B.
template <Along a_along, Along b_along>
void ragged_m(const std::vector<int32_t>& offsets, int64_t n, int64_t k) {
  const int64_t groups = offsets.size() - 1, m = offsets.back();
  const Matrix<a_along> a(1, m, k, 1);
  const Matrix<b_along> b(groups, k, n, 2);
  const auto what = name("ragged m", a_along, b_along, groups, m, n, k);
  const auto one_a = operand<a_along>([&, open = a.operand().open](int64_t, int64_t begin, int64_t end) { return open(0, begin, end); });
  const auto found = check::on_threads(what, [&] {
    std::vector<real> c(m * n);
    const Store store{c.data(), 0, n};
    contract<1>(Grid{groups, m, n, offsets.data(), Grid::ragged_m}, store, product<0>(k, one_a, b.operand()));
    return c;
  });
  std::vector<double> expected(m * n);
  for (int64_t g = 0; g < groups; g++)
    for (int64_t i = offsets[g]; i < offsets[g + 1]; i++)
      for (int64_t p = 0; p < k; p++)
        for (int64_t j = 0; j < n; j++) expected[i * n + j] += a(0, i, p) * b(g, p, j);
  check::close(found, expected, what);
}

// Group g sums over its own part of k; two accumulators.
template <Along a_along, Along b_along>
void ragged_k(const std::vector<int32_t>& offsets, int64_t m, int64_t n) {
  const int64_t groups = offsets.size() - 1, k = offsets.back();
  const Matrix<a_along> a(1, m, k, 1);
  const Matrix<b_along> b(1, k, n, 2), other(1, k, n, 3);
  const auto what = name("ragged k", a_along, b_along, groups, m, n, k);
  const auto all = [](auto operand) {
    const auto open = operand.open;
    return mlac::operand<decltype(operand)::along>([=](int64_t, int64_t begin, int64_t end) { return open(0, begin, end); });
  };
  const auto found = check::on_threads(what, [&] {
    std::vector<real> c(groups * m * n, real(7));
    const auto epilogue = [&](int64_t group, int64_t row, int64_t column, int64_t count, const real* first, const real* second) {
      for (int64_t i = 0; i < count; i++) c[(group * m + row) * n + column + i] = first[i] + 3 * second[i];
    };
    const Grid grid{groups, m, n, offsets.data(), Grid::ragged_k};
    contract<2>(grid, epilogue, product<0>(0, all(a.operand()), all(b.operand()), all(other.operand())));
    return c;
  });
  std::vector<double> expected(groups * m * n);
  for (int64_t g = 0; g < groups; g++)
    for (int64_t p = offsets[g]; p < offsets[g + 1]; p++)
      for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) expected[(g * m + i) * n + j] += a(0, i, p) * (b(0, p, j) + 3 * other(0, p, j));
  check::close(found, expected, what);
}

// A·Aᵀ, from its lower half.
template <Along a_along>
void symmetric(int64_t groups, int64_t m, int64_t k) {
  constexpr Along transposed = a_along == Along::columns ? Along::rows : Along::columns;
  const Matrix<a_along> a(groups, m, k, 1);
  const auto what = name("symmetric", a_along, transposed, groups, m, m, k);
  const auto b = operand<transposed>([&](int64_t group, int64_t, int64_t) {
    return [&, group](int64_t row, int64_t column) { return a.data[a.place(group, column, row)]; };
  });
  const auto found = check::on_threads(what, [&] {
    std::vector<real> c(groups * m * m);
    contract<1>(Grid{groups, m, m, nullptr, Grid::symmetric}, Store{c.data(), m, m}, product<0>(k, a.operand(), b));
    return c;
  });
  std::vector<double> expected(groups * m * m);
  for (int64_t g = 0; g < groups; g++)
    for (int64_t i = 0; i < m; i++)
      for (int64_t j = 0; j <= i; j++)
        for (int64_t p = 0; p < k; p++) expected[(g * m + i) * m + j] += a(g, i, p) * a(g, j, p);
  check::close(found, expected, what);
}

template <Along a, Along b>
void every_kind() {
  dense<a, b>(1, 1, 1, 1);
  dense<a, b>(1, 24, 8, 40);
  dense<a, b>(1, 5, 7, 3);
  dense<a, b>(1, 67, 131, 259);
  dense<a, b>(1, 400, 270, 520);
  dense<a, b>(1, 12, 600, 16);
  dense<a, b>(1, 900, 9, 33);
  dense<a, b>(1, 3, 5, 0);
  dense<a, b>(3, 50, 70, 30);
  dense<a, b>(40, 13, 17, 19);
  several<a, b>(24, 8, 40, 16);
  several<a, b>(131, 150, 270, 33);
  ragged_m<a, b>({0, 16, 16, 47, 48, 450}, 70, 33);
  ragged_m<a, b>({0, 3, 5}, 8, 24);
  ragged_m<a, b>({0, 0, 0}, 8, 24);
  ragged_k<a, b>({0, 16, 16, 47, 48, 450}, 40, 70);
  ragged_k<a, b>({0, 0, 300}, 9, 130);
}

}  // namespace

int main() {
  every_kind<Along::columns, Along::columns>();
  every_kind<Along::columns, Along::rows>();
  every_kind<Along::rows, Along::columns>();
  every_kind<Along::rows, Along::rows>();
  for (int64_t m : {1, 10, 64, 130, 400}) {
    symmetric<Along::columns>(2, m, 50);
    symmetric<Along::rows>(2, m, 50);
  }
  return check::report("contraction");
}
