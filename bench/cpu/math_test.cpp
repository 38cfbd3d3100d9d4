// The elementary functions against the standard library in double, over their whole range and at its ends.
#include "math.h"

#include "check.h"

namespace {

using mlac::real;
using Exact = double (*)(double);
constexpr double infinity = std::numeric_limits<double>::infinity();

double sigmoid_exact(double x) { return 1 / (1 + std::exp(-x)); }
double silu_exact(double x) { return x * sigmoid_exact(x); }
double silu_grad_exact(double x) { return sigmoid_exact(x) * (1 + x * sigmoid_exact(-x)); }

template <class Function>
void compare(const std::string& name, Function function, Exact exact, double low, double high, double tolerance) {
  constexpr int64_t count = 1 << 20;
  std::vector<real> in(count), out(count);
  for (int64_t i = 0; i < count; i++) in[i] = real(low + (high - low) * i / (count - 1));
#pragma omp simd
  for (int64_t i = 0; i < count; i++) out[i] = function(in[i]);
  double largest = 0, at = 0;
  for (int64_t i = 0; i < count; i++) {
    const double want = exact(in[i]);
    if (std::abs(want) < std::numeric_limits<real>::min()) continue;  // subnormal results have fewer bits
    const double error = std::abs(out[i] - want) / std::abs(want);
    if (!(error <= largest)) largest = error, at = in[i];
  }
  check::that(largest <= tolerance, name + " is off by " + std::to_string(largest * 1e9) + "e-9 at " + std::to_string(at));
}

void same(const std::string& what, real found, real expected) {
  check::that(found == expected || (std::isnan(found) && std::isnan(expected)), what + " is " + std::to_string(found));
}

}  // namespace

int main() {
  const double tolerance = sizeof(real) == 4 ? 3e-7 : 1e-14;
  const auto exp = [](real x) { return mlac::exp(x); };
  const auto log = [](real x) { return mlac::log(x); };
  const auto tanh = [](real x) { return mlac::tanh(x); };
  const auto sigmoid = [](real x) { return mlac::sigmoid(x); };
  const auto silu = [](real x) { return mlac::silu(x); };
  const auto silu_grad = [](real x) { return mlac::silu_grad(x); };
  compare("exp", exp, std::exp, -87, 88.7, tolerance);
  compare("exp", exp, std::exp, -1, 1, tolerance);
  compare("log", log, std::log, 1e-37, 1e-30, tolerance);
  compare("log", log, std::log, 0.9, 1.1, tolerance);
  compare("log", log, std::log, 1e-3, 1e30, tolerance);
  compare("tanh", tanh, std::tanh, -20, 20, tolerance);
  compare("tanh", tanh, std::tanh, -1e-2, 1e-2, tolerance);
  compare("sigmoid", sigmoid, sigmoid_exact, -87, 87, tolerance);
  compare("silu", silu, silu_exact, -80, 80, tolerance);
  compare("silu", silu, silu_exact, -4, 4, tolerance);
  compare("silu_grad", silu_grad, silu_grad_exact, -60, -1.6, 2 * tolerance);  // its zero is at -1.28
  compare("silu_grad", silu_grad, silu_grad_exact, -1, 60, 2 * tolerance);

  const real inf = real(infinity), nan = std::numeric_limits<real>::quiet_NaN();
  same("exp(0)", exp(0), 1);
  same("exp(-infinity)", exp(-inf), 0);
  same("exp(infinity)", exp(inf), inf);
  same("exp(nan)", exp(nan), nan);
  same("log(1)", log(1), 0);
  same("log(0)", log(0), -inf);
  same("log(-1)", log(-1), nan);
  same("log(infinity)", log(inf), inf);
  same("log(nan)", log(nan), nan);
  same("tanh(infinity)", tanh(inf), 1);
  same("tanh(-infinity)", tanh(-inf), -1);
  same("tanh(nan)", tanh(nan), nan);
  same("sigmoid(-infinity)", sigmoid(-inf), 0);
  same("sigmoid(infinity)", sigmoid(inf), 1);
  same("silu(nan)", silu(nan), nan);
  return check::report("math");
}
