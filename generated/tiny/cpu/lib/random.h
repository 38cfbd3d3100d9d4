// Normal numbers by counter: number i of a stream depends on (seed, stream, i) and nothing else, so any thread may draw it.
#pragma once

#include <cmath>
#include <cstdint>

#include "real.h"
#include "scratch.h"

namespace mlac {

namespace detail {

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
inline uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/// Uniform in (0, 1].
inline double uniform(uint64_t key, uint64_t counter) { return double((mix(key ^ mix(counter)) >> 11) + 1) * 0x1p-53; }

}  // namespace detail

/// out[0 … n) are normal with mean 0 and this standard deviation, by Box and Muller's method in double.
inline void fill_normal(real* out, int64_t n, uint64_t seed, uint64_t stream, double std) {
  const uint64_t key = detail::mix(seed ^ detail::mix(stream + 1));
  parallel_for((n + 4095) / 4096, [=](int64_t part) {
    const int64_t end = std::min<int64_t>((part + 1) * 4096, n);
    for (int64_t i = part * 4096; i < end; ++i) {
      const uint64_t pair = uint64_t(i) / 2 * 2;
      const double radius = std * std::sqrt(-2 * std::log(detail::uniform(key, pair)));
      const double angle = 2 * M_PI * detail::uniform(key, pair + 1);
      out[i] = real(i % 2 == 0 ? radius * std::cos(angle) : radius * std::sin(angle));
    }
  });
}

}  // namespace mlac
