// Normal numbers by counter: number i of a stream depends on (seed, stream, i) and on nothing else, so any thread may draw it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "real.h"
#include "scratch.h"

namespace mlac {

namespace detail {

// One step of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): a bijection in which every bit of x reaches every bit of the result.
inline uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// Uniform in (0, 1], so that its logarithm is finite.
inline double uniform(uint64_t key, uint64_t counter) { return double((mix(key ^ mix(counter)) >> 11) + 1) * 0x1p-53; }

}  // namespace detail

/// Fills out[0 … n) with normal numbers of mean 0 and standard deviation `std`: Box and Muller's method, in double. A shorter n
/// gives the beginning of the same sequence.
inline void fill_normal(real* out, int64_t n, uint64_t seed, uint64_t stream, double std) {
  constexpr int64_t PART = 4096;  // even: numbers come in pairs
  const uint64_t key = detail::mix(seed ^ detail::mix(stream + 1));
  parallel_for((n + PART - 1) / PART, [=](int64_t part) {
    const int64_t end = std::min((part + 1) * PART, n);
    for (int64_t i = part * PART; i < end; i += 2) {
      const double radius = std * std::sqrt(-2 * std::log(detail::uniform(key, i)));
      const double angle = 2 * M_PI * detail::uniform(key, i + 1);
      out[i] = real(radius * std::cos(angle));
      if (i + 1 < n) out[i + 1] = real(radius * std::sin(angle));
    }
  });
}

}  // namespace mlac
