// What the kernels of the CPU library reach on this machine, beside its peak and beside OpenBLAS: ./time [threads]
#include <cblas.h>

#include <ctime>
#include <functional>
#include <thread>

#include "attention.h"
#include "check.h"
#include "contraction.h"
#include "optimizer.h"
#include "random.h"

extern "C" void openblas_set_num_threads(int);

namespace {

using namespace mlac;

int threads = 1;

/// Seconds of wall time; of this thread's own time if it is the only one, which other users of the machine disturb less.
double now() {
  timespec time;
  clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

/// The best of several runs, in seconds.
double best(const std::function<void()>& work) {
  double least = 1e9, spent = 0;
  for (int run = 0; run < 30 && (run < 4 || spent < 0.3); run++) {
    const double start = now();
    work();
    const double seconds = now() - start;
    least = std::min(least, seconds);
    spent += seconds;
  }
  return least;
}

/// GFLOP/s of multiplications and additions that need no memory.
double peak() {
  constexpr int64_t steps = 10'000'000;
  const double seconds = best([&] {
#pragma omp parallel num_threads(threads)
    {
      Vector sums[12], factor = Vector{} + real(1.0000001), addend = Vector{} + real(1e-9);
      for (int i = 0; i < 12; i++) sums[i] = Vector{} + real(i);
      asm volatile("" : "+v"(factor), "+v"(addend));
      for (int64_t step = 0; step < steps; step++) {
#pragma GCC unroll 12
        for (int i = 0; i < 12; i++) sums[i] = sums[i] * factor + addend;
      }
      for (int i = 0; i < 12; i++) asm volatile("" : : "v"(sums[i]));
    }
  });
  return 2.0 * 12 * LANES * steps * threads / seconds / 1e9;
}

struct Result {
  std::string name;
  double ours, blas;
};
std::vector<Result> results;
std::vector<std::function<void()>> blas_runs;  // later, since its threads and OpenMP's get in each other's way

template <Along along>
auto matrix(const real* data, int64_t rows, int64_t columns) {
  return operand<along>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t row, int64_t column) { return along == Along::columns ? data[row * columns + column] : data[column * rows + row]; };
  });
}

template <Along a_along, Along b_along>
void time_product(int64_t m, int64_t n, int64_t k) {
  const auto a = check::numbers(m * k, 1), b = check::numbers(k * n, 2);
  std::vector<real> c(m * n);
  const auto left = matrix<a_along>(a.data(), m, k);
  const auto right = matrix<b_along>(b.data(), k, n);
  const auto epilogue = [out = c.data(), n](int64_t, int64_t row, int64_t column, int64_t count, const real* sum) {
    std::copy_n(sum, count, out + row * n + column);
  };
  const double flops = 2.0 * m * n * k / 1e9;
  const size_t place = results.size();
  const auto letter = [](Along along) { return along == Along::columns ? "N" : "T"; };
  results.push_back({std::to_string(m) + " x " + std::to_string(n) + " x " + std::to_string(k) + " " + letter(a_along) + letter(b_along),
                     flops / best([&] { contract<1>(Grid{1, m, n}, epilogue, product<0>(k, left, right)); }), 0});
  blas_runs.push_back([=]() mutable {
    const auto transposed = [](Along along) { return along == Along::columns ? CblasNoTrans : CblasTrans; };
    results[place].blas = flops / best([&] {
      cblas_sgemm(CblasRowMajor, transposed(a_along), transposed(b_along), m, n, k, 1, a.data(), a_along == Along::columns ? k : m,
                  b.data(), b_along == Along::columns ? n : k, 0, c.data(), n);
    });
  });
}

template <Along a, Along b>
void time_products() {
  time_product<a, b>(2048, 512, 512);
  time_product<a, b>(4096, 128, 128);
  time_product<a, b>(1024, 1024, 1024);
  time_product<a, b>(64, 64, 64);
}

/// rmsnorm(x)·w1, rmsnorm(x)·w2 and swiglu in one kernel, the way mlac emits it; GFLOP/s of the products alone.
void time_fused(int64_t m, int64_t n, int64_t k) {
  const auto x = check::numbers(m * k, 1), gain = check::numbers(k, 2), gate = check::numbers(k * n, 3), up = check::numbers(k * n, 4);
  std::vector<real> y(m * n);
  const auto norm = [x = x.data(), gain = gain.data(), k](int64_t, int64_t begin, int64_t end) {
    RowScalars<> rstd(begin);
    for (int64_t row = begin; row < end; row++) {
      real sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int64_t i = 0; i < k; i++) sum += x[row * k + i] * x[row * k + i];
      rstd[row] = 1 / sqrt(sum / k + real(1e-6));
    }
    return [=](int64_t row, int64_t column) { return x[row * k + column] * rstd[row] * gain[column]; };
  };
  const auto epilogue = [out = y.data(), n](int64_t, int64_t row, int64_t column, int64_t count, const real* gate, const real* up) {
#pragma omp simd
    for (int64_t j = 0; j < count; j++) out[row * n + column + j] = silu(gate[j]) * up[j];
  };
  const auto left = operand<Along::columns>(norm);
  const double seconds = best([&] {
    contract<2>(Grid{1, m, n}, epilogue, product<0>(k, left, matrix<Along::columns>(gate.data(), k, n), matrix<Along::columns>(up.data(), k, n)));
  });
  std::printf("rmsnorm, two products, swiglu %ld x %ld x %ld: %.0f GFLOP/s\n", m, n, k, 4.0 * m * n * k / seconds / 1e9);
}

