/*
 * Hopper's own instructions (PTX ISA 8, sm_90a), one small function each: mbarriers, bulk tensor copies (TMA), warpgroup products
 * (wgmma), fences, registers moved between warpgroups, clusters. No policy: who waits for whom is said in contract_hopper.cuh.
 *
 * Shared-memory addresses are 32-bit numbers in the shared window (`address_of`).
 */
#pragma once

#include <cuda.h>

#include "kernel.cuh"

namespace mlac {
namespace hopper {

__device__ inline uint32_t address_of(const void* shared) { return uint32_t(__cvta_generic_to_shared(shared)); }

// ---------------------------------------------------------------------------------------------------------------- mbarriers

__device__ inline void barrier_init(uint32_t barrier, uint32_t arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}
/// Makes the new barriers visible to the cluster and to TMA; the threads still have to meet afterwards.
__device__ inline void barrier_init_done() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }

__device__ inline void barrier_arrive(uint32_t barrier) { asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory"); }
/// Arrives, and makes the phase wait for `bytes` more bytes from TMA.
__device__ inline void barrier_arrive_expect(uint32_t barrier, uint32_t bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}
/// Arrives at the same barrier of the cluster's block `rank`.
__device__ inline void barrier_arrive_at(uint32_t barrier, uint32_t rank) {
  asm volatile(
      "{\n"
      ".reg .b32 there;\n"
      "mapa.shared::cluster.u32 there, %0, %1;\n"
      "mbarrier.arrive.shared::cluster.b64 _, [there];\n"
      "}" ::"r"(barrier),
      "r"(rank)
      : "memory");
}
/// Waits until the phase of this parity is complete. A new barrier's phase 0 is incomplete, "the one before" (parity 1) is complete.
/// Only the last two phases can be told apart: whoever waits must know that the phase before the one it waits for is complete.
__device__ inline void barrier_wait(uint32_t barrier, uint32_t parity) {
  uint32_t done;
  do {
    asm volatile(
        "{\n"
        ".reg .pred p;\n"
        "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
        "selp.u32 %0, 1, 0, p;\n"
        "}"
        : "=r"(done)
        : "r"(barrier), "r"(parity)
        : "memory");
  } while (!done);
}

/// The same wait where other blocks of the cluster wrote to this one's shared memory: what was written before their arrivals is seen.
__device__ inline void barrier_acquire(uint32_t barrier, uint32_t parity) {
  uint32_t done;
  do {
    asm volatile(
        "{\n"
        ".reg .pred p;\n"
        "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 p, [%1], %2;\n"
        "selp.u32 %0, 1, 0, p;\n"
        "}"
        : "=r"(done)
        : "r"(barrier), "r"(parity)
        : "memory");
  } while (!done);
}

/// The hardware's named barriers, for some of a block's warps; number 0 is __syncthreads.
template <int THREADS>
__device__ inline void meet(int number) {
  asm volatile("bar.sync %0, %1;" ::"r"(number), "n"(THREADS) : "memory");
}

// ------------------------------------------------------------------------------------------------------------------- copies

/// One box of a three-dimensional tensor; (x, y, z) is its first element, x counts contiguous ones. Places outside the tensor are zero.
__device__ inline void copy_box(uint32_t to, const CUtensorMap* map, uint32_t barrier, int x, int y, int z) {
  asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5}], [%2];" ::"r"(to),
               "l"(reinterpret_cast<uint64_t>(map)), "r"(barrier), "r"(x), "r"(y), "r"(z)
               : "memory");
}
/// The same box to the same place of every block in `blocks`; each one's barrier hears of its bytes.
__device__ inline void copy_box_to_all(uint32_t to, const CUtensorMap* map, uint32_t barrier, int x, int y, int z, uint16_t blocks) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%3, %4, %5}], [%2], %6;" ::"r"(to),
      "l"(reinterpret_cast<uint64_t>(map)), "r"(barrier), "r"(x), "r"(y), "r"(z), "h"(blocks)
      : "memory");
}

