// What the emitted step.cu and update.cu give to session.cu: one built model. Places are bytes from the arena's start.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "shares.h"
#include "storage.h"

namespace mlac {

enum class Role { parameter, state, gradient, momentum, moment1, moment2, load };

/// A tensor that callers may read and write: `count` elements at a place that optimizer state has only where there are no ranks; and which
/// slice of which trained parameter it is of, or -1.
struct Tensor {
  const char* name;
  Role role;
  Storage storage;
  int64_t offset, remainder, count;
  int64_t trained, slice;

  bool is_moment() const { return role == Role::momentum || role == Role::moment1 || role == Role::moment2; }
};

/// How a parameter starts: normal with this standard deviation, or, if that is 0, constant.
struct Start {
  Storage storage;
  int64_t offset, remainder, count;
  double std, value;
};

/// Constants that kernels read: `length` float32 at `offset`, each from its index.
struct Table {
  int64_t offset, length;
  double (*entry)(int64_t i);
};

extern const int64_t SEQUENCES, LENGTH, VOCABULARY;
/// What goes in: int32 [B, T] each, int32 [B], float.
extern const int64_t TOKENS_AT, TARGETS_AT, POSITIONS_AT, LOSS_SCALE_AT;
/// What comes out: float [4] (loss, balance loss, norm of the gradients, nothing), float [B, V].
extern const int64_t REPORT_AT, LOGITS_AT;
/// All gradients, one behind the other, float32; zero in between.
extern const int64_t GRADIENTS_AT, GRADIENTS_BYTES;
/// What every program and the update use in their own ways: of no use to anybody in between.
extern const int64_t SHARED_AT, SHARED_BYTES;
extern const Tensor TENSORS[];
extern const int64_t TENSOR_COUNT;
extern const Start STARTS[];
extern const int64_t START_COUNT;
extern const Table TABLES[];
extern const int64_t TABLE_COUNT;

// All of these only put work on the stream. The first three become a CUDA graph each, so nothing in them may depend on when they are called.

class Rank;

/// Forward and backward; gradients are added to what is there. `rank`: who is told which gradients are final, if anybody.
void micro_step(cudaStream_t stream, char* arena, Rank* rank);
void evaluate(cudaStream_t stream, char* arena);
void predict(cudaStream_t stream, char* arena);
/// Adds this micro-step's expert loads to those of the accumulation, or begins anew with them.
void sum_loads(cudaStream_t stream, char* arena, bool first);
void update(cudaStream_t stream, char* arena, Rank& rank, int64_t step, double rate, double clip);

}  // namespace mlac