template <int A, int U>
void time_attention(int64_t batch, int64_t length, int64_t heads) {
  const int64_t rows = batch * length * heads;
  const auto q = check::numbers(rows * A, 1), k = check::numbers(rows * A, 2);
  const auto v = check::numbers(rows * U, 3), dout = check::numbers(rows * U, 4);
  std::vector<real> out(rows * U), lse(rows), dq(rows * A), dk(rows * A), dv(rows * U);
  const double flops = double(rows) * length * (A + U) / 1e9;  // two for each multiplication and addition, half of the square
  const double forward = best([&] {
    attention_forward<A, U>(batch, length, heads, heads, true, 0.1, q.data(), k.data(), v.data(), out.data(), lse.data());
  });
  const double backward = best([&] {
    attention_backward<A, U>(batch, length, heads, heads, true, 0.1, q.data(), k.data(), v.data(), out.data(), lse.data(), dout.data(),
                             dq.data(), dk.data(), dv.data());
  });
  std::printf("attention %d/%d, %ld x %ld x %ld causal: forward %.0f, backward %.0f GFLOP/s\n", A, U, batch, length, heads, flops / forward,
              flops * (3 * A + 2 * U) / (A + U) / backward);
}

void time_muon(int64_t rows, int64_t columns, int64_t count) {
  const int64_t n = rows * columns * count;
  auto weight = check::numbers(n, 1), momentum = check::numbers(n, 2), gradient = check::numbers(n, 3);
  std::vector<real> workspace(muon_workspace(rows, columns, count));
  std::printf("muon %ld of %ld x %ld:", count, rows, columns);
  const std::pair<NewtonSchulz, const char*> ways[] = {
      {NewtonSchulz::plain, "plain"}, {NewtonSchulz::symmetric, "symmetric"}, {NewtonSchulz::gram, "gram"}};
  for (const auto& [how, name] : ways) {
    const double seconds = best([&, how = how] {
      muon(how, rows, columns, 1, {{weight.data(), momentum.data(), gradient.data(), count, Muon{0.02, 0.95, 0.01, 5}}},
           workspace.data());
    });
    std::printf(" %s %.2f ms,", name, seconds * 1e3);
  }
  const double s = std::min(rows, columns), l = std::max(rows, columns);
  std::printf(" plain is %.1f GFLOP\n", count * 5 * (4 * s * s * l + 2 * s * s * s) / 1e9);
}

}  // namespace

int main(int argc, char** argv) {
  threads = argc > 1 ? std::atoi(argv[1]) : omp_get_num_procs();
  scratch_open(threads);
  const double most = peak();
  std::printf("%d threads, %d-bit vectors, peak %.0f GFLOP/s in float\n", threads, VECTOR_BYTES * 8, most);
  time_products<Along::columns, Along::columns>();
  time_products<Along::columns, Along::rows>();
  time_products<Along::rows, Along::columns>();
  time_products<Along::rows, Along::rows>();
  time_fused(2048, 512, 512);
  time_fused(4096, 128, 128);
  time_attention<24, 16>(2, 512, 4);
  time_attention<64, 64>(1, 2048, 4);
  time_attention<192, 128>(1, 1024, 4);
  time_muon(128, 384, 16);
  time_muon(384, 128, 16);
  time_muon(512, 512, 4);
  time_muon(256, 1024, 4);

  constexpr int64_t count = 1 << 22;
  std::vector<real> weight(count), gradient = check::numbers(count), moment1(count), moment2(count);
  std::printf("fill_normal: %.1f ns a number\n", best([&] { fill_normal(weight.data(), count, 1, 2, 0.02); }) / count * 1e9);
  const double seconds = best([&] {
    adamw(AdamW{1e-3, 0.9, 0.95, 1e-8, 0.1}, 3, 1, count, weight.data(), gradient.data(), moment1.data(), moment2.data());
  });
  std::printf("adamw: %.2f ns a weight, %.1f GB/s\n", seconds / count * 1e9, 28.0 * count / seconds / 1e9);

  openblas_set_num_threads(threads);
  std::this_thread::sleep_for(std::chrono::seconds(1));
  for (const auto& run : blas_runs) run();
  std::printf("%-24s %8s %8s %10s  GFLOP/s\n", "product m x n x k", "mlac", "of peak", "OpenBLAS");
  for (const Result& r : results) std::printf("%-24s %8.0f %7.0f%% %10.0f\n", r.name.c_str(), r.ours, 100 * r.ours / most, r.blas);
}
