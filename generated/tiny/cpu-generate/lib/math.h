// Elementary functions for `#pragma omp simd` loops: without branches and without calls, so that the compiler vectorises through
// them. In float they are within 3e-7 of the true value, relatively (silu_grad within 4e-7, but for the neighbourhood of its zero);
// in double they are the standard library's, and are called one by one.
//
// The polynomials are those of Cephes (S. Moshier, netlib.org/cephes, single precision).
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "real.h"

namespace mlac {

using std::sqrt;

namespace detail {

[[gnu::always_inline]] inline float float_of_bits(int32_t bits) { return __builtin_bit_cast(float, bits); }
[[gnu::always_inline]] inline int32_t bits_of_float(float x) { return __builtin_bit_cast(int32_t, x); }

/// 2^n for -126 <= n <= 127.
[[gnu::always_inline]] inline float power_of_two(int32_t n) { return float_of_bits((n + 127) << 23); }

}  // namespace detail

/// e^x. 0 below -104, infinity above 88.73, NaN for NaN.
[[gnu::always_inline]] inline float exp(float x) {
  x = x < -104.0f ? -104.0f : x;
  x = x > 89.0f ? 89.0f : x;
  // x = n·ln 2 + r, |r| <= ln 2 / 2. Adding 1.5·2^23 leaves no room for a fraction, and n in the lowest bits. ln 2 is taken off in
  // two parts, the first so short that n times it is exact.
  constexpr float rounder = 0x1.8p23f;
  const float rounded = x * 1.44269504f + rounder;
  const int32_t n = detail::bits_of_float(rounded) - detail::bits_of_float(rounder);
  const float whole = rounded - rounder;
  const float r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  // 2^n itself may be too small or too large for a float where the result is not.
  const int32_t half = n >> 1;
  return (p * r * r + r + 1.0f) * detail::power_of_two(half) * detail::power_of_two(n - half);
}

/// The natural logarithm. -infinity for 0, NaN below 0 and for NaN.
[[gnu::always_inline]] inline float log(float x) {
  const bool tiny = x < std::numeric_limits<float>::min();
  const float scaled = tiny ? x * 0x1p23f : x;
  // x = 2^n·m with m in [sqrt(1/2), sqrt 2): moving the exponent's step from 1 to sqrt(1/2) makes one shift do the splitting.
  constexpr int32_t root_half = 0x3f3504f3;
  const int32_t above = detail::bits_of_float(scaled) - root_half;
  const int32_t exponent = above >> 23;
  const float n = static_cast<float>(exponent - (tiny ? 23 : 0));
  const float m = detail::float_of_bits((above & 0x7fffff) + root_half);
  const float f = m - 1.0f;
  float p = 7.0376836292e-2f;
  p = p * f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  const float square = f * f;
  const float tail = p * f * square - n * 2.12194440e-4f - 0.5f * square;
  float result = f + tail + n * 0.693359375f;
  result = x == 0.0f ? -std::numeric_limits<float>::infinity() : result;
  result = x < std::numeric_limits<float>::infinity() ? result : x;  // infinity and NaN stay what they are
  return x < 0.0f ? std::numeric_limits<float>::quiet_NaN() : result;
}

[[gnu::always_inline]] inline float tanh(float x) {
  const float size = x < 0.0f ? -x : x;
  const float far = 1.0f - 2.0f / (exp(2.0f * size) + 1.0f);
  const float square = x * x;
  float p = -5.70498872745e-3f;
  p = p * square + 2.06390887954e-2f;
  p = p * square - 5.37397155531e-2f;
  p = p * square + 1.33314422036e-1f;
  p = p * square - 3.33332819422e-1f;
  const float near = x + x * square * p;
  return size < 0.625f ? near : x < 0.0f ? -far : far;
}

inline double exp(double x) { return std::exp(x); }
inline double log(double x) { return std::log(x); }
inline double tanh(double x) { return std::tanh(x); }

/// The larger of two. In a max reduction the compiler vectorises through it; through std::max, which returns a reference, it does not.
[[gnu::always_inline]] inline float larger(float a, float b) { return a > b ? a : b; }
[[gnu::always_inline]] inline double larger(double a, double b) { return a > b ? a : b; }

/// 1 / (1 + e^-x)
template <class Number>
[[gnu::always_inline]] inline Number sigmoid(Number x) {
  return Number{1} / (Number{1} + exp(-x));
}

/// x·sigmoid(x)
template <class Number>
[[gnu::always_inline]] inline Number silu(Number x) {
  return x * sigmoid(x);
}

/// The derivative of silu: s·(1 + x·(1 - s)) with s = sigmoid(x).
template <class Number>
[[gnu::always_inline]] inline Number silu_grad(Number x) {
  // s and 1 - s are sigmoid(|x|) and sigmoid(-|x|) in one order or the other; a subtraction would lose the digits of a small 1 - s.
  const bool negative = x < 0;
  const Number e = exp(negative ? x : -x);
  const Number larger = Number{1} / (Number{1} + e), smaller = e * larger;
  const Number s = negative ? smaller : larger, rest = negative ? larger : smaller;
  return s * (Number{1} + x * rest);
}

}  // namespace mlac
