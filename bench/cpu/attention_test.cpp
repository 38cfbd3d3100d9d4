// attention_forward and attention_backward against the formulas in double: odd widths and lengths, grouped heads, causal and not.
#include "attention.h"

#include "check.h"

namespace {

using namespace mlac;

struct Exact {
  std::vector<double> out, lse, dq, dk, dv;
};

template <int A, int U>
Exact exact(int64_t batch, int64_t length, int64_t heads, int64_t groups, bool causal, double scale, const std::vector<real>& q,
            const std::vector<real>& k, const std::vector<real>& v, const std::vector<real>& dout) {
  Exact result{std::vector<double>(batch * length * heads * U), std::vector<double>(batch * length * heads), std::vector<double>(q.size()),
               std::vector<double>(k.size()), std::vector<double>(v.size())};
  std::vector<double> p(length), dp(length);
  for (int64_t b = 0; b < batch; b++)
    for (int64_t t = 0; t < length; t++)
      for (int64_t h = 0; h < heads; h++) {
        const int64_t row = (b * length + t) * heads + h, seen = causal ? t + 1 : length;
        const auto key = [&](int64_t s) { return (b * length + s) * groups + h / (heads / groups); };
        double sum = 0, shared = 0;
        for (int64_t s = 0; s < seen; s++) {
          double score = 0;
          for (int i = 0; i < A; i++) score += double(q[row * A + i]) * k[key(s) * A + i];
          sum += p[s] = std::exp(scale * score);
        }
        result.lse[row] = std::log(sum);
        for (int64_t s = 0; s < seen; s++) {
          p[s] /= sum;
          dp[s] = 0;
          for (int i = 0; i < U; i++) {
            result.out[row * U + i] += p[s] * v[key(s) * U + i];
            result.dv[key(s) * U + i] += p[s] * dout[row * U + i];
            dp[s] += double(dout[row * U + i]) * v[key(s) * U + i];
          }
          shared += p[s] * dp[s];
        }
        for (int64_t s = 0; s < seen; s++)
          for (int i = 0; i < A; i++) {
            result.dq[row * A + i] += scale * p[s] * (dp[s] - shared) * k[key(s) * A + i];
            result.dk[key(s) * A + i] += scale * p[s] * (dp[s] - shared) * q[row * A + i];
          }
      }
  return result;
}

template <int A, int U>
void compare(int64_t batch, int64_t length, int64_t heads, int64_t groups, bool causal) {
  const std::string what = "attention " + std::to_string(A) + "/" + std::to_string(U) + (causal ? " causal " : " full ") +
                           std::to_string(batch) + " x " + std::to_string(length) + " x " + std::to_string(heads) + "/" + std::to_string(groups);
  const real scale = real(2 / std::sqrt(double(A)));
  const auto q = check::numbers(batch * length * heads * A, 1), k = check::numbers(batch * length * groups * A, 2);
  const auto v = check::numbers(batch * length * groups * U, 3), dout = check::numbers(batch * length * heads * U, 4);
  const int64_t outs = batch * length * heads * U, rows = batch * length * heads;
  const auto all = check::on_threads(what, [&] {
    // One after another: out, lse, dq, dk, dv.
    std::vector<real> result(outs + rows + q.size() + k.size() + v.size(), real(7));
    real *out = result.data(), *lse = out + outs, *dq = lse + rows, *dk = dq + q.size(), *dv = dk + k.size();
    attention_forward<A, U>(batch, length, heads, groups, causal, scale, q.data(), k.data(), v.data(), out, lse);
    attention_backward<A, U>(batch, length, heads, groups, causal, scale, q.data(), k.data(), v.data(), out, lse, dout.data(), dq, dk, dv);
    return result;
  });
  const Exact expected = exact<A, U>(batch, length, heads, groups, causal, scale, q, k, v, dout);
  auto from = all.begin();
  const auto next = [&](const std::vector<double>& want, const char* name) {
    check::close(std::vector<real>(from, from + want.size()), want, what + " " + name, 128);
    from += want.size();
  };
  next(expected.out, "out");
  next(expected.lse, "lse");
  next(expected.dq, "dq");
  next(expected.dk, "dk");
  next(expected.dv, "dv");
}

}  // namespace

int main() {
  for (const bool causal : {true, false}) {
    compare<24, 16>(2, 32, 2, 2, causal);
    compare<5, 3>(2, 1, 3, 1, causal);
    compare<5, 33>(1, 131, 3, 1, causal);
    compare<16, 40>(2, 300, 4, 2, causal);
    compare<192, 128>(1, 257, 2, 2, causal);
    compare<576, 512>(1, 100, 2, 1, causal);
    compare<1, 1>(1, 513, 1, 1, causal);
  }
  return check::report("attention");
}
