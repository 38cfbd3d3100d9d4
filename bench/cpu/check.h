// What the tests of the CPU library share: random numbers, comparison with a reference in double, the same bits on any thread count.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "real.h"
#include "scratch.h"

namespace check {

using mlac::real;

inline int failures = 0;
inline int passes = 0;

/// Numbers in [-1, 1), the same in every run.
inline std::vector<real> numbers(int64_t count, uint64_t seed = 1) {
  std::vector<real> result(count);
  for (real& x : result) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    x = real(int64_t(seed) >> 40) / real(1 << 23);
  }
  return result;
}

inline void that(bool right, const std::string& what) {
  (right ? passes : failures)++;
  if (!right) std::printf("FAILED  %s\n", what.c_str());
}

/// The largest difference, relative to the largest magnitude expected (but at least to 1), must stay below `tolerance` roundings.
inline void close(const std::vector<real>& found, const std::vector<double>& expected, const std::string& what, double tolerance = 64) {
  double difference = 0, size = 0;
  bool finite = found.size() == expected.size();
  for (size_t i = 0; finite && i < found.size(); i++) {
    finite = std::isfinite(found[i]);
    difference = std::max(difference, std::abs(found[i] - expected[i]));
    size = std::max(size, std::abs(expected[i]));
  }
  const double roundings = difference / std::max(size, 1.0) / std::numeric_limits<real>::epsilon();
  that(finite && roundings <= tolerance, what + ": off by " + (finite ? std::to_string(roundings) : "infinitely many") + " roundings");
}

/// Runs `work`, which returns what it computed, on 1, 2 and 3 threads; the results must not differ in a bit. Returns the first.
template <class Work>
std::vector<real> on_threads(const std::string& what, Work work) {
  mlac::scratch_open(1);
  const std::vector<real> first = work();
  for (int threads = 2; threads <= 3; threads++) {
    mlac::scratch_open(threads);
    const std::vector<real> other = work();
    that(first.size() == other.size() && (first.empty() || std::memcmp(first.data(), other.data(), first.size() * sizeof(real)) == 0),
         what + ": other bits on " + std::to_string(threads) + " threads");
  }
  return first;
}

inline int report(const char* name) {
  std::printf("%s: %d checks passed, %d failed (%s)\n", name, passes, failures, sizeof(real) == 4 ? "float" : "double");
  return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

}  // namespace check
