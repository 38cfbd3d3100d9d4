// Drawing a token: what a cluster's blocks know of a row of logits, and sums over all of them. sample.cuh has the picture.
#pragma once

#include <cstring>

#include "kernel.cuh"

namespace mlac {
namespace sampling {

constexpr int THREADS = 512, WARPS = THREADS / WARP, DIGITS = 16, BLOCKS = 8;  // blocks: of a row, in a cluster
constexpr double UNIT = 1099511627776.;                                      // 2^40

struct Arguments {
  int64_t vocabulary;
  int part;     // ids of a block
  bool keeps;   // whether a part fits into shared memory
  const float* logits;
  const double* temperature;
  const int32_t* top_k;
  const double* top_p;
  const uint64_t* seed;
  const int64_t* step;
  const int32_t* slot;
  int32_t* sampled;
  double* log_probability;
};

/// Floats as unsigned integers in the same order.
__device__ inline uint32_t order_of(float x) {
  const uint32_t bits = __float_as_uint(x == 0.f ? 0.f : x);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

#ifdef MLAC_HOPPER
__device__ inline int blocks_of_row() { return BLOCKS; }
__device__ inline int rank_of_block() {
  uint32_t rank;
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return int(rank);
}
__device__ inline void meet() { asm volatile("barrier.cluster.arrive.release;\nbarrier.cluster.wait.acquire;" ::: "memory"); }
/// The same place of shared memory in another block of the row.
template <typename T>
__device__ inline T of_block(const T* own, int rank) {
  static_assert(sizeof(T) == 8);
  uint64_t x;
  asm volatile(
      "{\n"
      ".reg .b32 there;\n"
      "mapa.shared::cluster.u32 there, %1, %2;\n"
      "ld.shared::cluster.u64 %0, [there];\n"
      "}"
      : "=l"(x)
      : "r"(uint32_t(__cvta_generic_to_shared(own))), "r"(rank)
      : "memory");
  T out;
  memcpy(&out, &x, 8);
  return out;
}
#else
__device__ inline int blocks_of_row() { return 1; }
__device__ inline int rank_of_block() { return 0; }
__device__ inline void meet() { __syncthreads(); }
template <typename T>
__device__ inline T of_block(const T* own, int) { return *own; }
#endif

/// Numbers that the blocks of a row have in common. Two sets take turns, so that one meeting is enough for each.
struct Common {
  unsigned long long bins[2][2 * WARPS], digits[WARPS][DIGITS];
  double of_warp[WARPS];
  double number[2];
};

/// What all threads of a block know of their row.
struct Row {
  const Arguments& a;
  const float* logits;  // of the block's part
  int count, rank, turn = 0;
  Common& common;

  __device__ Row(const Arguments& a, float* kept, Common& common) : a(a), rank(rank_of_block()), common(common) {
    const int64_t row = blockIdx.x / blocks_of_row(), begin = int64_t(rank) * a.part;
    const float* from = a.logits + row * a.vocabulary + begin;
    count = int(max(int64_t(0), min(int64_t(a.part), a.vocabulary - begin)));
    logits = a.keeps ? kept : from;
    if (a.keeps)
      for (int i = threadIdx.x; i < count; i += THREADS) kept[i] = from[i];
    __syncthreads();
  }

  /// join over all threads of all blocks, in one order.
  template <typename Join>
  __device__ double joined(double x, const Join& join) {
#pragma unroll
    for (int step = WARP / 2; step > 0; step /= 2) x = join(x, __shfl_xor_sync(0xffffffffu, x, step));
    __syncthreads();
    if (threadIdx.x % WARP == 0) common.of_warp[threadIdx.x / WARP] = x;
    __syncthreads();
    if (threadIdx.x == 0) {
      for (int w = 1; w < WARPS; ++w) x = join(x, common.of_warp[w]);
      common.number[turn] = x;
    }
    meet();
    x = of_block(&common.number[turn], 0);
    for (int block = 1; block < blocks_of_row(); ++block) x = join(x, of_block(&common.number[turn], block));
    turn ^= 1;
    return x;
  }

  /// The order of the logit at which the sum of `value`, from the largest logit down, reaches `wanted`; `above`: the sum over larger ones. Four bits
  /// of the order at a time: how much is at or above each of their 16 values.
  template <typename Value>
  __device__ uint32_t threshold(unsigned long long wanted, unsigned long long& above, const Value& value) {
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    uint32_t prefix = 0;
    above = 0;
#pragma unroll 1
    for (int shift = 28; shift >= 0; shift -= 4) {
      unsigned long long own[DIGITS] = {};
      for (int i = threadIdx.x; i < count; i += THREADS) {
        const uint32_t key = order_of(logits[i]);
        if (shift < 28 && key >> (shift + 4) != prefix) continue;
        const unsigned long long x = value(logits[i]);
        const uint32_t digit = key >> shift & (DIGITS - 1);
#pragma unroll
        for (int d = 0; d < DIGITS; ++d)
          if (digit >= d) own[d] += x;
      }
#pragma unroll
      for (int d = 0; d < DIGITS; ++d) {
#pragma unroll
        for (int step = WARP / 2; step > 0; step /= 2) own[d] += __shfl_xor_sync(0xffffffffu, own[d], step);
        if (lane == d) common.digits[warp][d] = own[d];
      }
      __syncthreads();
      if (threadIdx.x < DIGITS) {
        unsigned long long sum = 0;
        for (int w = 0; w < WARPS; ++w) sum += common.digits[w][threadIdx.x];
        common.bins[turn][threadIdx.x] = sum;
      }
      meet();
      unsigned long long from_here = 0;  // lane d: at or above d, of all blocks
      for (int block = 0; block < blocks_of_row(); ++block) from_here += of_block(&common.bins[turn][lane % DIGITS], block);
      turn ^= 1;
      const unsigned reaches = __ballot_sync(0xffffffffu, lane < DIGITS && above + from_here >= wanted);
      const int digit = reaches ? 31 - __clz(reaches) : 0;
      const unsigned long long larger = __shfl_sync(0xffffffffu, from_here, digit + 1);
      above += digit + 1 < DIGITS ? larger : 0;
      prefix = prefix << 4 | uint32_t(digit);
    }
    return prefix;
  }
};

}  // namespace sampling
}  // namespace mlac
