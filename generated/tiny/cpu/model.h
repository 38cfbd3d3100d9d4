// What the emitted step.cpp and update.cpp give to session.cpp: one built model.
#pragma once

#include <cstdint>
#include <cstring>

#include "lib/real.h"
#include "shares.h"

namespace mlac {

enum class Role { parameter, state, gradient, momentum, moment1, moment2, load };

/// A tensor that callers may read and write: a place in the arena, in bytes, which optimizer state has only where there are no ranks; and
/// which slice of which trained parameter it is of, or -1.
struct Tensor {
  const char* name;
  Role role;
  int64_t offset, bytes;
  int64_t trained, slice;

  bool is_moment() const { return role == Role::momentum || role == Role::moment1 || role == Role::moment2; }
};

/// How a parameter starts: normal with this standard deviation, or, if that is 0, constant.
struct Start {
  int64_t offset, count;
  double std, value;
};

extern const int64_t SEQUENCES, LENGTH, VOCABULARY;
extern const Tensor TENSORS[];
extern const int64_t TENSOR_COUNT;
extern const Start STARTS[];
extern const int64_t START_COUNT;

class Rank;

/// `rank`: who is told which gradients are final, if anybody.
void micro_step(char* arena, const int32_t* tokens, const int32_t* targets, double loss_scale, bool first, Rank* rank, double* report);
void update(char* arena, Rank& rank, int64_t step, double rate, double clip, double* report);
void evaluate(char* arena, const int32_t* tokens, const int32_t* targets, double* report);
void predict(char* arena, const int32_t* tokens, const int32_t* at, real* logits);

/// Sums the tokens each expert got over the micro-steps of an accumulation.
inline void add_loads(const int32_t* load, int32_t* sum, int64_t count, bool first) {
  for (int64_t i = 0; i < count; ++i) sum[i] = (first ? 0 : sum[i]) + load[i];
}

}  // namespace mlac
