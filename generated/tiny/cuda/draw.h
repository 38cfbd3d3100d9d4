// The numbers that a parameter starts with: the CPU target's, bit for bit.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <thread>
#include <vector>

#include "lib/random.h"

/// Numbers begin … end, begin even, of the sequence that mlac::fill_normal gives, on `threads` threads.
inline void draw_normal(float* out, int64_t begin, int64_t end, uint64_t seed, uint64_t stream, double std, int threads) {
  const uint64_t key = mlac::detail::mix(seed ^ mlac::detail::mix(stream + 1));
  const auto draw = [=](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i += 2) {
      const double radius = std * std::sqrt(-2 * std::log(mlac::detail::uniform(key, i)));
      const double angle = 2 * M_PI * mlac::detail::uniform(key, i + 1);
      out[i - begin] = float(radius * std::cos(angle));
      if (i + 1 < to) out[i + 1 - begin] = float(radius * std::sin(angle));
    }
  };
  const int64_t each = std::max<int64_t>(4096, ((end - begin) / threads + 2) / 2 * 2);
  std::vector<std::thread> others;
  for (int64_t from = begin + each; from < end; from += each) others.emplace_back(draw, from, std::min(from + each, end));
  draw(begin, std::min(begin + each, end));
  for (std::thread& other : others) other.join();
}
