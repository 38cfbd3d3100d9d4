// What every emitted CUDA kernel starts from: bf16 rows read and written eight numbers at a time, and a warp's sums.
#pragma once

#include <cuda_bf16.h>

#include <cstdint>

namespace mlac {

using bf16 = __nv_bfloat16;

constexpr int WARP = 32;

/// Eight consecutive numbers of a row, in float32 whatever they are in memory.
constexpr int RUN = 8;
struct Run {
  float at[RUN];
  __device__ float& operator[](int i) { return at[i]; }
  __device__ float operator[](int i) const { return at[i]; }
};

__device__ inline float to_float(bf16 x) { return __bfloat162float(x); }
__device__ inline float to_float(float x) { return x; }
__device__ inline float to_float(int32_t x) { return float(x); }
template <typename T>
__device__ inline T from_float(float x);
template <>
__device__ inline bf16 from_float<bf16>(float x) { return __float2bfloat16(x); }
template <>
__device__ inline float from_float<float>(float x) { return x; }

/// Two bf16 numbers as they lie in one register, the first in the low half.
__device__ inline float low_half(uint32_t pair) { return __uint_as_float(pair << 16); }
__device__ inline float high_half(uint32_t pair) { return __uint_as_float(pair & 0xffff0000u); }
__device__ inline uint32_t pair_of(float low, float high) {
  uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}

/// Eight numbers that begin at a multiple of 16 bytes.
__device__ inline Run load_aligned(const bf16* from) {
  const uint4 raw = *reinterpret_cast<const uint4*>(from);
  return {{low_half(raw.x), high_half(raw.x), low_half(raw.y), high_half(raw.y), low_half(raw.z), high_half(raw.z), low_half(raw.w), high_half(raw.w)}};
}
__device__ inline Run load_aligned(const float* from) {
  const float4 a = reinterpret_cast<const float4*>(from)[0], b = reinterpret_cast<const float4*>(from)[1];
  return {{a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w}};
}
__device__ inline void store_aligned(bf16* to, const Run& x) {
  *reinterpret_cast<uint4*>(to) = make_uint4(pair_of(x[0], x[1]), pair_of(x[2], x[3]), pair_of(x[4], x[5]), pair_of(x[6], x[7]));
}
__device__ inline void store_aligned(float* to, const Run& x) {
  reinterpret_cast<float4*>(to)[0] = make_float4(x[0], x[1], x[2], x[3]);
  reinterpret_cast<float4*>(to)[1] = make_float4(x[4], x[5], x[6], x[7]);
}

/// The first `count` of eight numbers. ALIGNED: every run of the row begins at a multiple of 16 bytes, and is whole or empty.
template <bool ALIGNED, typename T>
__device__ inline Run load(const T* from, int count = RUN) {
  if constexpr (ALIGNED) {
    return count > 0 ? load_aligned(from) : Run{};
  } else {
    Run x;
#pragma unroll
    for (int j = 0; j < RUN; ++j) x[j] = j < count ? to_float(from[j]) : 0.f;
    return x;
  }
}
template <bool ALIGNED, typename T>
__device__ inline void store(T* to, const Run& x, int count = RUN) {
  if constexpr (ALIGNED) {
    if (count > 0) store_aligned(to, x);
  } else {
#pragma unroll
    for (int j = 0; j < RUN; ++j)
      if (j < count) to[j] = from_float<T>(x[j]);
  }
}

/// Adds to what is there while other blocks do, in an order that nobody knows.
template <bool ALIGNED>
__device__ inline void scatter(bf16* to, const Run& x, int count = RUN) {
  if constexpr (ALIGNED) {
    if (count == 0) return;
#pragma unroll
    for (int j = 0; j < RUN; j += 2) atomicAdd(reinterpret_cast<__nv_bfloat162*>(to + j), __floats2bfloat162_rn(x[j], x[j + 1]));
  } else {
#pragma unroll
    for (int j = 0; j < RUN; ++j)
      if (j < count) atomicAdd(to + j, __float2bfloat16(x[j]));
  }
}

/// Sums and maxima over neighbouring lanes: every lane of a group of `LANES` gets the same bits.
template <int LANES = WARP>
__device__ inline float sum_of_lanes(float x) {
#pragma unroll
  for (int step = LANES / 2; step > 0; step /= 2) x += __shfl_xor_sync(0xffffffffu, x, step);
  return x;
}
template <int LANES = WARP>
__device__ inline float max_of_lanes(float x) {
#pragma unroll
  for (int step = LANES / 2; step > 0; step /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, step));
  return x;
}

/// What ops' C expressions call a number; arithmetic is in float32 whatever the memory holds.
using real = float;

// The elementary functions that ops' C expressions call. Fast where that is exact enough for bf16 results.
__device__ inline float exp(float x) { return __expf(x); }
__device__ inline float log(float x) { return __logf(x); }
__device__ inline float tanh(float x) { return ::tanhf(x); }
__device__ inline float larger(float a, float b) { return a > b ? a : b; }
__device__ inline float sigmoid(float x) { return __fdividef(1.f, 1.f + __expf(-x)); }
__device__ inline float silu(float x) { return x * sigmoid(x); }
__device__ inline float silu_grad(float x) {
  const float s = sigmoid(x);
  return s * (1.f + x * (1.f - s));
}

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace mlac
