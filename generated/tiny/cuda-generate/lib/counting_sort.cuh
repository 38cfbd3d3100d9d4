/*
 * A stable counting sort of keys 0 … BINS − 1, in three steps that the callers' kernels are made of:
 *   count   one block per chunk of keys: how often each key occurs in it                        counts[chunk][bin]
 *   scan    one block: where each chunk's first of each key goes                                 counts[chunk][bin] becomes a position
 *   place   one block per chunk: each warp takes consecutive keys, 32 at a time, so that equal keys stay in their order
 * Atomics only count, in shared memory: which comes first never depends on them.
 */
#pragma once

#include "kernel.cuh"

namespace mlac {

constexpr int SORT_WARPS = 8;
constexpr int SORT_THREADS = SORT_WARPS * WARP;
constexpr int SCAN_THREADS = 1024;

/// Counts the keys of one chunk, key(begin) to key(end − 1). All threads of the block call it.
template <int BINS, typename Key>
__device__ void count_chunk(int64_t begin, int64_t end, int32_t (&count)[BINS], int32_t* counts, Key key) {
  for (int bin = threadIdx.x; bin < BINS; bin += blockDim.x) count[bin] = 0;
  __syncthreads();
  for (int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) atomicAdd(&count[key(i)], 1);
  __syncthreads();
  for (int bin = threadIdx.x; bin < BINS; bin += blockDim.x) counts[bin] = count[bin];
}

/// The chunks that one thread of a scan walks, for one bin: neighbouring threads take neighbouring bins.
template <int BINS>
struct ScanShare {
  static_assert(BINS <= SCAN_THREADS, "a scan has a thread for each bin");
  static constexpr int SEGMENTS = SCAN_THREADS / BINS;
  int bin, segment;
  int64_t begin, end;
  __device__ explicit ScanShare(int64_t chunks) : bin(threadIdx.x % BINS), segment(threadIdx.x / BINS) {
    const int64_t each = ceil_div(chunks, SEGMENTS);
    begin = segment < SEGMENTS ? min(chunks, segment * each) : chunks;
    end = segment < SEGMENTS ? min(chunks, begin + each) : chunks;
  }
};

/// Turns counts[chunk][bin] into positions. first[bin] is where the bin begins, first[BINS] the number of keys. A block of SCAN_THREADS.
template <int BINS>
__device__ void scan_counts(int64_t chunks, int32_t* counts, int32_t (&partial)[SCAN_THREADS], int32_t (&first)[BINS + 1]) {
  const ScanShare<BINS> mine(chunks);
  int32_t sum = 0;
#pragma unroll 8
  for (int64_t chunk = mine.begin; chunk < mine.end; ++chunk) sum += counts[chunk * BINS + mine.bin];
  partial[threadIdx.x] = sum;
  __syncthreads();

  if (threadIdx.x < BINS) {
    int32_t run = 0;
    for (int segment = 0; segment < ScanShare<BINS>::SEGMENTS; ++segment) {
      const int32_t n = partial[segment * BINS + threadIdx.x];
      partial[segment * BINS + threadIdx.x] = run;
      run += n;
    }
    first[threadIdx.x] = run;
  }
  __syncthreads();

  if (threadIdx.x < WARP) {
    const int lane = threadIdx.x;
    int32_t before = 0;
    for (int base = 0; base < BINS; base += WARP) {
      const int32_t n = base + lane < BINS ? first[base + lane] : 0;
      int32_t through = n;
#pragma unroll
      for (int step = 1; step < WARP; step *= 2) {
        const int32_t left = __shfl_up_sync(0xffffffffu, through, step);
        if (lane >= step) through += left;
      }
      if (base + lane < BINS) first[base + lane] = before + through - n;
      before += __shfl_sync(0xffffffffu, through, WARP - 1);
    }
    if (lane == 0) first[BINS] = before;
  }
  __syncthreads();

  int32_t run = first[mine.bin] + partial[threadIdx.x];
#pragma unroll 8
  for (int64_t chunk = mine.begin; chunk < mine.end; ++chunk) {
    const int32_t n = counts[chunk * BINS + mine.bin];
    counts[chunk * BINS + mine.bin] = run;
    run += n;
  }
}

/// put(i, position) for each key of one chunk, whose first of each bin goes to positions[bin]. A block of SORT_THREADS.
template <int BINS, typename Key, typename Put>
__device__ void place_chunk(int64_t begin, int64_t end, const int32_t* positions, int32_t (&place)[SORT_WARPS][BINS], Key key, Put put) {
  const int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
  for (int i = threadIdx.x; i < SORT_WARPS * BINS; i += SORT_THREADS) place[i / BINS][i % BINS] = 0;
  __syncthreads();

  // What each warp will place, so that the later warps know where to begin.
  const int64_t each = ceil_div(ceil_div(end - begin, SORT_WARPS), WARP) * WARP;
  const int64_t from = begin + warp * each, to = min(end, from + each);
  for (int64_t i = from + lane; i < to; i += WARP) atomicAdd(&place[warp][key(i)], 1);
  __syncthreads();
  for (int bin = threadIdx.x; bin < BINS; bin += SORT_THREADS) {
    int32_t run = positions[bin];
#pragma unroll
    for (int w = 0; w < SORT_WARPS; ++w) {
      const int32_t n = place[w][bin];
      place[w][bin] = run;
      run += n;
    }
  }
  __syncthreads();

  for (int64_t base = from; base < to; base += WARP) {
    const int64_t i = base + lane;
    const bool exists = i < to;
    const int32_t bin = exists ? key(i) : -1;
    const unsigned equals = __match_any_sync(0xffffffffu, bin);
    const int rank = __popc(equals & ((1u << lane) - 1));
    const int32_t position = exists ? place[warp][bin] : 0;
    __syncwarp();
    if (exists && rank == 0) place[warp][bin] = position + __popc(equals);
    __syncwarp();
    if (exists) put(i, position + rank);
  }
}

}  // namespace mlac