/// 16 bytes by an ordinary asynchronous copy; zeros if not `exists` (then nothing is read).
__device__ inline void copy_16_or_zero(uint32_t to, const void* from, bool exists) {
  asm volatile("cp.async.cg.shared.global.L2::256B [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(exists ? 16 : 0) : "memory");
}
/// One arrival at `barrier` when all of this thread's copies so far are done; it is one of those that the barrier was made for.
__device__ inline void barrier_arrive_after_copies(uint32_t barrier) {
  asm volatile("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" ::"r"(barrier) : "memory");
}
__device__ inline void copies_wait() { asm volatile("cp.async.wait_all;" ::: "memory"); }

/// What this thread wrote to shared memory by ordinary means, or saw there through a barrier, becomes visible to TMA and wgmma.
__device__ inline void fence_for_async_proxy() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// ----------------------------------------------------------------------------------------------------- clusters and registers

__device__ inline uint32_t cluster_rank() {
  uint32_t rank;
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}
__device__ inline uint32_t cluster_number() {
  uint32_t number;
  asm volatile("mov.u32 %0, %%clusterid.x;" : "=r"(number));
  return number;
}
/// Four numbers from the same place of shared memory of the cluster's block `rank`.
__device__ inline float4 load_from(uint32_t address, uint32_t rank) {
  float4 x;
  asm volatile(
      "{\n"
      ".reg .b32 there;\n"
      "mapa.shared::cluster.u32 there, %4, %5;\n"
      "ld.shared::cluster.v4.f32 {%0, %1, %2, %3}, [there];\n"
      "}"
      : "=f"(x.x), "=f"(x.y), "=f"(x.z), "=f"(x.w)
      : "r"(address), "r"(rank)
      : "memory");
  return x;
}
/// Meeting of a cluster's blocks, in two parts: what was written before the first is seen after the second.
__device__ inline void cluster_arrive() { asm volatile("barrier.cluster.arrive.release;" ::: "memory"); }
__device__ inline void cluster_wait() { asm volatile("barrier.cluster.wait.acquire;" ::: "memory"); }
__device__ inline void cluster_meet() {
  cluster_arrive();
  cluster_wait();
}
/// Four numbers to the same place of shared memory of the cluster's block `rank`, whose barrier hears of their 16 bytes: whoever waits for it there sees them.
__device__ inline void send_at(uint32_t address, uint32_t barrier, uint32_t rank, float4 x) {
  asm volatile(
      "{\n"
      ".reg .b32 there, informed;\n"
      "mapa.shared::cluster.u32 there, %0, %2;\n"
      "mapa.shared::cluster.u32 informed, %1, %2;\n"
      "st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v4.f32 [there], {%3, %4, %5, %6}, [informed];\n"
      "}" ::"r"(address),
      "r"(barrier), "r"(rank), "f"(x.x), "f"(x.y), "f"(x.z), "f"(x.w)
      : "memory");
}
template <int REGISTERS>
__device__ inline void give_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(REGISTERS));
}
template <int REGISTERS>
__device__ inline void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(REGISTERS));
}

// ------------------------------------------------------------------------------------------------------------------ products

/// The description of a matrix in shared memory, swizzled in 128-byte rows, to which descriptor_address of its first byte is added.
/// k-major: rows of 64 k, 128 bytes apart; groups of 8 rows are 1024 bytes apart; the 16 next k are 32 bytes on.
/// Else: rows of 64 of the other index, one for each k, 128 bytes apart; groups of 8 k are 1024 bytes apart, the next 64 of the
/// other index `atom_bytes`; the 16 next k are 2048 bytes on.
constexpr uint64_t matrix_descriptor(bool k_major, uint32_t atom_bytes) {
  const uint64_t leading = k_major ? 1 : atom_bytes >> 4, stride = 1024 >> 4, swizzle_128 = 1;
  return leading << 16 | stride << 32 | swizzle_128 << 62;
}
/// A description's address field. In a cluster an address carries the block's rank in its high bits, which are other fields here.
__device__ inline uint64_t descriptor_address(uint32_t address) { return (address & 0x3ffff) >> 4; }
constexpr uint32_t descriptor_step(bool k_major) { return (k_major ? 32 : 2048) >> 4; }

__device__ inline void products_begin() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ inline void products_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int PENDING>
__device__ inline void products_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(PENDING) : "memory");
}
/// Sums are not to be read, moved or copied before this point.
template <int COUNT>
__device__ inline void pin(float (&sums)[COUNT]) {
#pragma unroll
  for (int i = 0; i < COUNT; ++i) asm volatile("" : "+f"(sums[i])::"memory");
}

