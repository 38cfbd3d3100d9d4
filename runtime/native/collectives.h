// What ranks do together: one interface, with MPI behind it on processors (mpi.cpp) and NCCL on GPUs (cuda/nccl.cu).
//
// All ranks call the same functions in the same order. reduce and gather only begin: their work goes on behind the caller's, in order, and
// `wait` is where the caller needs it done. Whatever cannot be done is thrown as a std::exception with a sentence; afterwards everything throws.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mlac {

enum class Number { f32, f64, bf16, i32 };

inline int64_t bytes_of(Number number) { return number == Number::f64 ? 8 : number == Number::bf16 ? 2 : 4; }

/// Numbers that every rank has, at the same place in its arena. Those from bounds[r]·each to bounds[r + 1]·each belong to rank r.
struct Shared {
  char* at;
  Number number;
  const int64_t* bounds;
  int64_t each;

  int64_t begin(int rank) const { return bounds[rank] * each; }
  int64_t count(int rank) const { return (bounds[rank + 1] - bounds[rank]) * each; }
  char* part(int rank) const { return at + begin(rank) * bytes_of(number); }
};

/// Bytes that this rank has had to give to others.
struct Sent {
  double all = 0, gradients = 0;
};

class Collectives {
 public:
  virtual ~Collectives() = default;

  /// Each owner gets the sums over all ranks of what it owns, added in an order that is always the same; the rest is of no use afterwards.
  /// What was put on its way for the caller before is waited for. `name` is for people.
  virtual void reduce(const std::vector<Shared>& parts, const char* name) = 0;
  /// Everybody gets what the owners have.
  virtual void gather(const std::vector<Shared>& parts, const char* name) = 0;
  /// All ranks get the sums, the same bits each. Done when it returns, as far as the caller's next work goes.
  virtual void sum(void* values, int64_t count, Number number, const char* name) = 0;
  /// What rank `from` has at `at` comes to rank 0, at its own `at`; for the others nothing is to be done. Done when it returns.
  virtual void to_first(int from, void* at, int64_t count, Number number, const char* name) = 0;
  /// Until everything that was begun is done, as far as the caller's next work goes.
  virtual void wait() = 0;

  virtual Sent sent() const = 0;
  /// From any thread: the collective in progress, its number, and what it waits for, separated by tabs.
  virtual std::string where() const = 0;
  /// From any thread: whoever waits gives up, and everything throws from then on.
  virtual void abort() = 0;
};

}  // namespace mlac
