// AdamW, the sum of squares and Muon in its three ways, against plain loops in double.
#include "optimizer.h"

#include "check.h"

namespace {

using namespace mlac;
using Exact = std::vector<double>;

// `rows` x `columns` of a·b; element (i, j) of a transposed matrix is (j, i) of what is stored.
Exact times(const Exact& a, bool a_transposed, const Exact& b, bool b_transposed, int64_t rows, int64_t inner, int64_t columns) {
  Exact c(rows * columns);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t k = 0; k < inner; k++)
      for (int64_t j = 0; j < columns; j++)
        c[i * columns + j] += (a_transposed ? a[k * rows + i] : a[i * inner + k]) * (b_transposed ? b[j * inner + k] : b[k * columns + j]);
  return c;
}

// One step of one matrix, as torch_fixture.py takes it.
void exact_muon(const Muon& rule, int64_t rows, int64_t columns, double scale, double* weight, double* momentum, const real* gradient) {
  const int64_t n = rows * columns, s = std::min(rows, columns), l = std::max(rows, columns);
  Exact x(n);
  double squares = 0;
  for (int64_t row = 0; row < rows; row++)
    for (int64_t column = 0; column < columns; column++) {
      const int64_t at = row * columns + column;
      const double g = gradient[at] * scale;
      momentum[at] = rule.momentum * momentum[at] + (1 - rule.momentum) * g;
      const double u = (1 - rule.momentum) * g + rule.momentum * momentum[at];
      squares += u * u;
      x[rows <= columns ? at : column * rows + row] = u;
    }
  for (double& u : x) u /= std::sqrt(squares) + 1e-7;
  for (int step = 0; step < rule.steps; step++) {
    const Exact a = times(x, false, x, true, s, l, s), aa = times(a, false, a, false, s, s, s);
    Exact b(s * s);
    for (int64_t i = 0; i < s * s; i++) b[i] = -4.7750 * a[i] + 2.0315 * aa[i];
    const Exact bx = times(b, false, x, false, s, s, l);
    for (int64_t i = 0; i < n; i++) x[i] = 3.4445 * x[i] + bx[i];
  }
  for (int64_t row = 0; row < rows; row++)
    for (int64_t column = 0; column < columns; column++) {
      const int64_t at = row * columns + column;
      weight[at] = weight[at] * (1 - rule.lr * rule.weight_decay) -
                   rule.lr * 0.2 * std::sqrt(double(l)) * x[rows <= columns ? at : column * rows + row];
    }
}

Exact exactly(const std::vector<real>& values) { return Exact(values.begin(), values.end()); }

// Two steps of two parameters with different rates; `rank` > 0 makes gradients of that rank, whose Gram matrices are singular.
void compare_muon(NewtonSchulz how, const char* how_name, int64_t rows, int64_t columns, int64_t count, int64_t rank) {
  const std::string what = std::string("muon ") + how_name + " " + std::to_string(count) + " of " + std::to_string(rows) + " x " +
                           std::to_string(columns) + " rank " + std::to_string(rank);
  const int64_t n = rows * columns, other = 2;
  const Muon rule{0.02, 0.95, 0.01, 5}, other_rule{0.1, 0.9, 0, 5};
  const auto weight = check::numbers((count + other) * n, 1), momentum = std::vector<real>((count + other) * n);
  auto gradient = check::numbers((count + other) * n, 3);
  if (rank > 0) {
    const auto left = check::numbers(rows * rank, 4), right = check::numbers(rank * columns, 5);
    for (int64_t i = 0; i < (count + other) * n; i++) {
      double sum = 0;
      for (int64_t k = 0; k < rank; k++) sum += left[i % n / columns * rank + k] * right[k * columns + i % columns];
      gradient[i] = real(sum + 1e-3 * gradient[i]);
    }
  }
  const auto found = check::on_threads(what, [&] {
    auto w = weight, m = momentum;
    std::vector<real> workspace(muon_workspace(rows, columns, count + other) + 1, real(7));
    for (int step = 0; step < 2; step++) {
      muon(how, rows, columns, 0.5,
           {{w.data(), m.data(), gradient.data(), count, rule},
            {w.data() + count * n, m.data() + count * n, gradient.data() + count * n, other, other_rule}},
           workspace.data());
    }
    check::that(workspace.back() == real(7), what + ": wrote behind its workspace");
    w.insert(w.end(), m.begin(), m.end());
    return w;
  });
  Exact w = exactly(weight), m = exactly(momentum);
  for (int step = 0; step < 2; step++)
    for (int64_t i = 0; i < count + other; i++)
      exact_muon(i < count ? rule : other_rule, rows, columns, 0.5, &w[i * n], &m[i * n], &gradient[i * n]);
  w.insert(w.end(), m.begin(), m.end());
  check::close(found, w, what, rank > 0 ? 4096 : 512);
}

void compare_adamw(int64_t count) {
  const AdamW rule{3e-3, 0.9, 0.95, 1e-8, 0.1};
  const auto weight = check::numbers(count, 1), gradient = check::numbers(count, 2);
  const std::string what = "adamw " + std::to_string(count);
  const auto found = check::on_threads(what, [&] {
    std::vector<real> w = weight, m(count), v(count);
    for (int step = 1; step <= 3; step++) adamw(rule, step, 0.5, count, w.data(), gradient.data(), m.data(), v.data());
    return w;
  });
  Exact w = exactly(weight), m(count), v(count);
  for (int step = 1; step <= 3; step++) {
    for (int64_t i = 0; i < count; i++) {
      const double g = 0.5 * gradient[i];
      m[i] = rule.beta1 * m[i] + (1 - rule.beta1) * g;
      v[i] = rule.beta2 * v[i] + (1 - rule.beta2) * g * g;
      w[i] *= 1 - rule.lr * rule.weight_decay;
      w[i] -= rule.lr * (m[i] / (1 - std::pow(rule.beta1, step))) / (std::sqrt(v[i] / (1 - std::pow(rule.beta2, step))) + rule.eps);
    }
  }
  check::close(found, w, what, 4);
}

void compare_sum_of_squares(int64_t count) {
  const auto values = check::numbers(count);
  const std::string what = "sum of squares of " + std::to_string(count);
  const auto found = check::on_threads(what, [&] {
    const double sum = sum_of_squares(values.data(), count);
    std::vector<real> bits(sizeof(double) / sizeof(real));
    std::memcpy(bits.data(), &sum, sizeof sum);
    return bits;
  });
  double sum;
  long double expected = 0;
  std::memcpy(&sum, found.data(), sizeof sum);
  for (const real x : values) expected += static_cast<long double>(x) * x;
  check::that(std::abs(sum - expected) <= 1e-13 * expected, what);
}

}  // namespace

int main() {
  for (const int64_t count : {1, 31, 1000, 100003}) {
    compare_sum_of_squares(count);
    compare_adamw(count);
  }
  const std::pair<NewtonSchulz, const char*> ways[] = {
      {NewtonSchulz::plain, "plain"}, {NewtonSchulz::symmetric, "symmetric"}, {NewtonSchulz::gram, "gram"}};
  for (const auto& [how, name] : ways) {
    const std::pair<int64_t, int64_t> sizes[] = {{64, 48}, {24, 64}, {1, 5}, {7, 1}, {65, 65}, {40, 130}, {150, 33}};
    for (const auto& [rows, columns] : sizes) compare_muon(how, name, rows, columns, 3, 0);
    compare_muon(how, name, 16, 32, 37, 0);
    compare_muon(how, name, 70, 200, 1, 5);
    compare_muon(how, name, 200, 70, 1, 5);
  }
  return check::report("optimizer");
}
