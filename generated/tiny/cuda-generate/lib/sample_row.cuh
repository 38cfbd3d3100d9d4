// Drawing a token: what a cluster's blocks know of a row of logits, and what they tell one another. sample.cuh has the picture.
#pragma once

#include <cstring>

#include "counter_random.cuh"
#include "mma.cuh"

namespace mlac {
namespace sampling {

using Whole = unsigned long long;

/// A row has BLOCKS blocks, of one cluster, and GROUPS groups of neighbouring threads, whose largest logits are known. Candidates: of few tokens to draw from.
constexpr int THREADS = 512, WARPS = THREADS / WARP, DIGITS = 16, GROUPS = 128, MOST_CANDIDATES = 1024;
#ifdef MLAC_HOPPER
constexpr int BLOCKS = 8;
#else
constexpr int BLOCKS = 1;
#endif
constexpr int GROUP_LANES = BLOCKS * THREADS / GROUPS, BLOCK_GROUPS = GROUPS / BLOCKS, ROW_WARPS = BLOCKS * WARPS;

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

/// Floats as unsigned integers in the same order, and back.
__device__ inline uint32_t order_of(float x) {
  const uint32_t bits = __float_as_uint(x == 0.f ? 0.f : x);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}
__device__ inline float logit_of(uint32_t order) { return __uint_as_float(order & 0x80000000u ? order & 0x7fffffffu : ~order); }

#ifdef MLAC_HOPPER
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
      : "r"(shared_address(own)), "r"(rank)
      : "memory");
  T out;
  memcpy(&out, &x, 8);
  return out;
}
#else
__device__ inline int rank_of_block() { return 0; }
__device__ inline void meet() { __syncthreads(); }
template <typename T>
__device__ inline T of_block(const T* own, int) { return *own; }
#endif

/// What the blocks of a row read of one another. Two sets take turns, so that one meeting is enough for each.
struct Common {
  double of_warp[2][2][WARPS];
  Whole bins[2][2 * WARPS], digits[WARPS][DIGITS];
  Whole tops[BLOCK_GROUPS], found, candidates[MOST_CANDIDATES];
};

/// What all threads of a block know of their row. A warp has ids that follow one another: `begin` to `end` - 1 of the block's part.
struct Row {
  const Arguments& a;
  const float* logits;  // of the block's part
  int row, count, rank, lane, warp, each, begin, end, turn = 0;
  float largest;
  double all;  // the sum of e^(logit - largest)
  Common& common;

  __device__ Row(const Arguments& a, float* kept, Common& common)
      : a(a), row(blockIdx.x / BLOCKS), rank(rank_of_block()), lane(threadIdx.x % WARP), warp(threadIdx.x / WARP), common(common) {
    const int64_t first = int64_t(rank) * a.part;
    const float* from = a.logits + row * a.vocabulary + first;
    count = int(max(int64_t(0), min(int64_t(a.part), a.vocabulary - first)));
    each = int(ceil_div(ceil_div(a.part, WARPS), WARP)) * WARP;
    begin = min(count, warp * each), end = min(count, begin + each);
    logits = a.keeps ? kept : from;
    if (!a.keeps) return;
    // A part's ids are a multiple of four.
    if (a.vocabulary % 4 == 0) {
      for (int i = 4 * threadIdx.x; i < count; i += 4 * THREADS) copy_async(shared_address(kept + i), from + i, 16);
      commit_copies();
      copies_done<0>();
    } else {
#pragma unroll 8
      for (int i = threadIdx.x; i < count; i += THREADS) kept[i] = from[i];
    }
    __syncthreads();
  }

  /// A number of each warp, the same in all its lanes, for all blocks of the row to see after they have met.
  __device__ void leave(int which, double x) {
    if (lane == 0) common.of_warp[turn][which][warp] = x;
  }
  /// join over what all warps left, in one order; `nothing` changes nothing.
  template <typename Join>
  __device__ double join_left(int which, double nothing, const Join& join) const {
    double x = nothing;
    for (int w = lane; w < ROW_WARPS; w += WARP) x = join(x, of_block(&common.of_warp[turn][which][w % WARPS], w / WARPS));
    return of_lanes(x, join);
  }
  template <typename T, typename Join>
  static __device__ T of_lanes(T x, const Join& join) {
#pragma unroll
    for (int step = WARP / 2; step > 0; step /= 2) x = join(x, __shfl_xor_sync(0xffffffffu, x, step));
    return x;
  }
  __device__ static double sum(double x, double y) { return x + y; }
  __device__ static Whole sum_of_wholes(Whole x, Whole y) { return x + y; }

  /// Of whole numbers, over all threads of all blocks.
  __device__ Whole total(Whole x) {
    // In two halves, each of which a double holds exactly.
    x = of_lanes(x, sum_of_wholes);
    leave(0, double(x & 0xffffffffu)), leave(1, double(x >> 32));
    meet();
    const Whole low = Whole(join_left(0, 0, sum)), high = Whole(join_left(1, 0, sum));
    turn ^= 1;
    return (high << 32) + low;
  }

