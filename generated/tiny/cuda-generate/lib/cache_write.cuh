// Keeping values of tokens: rows of activations to their places in a cache. compiler/ops/cacheWrite.ts says what is written.
#pragma once

#include <cuda_runtime.h>

#include "kernel.cuh"
#include "overlap.cuh"

namespace mlac {

constexpr int CACHE_THREADS = 128;

/// Values [rows length …] and their cache [slots context …], of `bytes` a token.
struct Kept {
  const void* value;
  void* cache;
  int bytes;
};
template <int COUNT>
struct AllKept {
  Kept at[COUNT];
};

template <typename Word>
__device__ inline void copy_words(char* to, const char* from, int bytes) {
  for (int i = threadIdx.x; i < bytes / int(sizeof(Word)); i += CACHE_THREADS) reinterpret_cast<Word*>(to)[i] = reinterpret_cast<const Word*>(from)[i];
}

/// Block (token of a row, row). WINDOW: tokens 0 to position[row] of `length`; else the one token at position[row].
template <int COUNT, bool WINDOW>
__global__ void __launch_bounds__(CACHE_THREADS) cache_write_kernel(const AllKept<COUNT> kept, int length, int64_t context, const int32_t* slot, const int32_t* position) {
  next_may_begin();
  inputs_ready();
  const int row = blockIdx.y, t = blockIdx.x, last = position[row];
  if (slot[row] < 0 || (WINDOW && t > last)) return;
  const int64_t from = int64_t(row) * length + t, to = slot[row] * context + (WINDOW ? t : last);
#pragma unroll
  for (int i = 0; i < COUNT; ++i) {
    const int bytes = kept.at[i].bytes;
    char* const there = static_cast<char*>(kept.at[i].cache) + to * bytes;
    const char* const here = static_cast<const char*>(kept.at[i].value) + from * bytes;
    if (bytes % 16 == 0) copy_words<uint4>(there, here, bytes);
    else if (bytes % 4 == 0) copy_words<uint32_t>(there, here, bytes);
    else copy_words<uint16_t>(there, here, bytes);
  }
}

/// cache[slot[r], position[r]] = value[r], or with WINDOW cache[slot[r], t] = value[r, t] for t ≤ position[r]. slot < 0: nothing is kept.
template <bool WINDOW, int COUNT>
cudaError_t cache_write(cudaStream_t stream, int64_t rows, int64_t length, int64_t context, const Kept (&kept)[COUNT], const int32_t* slot, const int32_t* position) {
  AllKept<COUNT> all;
  for (int i = 0; i < COUNT; ++i) all.at[i] = kept[i];
  return launch_overlapping(stream, cache_write_kernel<COUNT, WINDOW>, dim3(unsigned(length), unsigned(rows)), CACHE_THREADS, 0, 1, all, int(length), context, slot, position);
}

}  // namespace mlac
