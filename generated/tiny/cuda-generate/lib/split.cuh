// Weights as they lie in memory: bf16, which the products read, and beside it a remainder of 16 bits that makes it a float32 again.
//
// The float32's bits are (bf16's bits << 16) + the remainder as a signed number; the bf16 is the float32 rounded to nearest. Adding and
// shifting integers loses nothing, so the pair is the float32, bit for bit, in the memory that a float32 takes.
#pragma once

#include "kernel.cuh"

namespace mlac {

/// A parameter's numbers, 16-byte aligned. remainder null: `high` is float32, whole.
struct Weight {
  void* high;
  uint16_t* remainder;
};

__host__ __device__ inline uint32_t join_bits(uint16_t high, uint16_t remainder) { return (uint32_t(high) << 16) + uint32_t(int32_t(int16_t(remainder))); }
__host__ __device__ inline uint16_t high_bits(uint32_t bits) { return uint16_t((bits + 0x8000u) >> 16); }
__host__ __device__ inline uint16_t remainder_bits(uint32_t bits) { return uint16_t(bits); }

/// The `count` numbers from place `at` on, in float32. WHOLE: all eight are there, and `at` is a multiple of 8.
template <bool WHOLE>
__device__ inline Run load_split(const bf16* high, const uint16_t* remainder, int64_t at, int count) {
  const auto* highs = reinterpret_cast<const uint16_t*>(high);
  Run x;
  if constexpr (WHOLE) {
    const uint4 h = *reinterpret_cast<const uint4*>(highs + at), r = *reinterpret_cast<const uint4*>(remainder + at);
    const uint32_t hs[4] = {h.x, h.y, h.z, h.w}, rs[4] = {r.x, r.y, r.z, r.w};
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      x[2 * j] = __uint_as_float(join_bits(uint16_t(hs[j]), uint16_t(rs[j])));
      x[2 * j + 1] = __uint_as_float(join_bits(uint16_t(hs[j] >> 16), uint16_t(rs[j] >> 16)));
    }
  } else {
#pragma unroll
    for (int j = 0; j < RUN; ++j) x[j] = j < count ? __uint_as_float(join_bits(highs[at + j], remainder[at + j])) : 0.f;
  }
  return x;
}

template <bool WHOLE>
__device__ inline void store_split(bf16* high, uint16_t* remainder, int64_t at, const Run& x, int count) {
  auto* highs = reinterpret_cast<uint16_t*>(high);
  if constexpr (WHOLE) {
    uint32_t hs[4], rs[4];
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const uint32_t first = __float_as_uint(x[2 * j]), second = __float_as_uint(x[2 * j + 1]);
      hs[j] = uint32_t(high_bits(first)) | uint32_t(high_bits(second)) << 16;
      rs[j] = uint32_t(remainder_bits(first)) | uint32_t(remainder_bits(second)) << 16;
    }
    *reinterpret_cast<uint4*>(highs + at) = make_uint4(hs[0], hs[1], hs[2], hs[3]);
    *reinterpret_cast<uint4*>(remainder + at) = make_uint4(rs[0], rs[1], rs[2], rs[3]);
  } else {
#pragma unroll
    for (int j = 0; j < RUN; ++j)
      if (j < count) {
        highs[at + j] = high_bits(__float_as_uint(x[j]));
        remainder[at + j] = remainder_bits(__float_as_uint(x[j]));
      }
  }
}

/// The same for a parameter in either form.
template <bool WHOLE>
__device__ inline Run load_weight(const Weight& weight, int64_t at, int count) {
  if (!weight.remainder) return load<WHOLE>(static_cast<const float*>(weight.high) + at, count);
  return load_split<WHOLE>(static_cast<const bf16*>(weight.high), weight.remainder, at, count);
}
template <bool WHOLE>
__device__ inline void store_weight(const Weight& weight, int64_t at, const Run& x, int count) {
  if (!weight.remainder) return store<WHOLE>(static_cast<float*>(weight.high) + at, x, count);
  store_split<WHOLE>(static_cast<bf16*>(weight.high), weight.remainder, at, x, count);
}

}  // namespace mlac