  /// The largest logit. False where none is: there is NaN or an infinity.
  __device__ bool find_largest() {
    float own = -INFINITY;
    bool finite = true;
#pragma unroll 8
    for (int i = begin + lane; i < end; i += WARP) {
      const float x = logits[i];
      finite = finite && x < INFINITY;  // NaN is not
      own = fmaxf(own, x);
    }
    if (!finite) own = INFINITY;
    const float of_group = max_of_lanes<GROUP_LANES>(own);
    if (threadIdx.x % GROUP_LANES == 0) common.tops[threadIdx.x / GROUP_LANES] = order_of(of_group);
    leave(0, max_of_lanes(own));
    meet();
    largest = float(join_left(0, -INFINITY, [](double x, double y) { return x > y ? x : y; }));
    turn ^= 1;
    return fabsf(largest) < INFINITY;
  }

  /// Sums up the exponentials; gives the first id of the largest logit.
  __device__ int64_t sum_exponentials() {
    double exponentials = 0;
    int first = INT32_MAX;
#pragma unroll 8
    for (int i = begin + lane; i < end; i += WARP) {
      const float x = logits[i] - largest;
      exponentials += double(expf(x));
      if (x == 0 && i < first) first = i;
    }
    leave(0, of_lanes(exponentials, sum));
    const auto smaller = [](double x, double y) { return x < y ? x : y; };
    leave(1, of_lanes(first == INT32_MAX ? double(INFINITY) : double(int64_t(rank) * a.part + first), smaller));
    meet();
    all = join_left(0, 0, sum);
    const int64_t id = int64_t(join_left(1, INFINITY, smaller));
    turn ^= 1;
    return id;
  }

  __device__ void answer(int64_t id, float logit) const { a.sampled[row] = int32_t(id), a.log_probability[row] = double(logit) - double(largest) - ::log(all); }

  /// The order of the logit at which the sum of `value`, from the largest logit down, reaches `wanted`; `above`: the sum over larger ones. Four bits
  /// of the order at a time: how much is at or above each of their 16 values.
  template <typename Value>
  __device__ uint32_t threshold(Whole wanted, Whole& above, const Value& value) {
    uint32_t prefix = 0;
    above = 0;
#pragma unroll 1
    for (int shift = 28; shift >= 0; shift -= 4) {
      Whole own[DIGITS] = {};
      for (int i = begin + lane; i < end; i += WARP) {
        const uint32_t key = order_of(logits[i]);
        if (shift < 28 && key >> (shift + 4) != prefix) continue;
        const Whole x = value(logits[i]);
        const uint32_t digit = key >> shift & (DIGITS - 1);
#pragma unroll
        for (int d = 0; d < DIGITS; ++d)
          if (digit >= d) own[d] += x;
      }
#pragma unroll
      for (int d = 0; d < DIGITS; ++d) {
        own[d] = of_lanes(own[d], sum_of_wholes);
        if (lane == d) common.digits[warp][d] = own[d];
      }
      __syncthreads();
      if (threadIdx.x < DIGITS) {
        Whole sum = 0;
#pragma unroll
        for (int w = 0; w < WARPS; ++w) sum += common.digits[w][threadIdx.x];
        common.bins[turn][threadIdx.x] = sum;
      }
      meet();
      Whole from_here = 0;  // lane d: at or above d, of all blocks
      for (int block = 0; block < BLOCKS; ++block) from_here += of_block(&common.bins[turn][lane % DIGITS], block);
      turn ^= 1;
      const unsigned reaches = __ballot_sync(0xffffffffu, lane < DIGITS && above + from_here >= wanted);
      const int digit = reaches ? 31 - __clz(reaches) : 0;
      const Whole larger = __shfl_sync(0xffffffffu, from_here, digit + 1);
      above += digit + 1 < DIGITS ? larger : 0;
      prefix = prefix << 4 | uint32_t(digit);
    }
    return prefix;
  }
};

/// What a logit weighs: e^((logit - largest) / temperature), in whole numbers of 2^-40.
struct Weight {
  float largest, scale;
  __device__ Weight(float largest, double temperature) : largest(largest), scale(float(fmin(1 / temperature, 1e38))) {}
  __device__ Whole operator()(float logit) const { return Whole(__float2ll_rn(0x1p40f * expf(fmaxf((logit - largest) * scale, -100.f)))); }
};

/// The running sum of weights at which a draw from `total` stands.
__device__ inline Whole wanted_of(const Arguments& a, int row, Whole total) {
  return max(Whole(1), Whole(__double2ll_ru(uniform(mix(a.seed[row]), uint64_t(a.step[row])) * double(total))));
}

}  // namespace sampling
}  // namespace mlac
