// Threads and their scratch memory.
//
// Determinism rests on one rule: which thread runs which part of a loop may never matter. parallel_for's bodies therefore write to
// different places, and a sum that several of them contribute to goes through row_chunks, whose partition depends on the shape alone.
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "real.h"

namespace mlac {

/// Bytes of scratch memory that each thread has while kernels run. Fixed, so that the memory plan can count it.
constexpr int64_t SCRATCH_BYTES = int64_t{4} << 20;

namespace detail {

inline int threads = 1;

struct Slab {
  char* memory = nullptr;
  ~Slab() { std::free(memory); }
};

// A thread owns its slab, so that sessions that run side by side do not meet.
inline Slab& slab() {
  static thread_local Slab own;
  return own;
}

}  // namespace detail

/// This thread's SCRATCH_BYTES, 64-byte aligned; null if memory has run out. What lies there is lost at the next call of a function of
/// this library.
inline char* scratch() {
  detail::Slab& slab = detail::slab();
  if (!slab.memory) slab.memory = static_cast<char*>(std::aligned_alloc(4096, SCRATCH_BYTES));
  return slab.memory;
}

/// From now on parallel_for uses `threads` threads. Takes SCRATCH_BYTES for each, or throws std::bad_alloc.
inline void scratch_open(int threads) {
  detail::threads = threads;
  bool missing = false;
#pragma omp parallel num_threads(threads) reduction(|| : missing)
  missing = !scratch();
  if (missing) throw std::bad_alloc();
}

/// Gives the scratch memory back. Whoever still needs it takes it anew.
inline void scratch_close() {
#pragma omp parallel num_threads(detail::threads)
  {
    std::free(detail::slab().memory);
    detail::slab().memory = nullptr;
  }
}

/// Calls body(i) for each i < count, on all threads, in any order. Inside another parallel_for it runs in the calling thread.
template <class Body>
void parallel_for(int64_t count, Body&& body) {
  if (count == 1 || omp_in_parallel()) {
    for (int64_t i = 0; i < count; i++) body(i);
    return;
  }
  // Short bodies are handed out several at a time, yet in enough portions to keep the threads equally busy.
  const int64_t portion = std::max<int64_t>(1, count / (16 * detail::threads));
  // The number of threads is said here and not set once: OpenMP keeps that setting per calling thread.
#pragma omp parallel for schedule(dynamic, portion) num_threads(detail::threads)
  for (int64_t i = 0; i < count; i++) body(i);
}

/// A partition of rows into at most MOST nearly equal chunks that depends on nothing but their number. A sum over rows is taken chunk
/// by chunk in parallel, into partial[chunk][…], and the partial sums are then added in the order of the chunks.
struct RowChunks {
  static constexpr int64_t MOST = 64;
  static constexpr int64_t FEWEST_ROWS = 32;  // fewer rows than this are not worth a chunk of their own

  int64_t rows;
  int64_t count;

  int64_t begin(int64_t chunk) const { return rows * chunk / count; }
  int64_t end(int64_t chunk) const { return rows * (chunk + 1) / count; }
};

inline RowChunks row_chunks(int64_t rows) { return {rows, std::clamp<int64_t>(rows / RowChunks::FEWEST_ROWS, 1, RowChunks::MOST)}; }

}  // namespace mlac
