// contract_few against plain loops in double: dense and ragged grids, two products of one A, odd sizes; a row by itself.
#include "few_rows.h"

#include <array>

#include "check.h"

namespace {

using namespace mlac;

/// B of each group, [k, n]; A is [m, k] for all of them.
struct Problem {
  int64_t groups, m, n, k;
  std::vector<int32_t> offsets;
  std::vector<real> a, gate, up;

  Problem(int64_t groups, int64_t m, int64_t n, int64_t k, std::vector<int32_t> offsets = {})
      : groups(groups), m(m), n(n), k(k), offsets(std::move(offsets)), a(check::numbers(m * k, 1)), gate(check::numbers(groups * k * n, 2)),
        up(check::numbers(groups * k * n, 3)) {}

  auto weight(const std::vector<real>& data) const {
    return operand<Along::columns>([this, &data](int64_t group, int64_t, int64_t) {
      return [at = data.data() + group * k * n, n = n](int64_t row, int64_t column) { return at[row * n + column]; };
    });
  }

  std::vector<real> few(int64_t rows) const {
    std::vector<real> c(rows * n);
    const auto x = operand<Along::columns>([this](int64_t, int64_t, int64_t) {
      return [at = a.data(), k = k](int64_t row, int64_t column) { return at[row * k + column]; };
    });
    const auto epilogue = [&](int64_t, int64_t row, int64_t column, int64_t count, const real* first, const real* second) {
      for (int64_t i = 0; i < count; i++) c[row * n + column + i] += first[i] - 2 * second[i];
    };
    const Grid grid{groups, rows, n, offsets.empty() ? nullptr : offsets.data(), offsets.empty() ? Grid::dense : Grid::ragged_m};
    contract_few<2>(grid, epilogue, product<0>(k, x, weight(gate), weight(up)));
    return c;
  }

  std::vector<double> expected() const {
    std::vector<double> c(m * n);
    for (int64_t group = 0; group < groups; group++)
      for (int64_t row = offsets.empty() ? 0 : offsets[group]; row < (offsets.empty() ? m : offsets[group + 1]); row++)
        for (int64_t i = 0; i < k; i++)
          for (int64_t j = 0; j < n; j++) {
            const int64_t at = (group * k + i) * n + j;
            c[row * n + j] += double(a[row * k + i]) * (double(gate[at]) - 2 * double(up[at]));
          }
    return c;
  }
};

void compare(const Problem& problem, const std::string& what) {
  check::close(check::on_threads(what, [&] { return problem.few(problem.m); }), problem.expected(), what);
}

/// A row has the same bits whether others are there or not.
void alone(int64_t rows) {
  const Problem problem(1, rows, 300, 77);
  std::vector<real> all = problem.few(rows), first = problem.few(1);
  all.resize(first.size());
  check::that(all == first, "a row of " + std::to_string(rows) + " is the same as by itself");
}

}  // namespace

int main() {
  for (const auto [m, n, k] : {std::array<int64_t, 3>{1, 1, 1}, {1, 65, 3}, {3, 64, 256}, {8, 1100, 259}, {13, 20000, 6}, {16, 33, 515}})
    compare(Problem(1, m, n, k), "dense " + std::to_string(m) + " x " + std::to_string(n) + " x " + std::to_string(k));
  compare(Problem(4, 12, 70, 37, {0, 3, 3, 12, 12}), "ragged, two groups without rows");
  for (int64_t rows : {2, 4, 5, 8, 9, 16}) alone(rows);
  return check::report("few rows");
}