#define MLAC_NAMES_0 "%0, %1, %2, %3, %4, %5, %6, %7" ", " "%8, %9, %10, %11, %12, %13, %14, %15" ", " "%16, %17, %18, %19, %20, %21, %22, %23" ", " "%24, %25, %26, %27, %28, %29, %30, %31"
#define MLAC_NAMES_1 "%32, %33, %34, %35, %36, %37, %38, %39" ", " "%40, %41, %42, %43, %44, %45, %46, %47" ", " "%48, %49, %50, %51, %52, %53, %54, %55" ", " "%56, %57, %58, %59, %60, %61, %62, %63"
#define MLAC_NAMES_2 "%64, %65, %66, %67, %68, %69, %70, %71" ", " "%72, %73, %74, %75, %76, %77, %78, %79" ", " "%80, %81, %82, %83, %84, %85, %86, %87" ", " "%88, %89, %90, %91, %92, %93, %94, %95"
#define MLAC_NAMES_3 "%96, %97, %98, %99, %100, %101, %102, %103" ", " "%104, %105, %106, %107, %108, %109, %110, %111" ", " "%112, %113, %114, %115, %116, %117, %118, %119" ", " "%120, %121, %122, %123, %124, %125, %126, %127"
#define MLAC_SUMS_4(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define MLAC_SUMS_8(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), "+f"(d[i + 7])
#define MLAC_SUMS_16(i) MLAC_SUMS_8(i), MLAC_SUMS_8(i + 8)
#define MLAC_SUMS_32(i) MLAC_SUMS_16(i), MLAC_SUMS_16(i + 16)
#define MLAC_PRODUCT(N, NAMES, A, B, KEEP, TA, TB, ...)                                                                   \
  asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, " KEEP ", 0;\nwgmma.mma_async.sync.aligned.m64n" N "k16.f32.bf16.bf16 {" \
               NAMES "}, " A ", " B ", p, 1, 1, " TA ", " TB ";\n}"                                                     \
               : __VA_ARGS__                                                                                              \
               : "l"(a), "l"(b), "r"(keep), "n"(A_BY_M), "n"(B_BY_N))

/// d (64 x N, m64nNk16's fragment) = A · B, added to d if `keep`. A_BY_M, B_BY_N: the operand is not k-major.
/// Lane l of warp w holds in d[4 j + 2 h + e] the sum at row 16 w + 8 h + l / 4, column 8 j + 2 (l % 4) + e.
template <int N, int A_BY_M, int B_BY_N>
__device__ inline void multiply(float (&d)[N / 2], uint64_t a, uint64_t b, int keep) {
  static_assert(N == 8 || N == 16 || N == 32 || N == 64 || N == 96 || N == 128 || N == 192 || N == 256, "widths of tiles");
  if constexpr (N == 8)
    MLAC_PRODUCT("8", "%0, %1, %2, %3", "%4", "%5", "%6", "%7", "%8", MLAC_SUMS_4(0));
  else if constexpr (N == 16)
    MLAC_PRODUCT("16", "%0, %1, %2, %3, %4, %5, %6, %7", "%8", "%9", "%10", "%11", "%12", MLAC_SUMS_8(0));
  else if constexpr (N == 32)
    MLAC_PRODUCT("32", "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15", "%16", "%17", "%18", "%19", "%20", MLAC_SUMS_16(0));
  else if constexpr (N == 96)
    MLAC_PRODUCT("96", MLAC_NAMES_0 ", " "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47",
                 "%48", "%49", "%50", "%51", "%52", MLAC_SUMS_32(0), MLAC_SUMS_16(32));
  else if constexpr (N == 64)
    MLAC_PRODUCT("64", MLAC_NAMES_0, "%32", "%33", "%34", "%35", "%36", MLAC_SUMS_32(0));
  else if constexpr (N == 128)
    MLAC_PRODUCT("128", MLAC_NAMES_0 ", " MLAC_NAMES_1, "%64", "%65", "%66", "%67", "%68", MLAC_SUMS_32(0), MLAC_SUMS_32(32));
  else if constexpr (N == 192)
    MLAC_PRODUCT("192", MLAC_NAMES_0 ", " MLAC_NAMES_1 ", " MLAC_NAMES_2, "%96", "%97", "%98", "%99", "%100", MLAC_SUMS_32(0), MLAC_SUMS_32(32),
                 MLAC_SUMS_32(64));
  else
    MLAC_PRODUCT("256", MLAC_NAMES_0 ", " MLAC_NAMES_1 ", " MLAC_NAMES_2 ", " MLAC_NAMES_3, "%128", "%129", "%130", "%131", "%132", MLAC_SUMS_32(0),
                 MLAC_SUMS_32(32), MLAC_SUMS_32(64), MLAC_SUMS_32(96));
}
#undef MLAC_PRODUCT
#undef MLAC_SUMS_32
#undef MLAC_SUMS_16
#undef MLAC_SUMS_8
#undef MLAC_SUMS_4
#undef MLAC_NAMES_0
#undef MLAC_NAMES_1
#undef MLAC_NAMES_2
#undef MLAC_NAMES_3

}  // namespace hopper
}  // namespace mlac
