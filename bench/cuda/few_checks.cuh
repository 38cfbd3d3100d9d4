// Products with few rows against float64 on the host.
#pragma once

#include "few_shared.cuh"

namespace {

constexpr float EPS = 1e-3f;

/// What the rows of x [rows K] are divided by, and the gains that they get: ones where there are none.
struct Norms {
  std::vector<double> factor, gain;
  Norms(const std::vector<bf16>& x, int64_t k, const std::vector<float>& gains) : factor(x.size() / k, 1.), gain(k, 1.) {
    if (gains.empty()) return;
    gain.assign(gains.begin(), gains.end());
    for (size_t row = 0; row < factor.size(); ++row) {
      double squares = 0;
      for (int64_t i = 0; i < k; ++i) squares += at(x, row * k + i) * at(x, row * k + i);
      factor[row] = 1 / std::sqrt(squares / k + EPS);
    }
  }
  /// As the products see it: x times its gain, in bf16.
  double seen(const std::vector<bf16>& x, int64_t row, int64_t i) const {
    const double value = at(x, row * int64_t(gain.size()) + i) * gain[i];
    return factor[row] == 1. ? value : double(float(bf16(float(value))));
  }
};

template <bool NORMED, typename C, int M>
void check_product(const char* kind, FewRows<C::SUMS>& p, int divisor = 1) {
  Device<float> gain(p.k);
  check::fill(gain, 9);
  const auto launch = [&](const mlac::few::Order& order) {
    const KeepSums<C::SUMS> keep{p.y, p.n};
    if constexpr (NORMED) CUDA_OK((mlac::contract_few<C, M>(nullptr, p.extent(), {p.product(divisor)}, keep, mlac::few::Normed{gain, EPS}, order)));
    else CUDA_OK((mlac::contract_few<C, M>(nullptr, p.extent(), {p.product(divisor)}, keep, mlac::few::Plain{}, order)));
  };
  launch({});
  CUDA_OK(cudaDeviceSynchronize());
  const auto x = p.x.host(), w0 = p.w0.host(), w1 = p.w1.host();
  const Norms norms(x, p.k, NORMED ? gain.host() : std::vector<float>{});
  std::vector<double> wanted(p.m * p.n);
  for (int64_t row = 0; row < p.m; ++row) {
    int64_t group = 0;
    if (C::KIND == mlac::Kind::ragged_m)
      while (p.offsets[group + 1] <= row) ++group;
    const int64_t from = p.index.empty() ? row : p.index[row] / divisor;
    for (int64_t n = 0; n < p.n; ++n) {
      double sums[2] = {};
      for (int64_t k = 0; k < p.k; ++k) {
        const int64_t of_w = group * p.k * p.n + (p.by_k ? n * p.k + k : k * p.n + n);
        sums[0] += norms.seen(x, from, k) * at(w0, of_w);
        if (C::SUMS == 2) sums[1] += norms.seen(x, from, k) * at(w1, of_w);
      }
      for (double& sum : sums) sum *= norms.factor[from];
      wanted[row * p.n + n] = C::SUMS == 1 ? sums[0] : sums[0] / (1 + std::exp(-sums[0])) * sums[1];
    }
  }
  char name[160];
  std::snprintf(name, sizeof name, "%s%s %d sums, M %ld K %ld N %ld, groups %ld, weights by %s", kind, NORMED ? ", normed," : "", C::SUMS, long(p.m), long(p.k), long(p.n), long(p.groups), p.by_k ? "k" : "n");
  check::report(name, check::relative_error(p.y.host(), wanted), C::SUMS == 1 ? 1e-5 : 1e-4);
  // Offsets are older than any kernel here, and when weights are asked for changes no bit.
  same_again(name, p.y, [&] { launch({C::KIND == mlac::Kind::ragged_m, true}); });
}

template <int SUMS, bool BY_K, int M, bool NORMED = false>
void check_dense(int64_t k, int64_t n) {
  using C = mlac::Contraction<mlac::Kind::dense, mlac::Major::k, BY_K ? mlac::Major::k : mlac::Major::own, SUMS>;
  FewRows<SUMS> p(M, k, n, 1, BY_K, M, {}, {});
  check_product<NORMED, C, M>("dense", p);
}

/// Three products of the same rows, of different widths, in one launch; NORMED or not.
template <int M, bool NORMED>
void check_side_by_side(int64_t k, const int64_t (&n)[3]) {
  using C = mlac::Contraction<mlac::Kind::dense, mlac::Major::k, mlac::Major::own>;
  const int64_t columns = n[0] + n[1] + n[2];
  Device<bf16> x(M * k), w(k * columns);
  Device<float> gain(k), y(M * columns);
  check::fill(x, 1), check::fill(w, 2, 1.f / std::sqrt(float(k))), check::fill(gain, 9);
  const bf16* const b[3] = {w, w + k * n[0], w + k * (n[0] + n[1])};
  float* const to[3] = {y, y + M * n[0], y + M * (n[0] + n[1])};
  const auto side = [&](int i) { return mlac::few::Columns<KeepSums<1>>{{b[i], k, n[i]}, n[i], {to[i], n[i]}}; };
  const auto work = [&] {
    const mlac::Operand a{x, M, k};
    if constexpr (NORMED) CUDA_OK((mlac::contract_few_side_by_side<C, M>(nullptr, M, k, a, mlac::few::Normed{gain, EPS}, side(0), side(1), side(2))));
    else CUDA_OK((mlac::contract_few_side_by_side<C, M>(nullptr, M, k, a, mlac::few::Plain{}, side(0), side(1), side(2))));
  };
  work();
  CUDA_OK(cudaDeviceSynchronize());
  const auto xs = x.host(), ws = w.host();
  const Norms norms(xs, k, NORMED ? gain.host() : std::vector<float>{});
  std::vector<double> wanted;
  for (int i = 0; i < 3; ++i)
    for (int64_t row = 0; row < M; ++row)
      for (int64_t column = 0; column < n[i]; ++column) {
        double sum = 0;
        for (int64_t j = 0; j < k; ++j) sum += norms.seen(xs, row, j) * at(ws, (b[i] - b[0]) + j * n[i] + column);
        wanted.push_back(sum * norms.factor[row]);
      }
  char name[120];
  std::snprintf(name, sizeof name, "side by side%s, M %d K %ld N %ld %ld %ld", NORMED ? ", normed," : "", M, long(k), long(n[0]), long(n[1]), long(n[2]));
  check::report(name, check::relative_error(y.host(), wanted), 1e-5);
  same_again(name, y, work);
}

/// Each expert's rows by turns: none, one, two … `most`. M: for how many the kernel is made.
template <int SUMS, bool GATHERS, bool NORMED = false, int M = 16>
void check_experts(int64_t experts, int most, int64_t k, int64_t n) {
  using C = mlac::Contraction<mlac::Kind::ragged_m, mlac::Major::k, mlac::Major::own, SUMS, 1, true, GATHERS>;
  std::vector<int32_t> offsets{0}, index;
  for (int64_t e = 0; e < experts; ++e) offsets.push_back(offsets.back() + int32_t(e * 7 % (most + 1)));
  const int32_t rows = offsets.back();
  if (GATHERS)
    for (int32_t i = 0; i < rows; ++i) index.push_back((i * 29 + 3) % rows);
  FewRows<SUMS> p(rows, k, n, experts, false, rows, offsets, index);
  check_product<NORMED, C, M>(GATHERS ? "experts, gathered" : "experts", p, GATHERS ? 2 : 1);
}

template <int ROWS, int READS, int WRITES, bool BACK>
void check_by_head(int64_t heads) {
  Device<bf16> x(ROWS * heads * READS), w(READS * heads * WRITES), y(ROWS * heads * WRITES);
  check::fill(x, 5), check::fill(w, 6, 1.f / std::sqrt(float(READS)));
  const auto work = [&] { CUDA_OK((mlac::linear_by_head<ROWS, READS, WRITES, BACK>(nullptr, heads, x, w, y))); };
  work();
  CUDA_OK(cudaDeviceSynchronize());
  const auto xs = x.host(), ws = w.host();
  std::vector<double> wanted(y.count);
  for (int64_t i = 0; i < y.count; ++i)
    for (int64_t k = 0; k < READS; ++k) {
      const int64_t n = i % WRITES, h = i / WRITES % heads;
      wanted[i] += at(xs, i / WRITES * READS + k) * at(ws, BACK ? (n * heads + h) * READS + k : (k * heads + h) * WRITES + n);
    }
  char name[120];
  std::snprintf(name, sizeof name, "by head%s, rows %d heads %ld reads %d writes %d", BACK ? " back" : "", ROWS, long(heads), READS, WRITES);
  check::report(name, check::relative_error(y.host(), wanted), 4e-3);
  same_again(name, y, work);
}

void few_checks() {
  check_dense<1, false, 1>(2048, 3072);
  check_dense<1, false, 1>(264, 72);
  check_dense<2, false, 1>(512, 200);
  check_dense<2, false, 8>(2048, 320);
  check_dense<1, false, 13>(1408, 256);
  check_dense<1, false, 24>(512, 264);
  check_dense<1, false, 64>(1024, 384);
  check_dense<2, false, 40>(320, 264);
  check_dense<2, false, 64>(2048, 256);
  check_dense<1, true, 1>(2048, 1000);
  check_dense<1, true, 3>(40, 8);
  check_dense<1, true, 64>(256, 520);
  check_experts<2, true>(64, 1, 512, 256);
  check_experts<2, true>(8, 21, 264, 136);
  check_experts<1, false>(64, 5, 1408, 128);
  check_dense<1, false, 1, true>(2048, 3072);
  check_dense<2, false, 5, true>(264, 136);
  check_dense<2, false, 64, true>(2048, 256);
  check_dense<1, true, 17, true>(512, 200);
  check_experts<2, true, true>(8, 21, 264, 136);
  check_experts<2, true, true>(64, 1, 2048, 128);
  check_experts<2, true, true, 6>(8, 21, 264, 136);
  check_experts<2, true, true, 6>(64, 1, 2048, 128);
  check_experts<1, true, true>(8, 21, 264, 136);
  check_experts<1, false, false, 6>(3, 21, 1408, 256);
  check_dense<1, false, 16>(2048, 512);
  check_dense<1, false, 9, true>(264, 136);
  check_side_by_side<1, true>(2048, {3072, 512, 64});
  check_side_by_side<1, false>(264, {72, 8, 200});
  check_side_by_side<17, true>(264, {72, 8, 200});
  check_side_by_side<64, true>(512, {264, 64, 128});
  check_by_head<1, 128, 512, true>(16);
  check_by_head<64, 512, 128, false>(3);
  check_by_head<5, 16, 24, true>(2);
  check_by_head<5, 20, 12, false>(2);
}

}  // namespace
