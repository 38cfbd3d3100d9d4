// What attention needs of the machine beside mma.cuh: powers of two, and numbers through which blocks take turns.
#pragma once

#include "mma.cuh"

namespace mlac::flash {

/// 2^x; zero at -infinity.
__device__ inline float power_of_2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

/// pair_of, formed where it stands in the program: so it takes the numbers' registers over at once.
__device__ inline uint32_t pair_here(float low, float high) {
  uint32_t pair;
  asm volatile("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}

/// A number through which blocks take turns: what was written before `store_release`, also by the block's other threads ahead of a
/// barrier, is seen by who has read the number with `load_acquire`, and by its block after a barrier.
__device__ inline int load_acquire(const int* from) {
  int x;
  asm volatile("ld.acquire.gpu.global.s32 %0, [%1];" : "=r"(x) : "l"(from) : "memory");
  return x;
}
__device__ inline void store_release(int* to, int x) { asm volatile("st.release.gpu.global.s32 [%0], %1;" ::"l"(to), "r"(x) : "memory"); }

/// Four floats that other blocks write too: they pass by this SM's own cache.
__device__ inline void load_shared_by_blocks(float (&to)[4], const float* from) {
  asm volatile("ld.global.cg.v4.f32 {%0, %1, %2, %3}, [%4];" : "=f"(to[0]), "=f"(to[1]), "=f"(to[2]), "=f"(to[3]) : "l"(from) : "memory");
}
__device__ inline void store_shared_by_blocks(float* to, const float (&x)[4]) {
  asm volatile("st.global.cg.v4.f32 [%0], {%1, %2, %3, %4};" ::"l"(to), "f"(x[0]), "f"(x[1]), "f"(x[2]), "f"(x[3]) : "memory");
}

}  // namespace mlac::flash
