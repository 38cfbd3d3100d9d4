// What the tensor cores' kernels of sm_80 and up are made of: copies to shared memory that run on their own, matrices of 8 x 8 read from
// there, and the 16 x 8 x 16 product. Lane l of a warp is written (g, t) = (l / 4, l % 4) below.
#pragma once

#include "kernel.cuh"

namespace mlac {

/// Where something lies in shared memory, as the instructions want it.
__device__ inline uint32_t shared_address(const void* at) { return uint32_t(__cvta_generic_to_shared(at)); }

/// Copies the first `bytes` of 16 to shared memory and fills the others with zeros; both ends begin at a multiple of 16 bytes.
/// Nothing is read where `bytes` is 0. Done when copies_done says so.
__device__ inline void copy_async(uint32_t to, const void* from, int bytes) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(__cvta_generic_to_global(from)), "r"(bytes) : "memory");
}
/// Ends this thread's group of copies (it may be empty).
__device__ inline void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Waits until all but the last `PENDING` groups of this thread are done. Other threads' copies are seen after a barrier only.
template <int PENDING>
__device__ inline void copies_done() {
  asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
}

__device__ inline void store_shared(uint32_t to, uint4 x) {
  asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(to), "r"(x.x), "r"(x.y), "r"(x.z), "r"(x.w) : "memory");
}

/// Four 8 x 8 matrices of bf16; lanes 8i to 8i + 7 name the eight rows (16 bytes each) of matrix i. Register i of lane (g, t) is the
/// elements (g, 2t) and (g, 2t + 1) of matrix i, or where TRANSPOSED (2t, g) and (2t + 1, g).
template <bool TRANSPOSED>
__device__ inline void load_matrices(uint32_t (&to)[4], uint32_t row) {
  if constexpr (TRANSPOSED)
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3]) : "r"(row) : "memory");
  else
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3]) : "r"(row) : "memory");
}

/// sums[16, 8] += a[16, 16] · b[16, 8]. Lane (g, t) holds, two neighbours a register: of `a` rows g, g + 8, g, g + 8 at k = 2t, 2t, 2t + 8,
/// 2t + 8; of `b` column g at k = 2t, 2t + 8; of `sums` columns 2t, 2t + 1 of row g, then of row g + 8.
__device__ inline void multiply_add(float (&sums)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

}  // namespace mlac
