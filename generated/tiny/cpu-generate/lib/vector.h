// The widest vector of reals that the machine compiled for has, in GCC's vector extensions: +, -, *, / work lane by lane, and a
// product that is added becomes one fused instruction where there is one.
#pragma once

#include <cstdint>
#include <utility>

#include "real.h"

namespace mlac {

#if defined(__AVX512F__)
constexpr int VECTOR_BYTES = 64;
#elif defined(__AVX__)
constexpr int VECTOR_BYTES = 32;
#else
constexpr int VECTOR_BYTES = 16;
#endif

constexpr int LANES = VECTOR_BYTES / sizeof(real);

typedef real Vector __attribute__((vector_size(VECTOR_BYTES)));
typedef real UnalignedVector __attribute__((vector_size(VECTOR_BYTES), aligned(alignof(real)), may_alias));

[[gnu::always_inline]] inline Vector load(const real* from) { return *reinterpret_cast<const UnalignedVector*>(from); }
[[gnu::always_inline]] inline void store(real* to, Vector value) { *reinterpret_cast<UnalignedVector*>(to) = value; }

namespace detail {

// a0 b0 a1 b1 … of the lower halves (from = 0) or of the upper halves (from = LANES / 2) of a and b.
template <int from, int... lane>
[[gnu::always_inline]] inline Vector interleave(Vector a, Vector b, std::integer_sequence<int, lane...>) {
  return __builtin_shufflevector(a, b, (from + lane / 2 + lane % 2 * LANES)...);
}

template <int by, int... lane>
[[gnu::always_inline]] inline Vector rotate(Vector a, std::integer_sequence<int, lane...>) {
  return __builtin_shufflevector(a, a, ((lane + by) % LANES)...);
}

template <int by, class Combine>
[[gnu::always_inline]] inline real fold(Vector a, Combine combine) {
  a = combine(a, rotate<by>(a, std::make_integer_sequence<int, LANES>{}));
  if constexpr (by > 1) return fold<by / 2>(a, combine);
  return a[0];
}

}  // namespace detail

[[gnu::always_inline]] inline Vector larger(Vector a, Vector b) { return a > b ? a : b; }

/// The sum, and the largest, of a vector's lanes.
[[gnu::always_inline]] inline real sum(Vector a) {
  return detail::fold<LANES / 2>(a, [](Vector x, Vector y) { return x + y; });
}
[[gnu::always_inline]] inline real largest(Vector a) {
  return detail::fold<LANES / 2>(a, [](Vector x, Vector y) { return larger(x, y); });
}

/// Transposes LANES × LANES reals in registers: afterwards rows[i][j] is what rows[j][i] was.
[[gnu::always_inline]] inline void transpose(Vector (&rows)[LANES]) {
  using Lanes = std::make_integer_sequence<int, LANES>;
  // One round moves the highest bit of the row number to the lowest bit of the lane number; log2(LANES) rounds swap the two.
#pragma GCC unroll 4
  for (int round = 1; round < LANES; round *= 2) {
    Vector turned[LANES];
#pragma GCC unroll 16
    for (int i = 0; i < LANES / 2; i++) {
      turned[2 * i] = detail::interleave<0>(rows[i], rows[i + LANES / 2], Lanes{});
      turned[2 * i + 1] = detail::interleave<LANES / 2>(rows[i], rows[i + LANES / 2], Lanes{});
    }
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++) rows[i] = turned[i];
  }
}

}  // namespace mlac
