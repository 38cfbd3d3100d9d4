// What the emitted generate.cu gives to generator.cu: one model, built for generating. decode.h says what the sizes are; places are bytes from
// the arena's start.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "storage.h"

namespace mlac {

/// A weight that callers may read and write: `count` elements.
struct Parameter {
  const char* name;
  Storage storage;
  int64_t offset, count;
};

/// Constants that kernels read: `length` float32 at `offset`, each from its index.
struct Table {
  int64_t offset, length;
  double (*entry)(int64_t i);
};

extern const int64_t ARENA_BYTES, CACHE_AT, CACHE_BYTES;
extern const int64_t ROWS, SEQUENCES, WINDOW, SLOTS, CONTEXT, VOCABULARY;
/// What goes in: int32 [ROWS] or [SEQUENCES, WINDOW], int32 [ROWS or SEQUENCES] each. What comes out: float [ROWS or SEQUENCES, VOCABULARY].
extern const int64_t TOKENS_AT, SLOTS_AT, POSITIONS_AT, LOGITS_AT;
/// How tokens are drawn, five arrays of 8 bytes a row; and what was drawn, two of them (generator.cu).
extern const int64_t SAMPLING_AT, SAMPLED_AT;
extern const Parameter WEIGHTS[];
extern const int64_t WEIGHT_COUNT;
extern const Table TABLES[];
extern const int64_t TABLE_COUNT;

// Both only put work on the stream, and become a CUDA graph each, so nothing in them may depend on when they are called.

void prefill(cudaStream_t stream, char* arena);
void decode(cudaStream_t stream, char* arena);

}  // namespace mlac
