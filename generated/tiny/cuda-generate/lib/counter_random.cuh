// Random numbers by counter: SplitMix64 and uniform numbers in (0, 1], as templates/cpu/lib/random.h has them.
#pragma once

#include <cstdint>

namespace mlac {

__device__ inline uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}
__device__ inline double uniform(uint64_t key, uint64_t counter) { return double((mix(key ^ mix(counter)) >> 11) + 1) * 0x1p-53; }

}  // namespace mlac
