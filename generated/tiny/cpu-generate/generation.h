// What the emitted generate.cpp gives to generator.cpp: one model, built for generating. decode.h says what the sizes are.
#pragma once

#include <cstdint>

#include "lib/real.h"

namespace mlac {

/// A weight that callers may read and write: a place in the arena, in bytes.
struct Weight {
  const char* name;
  int64_t offset, bytes;
};

extern const int64_t ARENA_BYTES, CACHE_AT, CACHE_BYTES;
extern const int64_t ROWS, SEQUENCES, WINDOW, SLOTS, CONTEXT, VOCABULARY;
extern const Weight WEIGHTS[];
extern const int64_t WEIGHT_COUNT;

/// tokens [SEQUENCES, WINDOW]; `position` is each sequence's last; logits [SEQUENCES, VOCABULARY].
void prefill(char* arena, const int32_t* tokens, const int32_t* slot, const int32_t* position, real* logits);

/// tokens, slot and position [ROWS]; logits [ROWS, VOCABULARY].
void decode(char* arena, const int32_t* tokens, const int32_t* slot, const int32_t* position, real* logits);

}  // namespace mlac
