// What one rank does for an update: its own part of the work, and what it tells the others. A process without others is the one rank there is,
// which owns everything.
#pragma once

#include <chrono>
#include <initializer_list>
#include <memory>
#include <vector>

#include "collectives.h"
#include "lib/optimizer.h"
#include "model.h"

namespace mlac {

class Rank {
 public:
  /// `together` null: there are no others.
  Rank(char* arena, Shares shares, std::unique_ptr<Collectives> together) : shares(std::move(shares)), together(std::move(together)), arena(arena) {}

  /// The gradients of a bucket go to their owners, behind what follows. `round`: of the loops around, all together.
  void gradients_final(int64_t bucket, int64_t round) {
    std::vector<Shared> parts;
    for (int64_t m = 0; m < BUCKET_MEMBER_COUNT; ++m) {
      const BucketMember& member = BUCKET_MEMBERS[m];
      if (member.bucket == bucket) add_slices(parts, member.trained, TRAINED[member.trained].gradient, round * member.slices, member.slices);
    }
    together->reduce(parts, BUCKET_NAMES[bucket]);
  }

  /// The weights of these parameters are what they will be in the next step: everybody gets them from their owners, behind what follows.
  void weights_final(std::initializer_list<int64_t> moved) {
    if (!together) return;
    std::vector<Shared> parts;
    for (int64_t t : moved) add_slices(parts, t, TRAINED[t].weight, 0, TRAINED[t].slices);
    together->gather(parts, "weights");
  }

  /// Of all gradients, each counted by its owner.
  double sum_of_squares() {
    double squares = 0;
    for (int64_t t = 0; t < TRAINED_COUNT; ++t)
      for (const Piece& piece : shares.pieces(t)) squares += mlac::sum_of_squares(reals(TRAINED[t].gradient) + piece.begin, piece.count);
    if (together) waiting([&] { together->sum(&squares, 1, Number::f64, "the norm of the gradients"); });
    return squares;
  }

  void sum(int32_t* counts, int64_t count) {
    if (together) waiting([&] { together->sum(counts, count, Number::i32, "expert loads"); });
  }

  struct Ruled {
    int64_t trained;
    Muon rule;
  };
  /// Of these parameters, the matrices that this rank owns.
  std::vector<Matrices> matrices(std::initializer_list<Ruled> parameters) const {
    std::vector<Matrices> own;
    for (const Ruled& p : parameters) {
      const Trained& t = TRAINED[p.trained];
      for (const Piece& piece : shares.pieces(p.trained))
        own.push_back({reals(t.weight) + piece.begin, reals(shares.state(p.trained, 0)) + piece.state, reals(t.gradient) + piece.begin, piece.count / t.elements, p.rule});
    }
    return own;
  }

  /// Moves the numbers of a parameter that this rank owns.
  void adamw(int64_t trained, const AdamW& rule, int64_t step, double scale) const {
    const Trained& t = TRAINED[trained];
    for (const Piece& piece : shares.pieces(trained))
      mlac::adamw(rule, step, scale, piece.count, reals(t.weight) + piece.begin, reals(t.gradient) + piece.begin, reals(shares.state(trained, 0)) + piece.state,
                  reals(shares.state(trained, 1)) + piece.state);
  }

  /// Until all that was begun is done.
  void wait() {
    if (together) waiting([&] { together->wait(); });
  }

  const Shares shares;
  const std::unique_ptr<Collectives> together;
  /// What `wait` and the sums took so far.
  double waited_seconds = 0;

 private:
  real* reals(int64_t byte) const { return reinterpret_cast<real*>(arena + byte); }

  void add_slices(std::vector<Shared>& parts, int64_t trained, int64_t at, int64_t first, int64_t count) const {
    const Trained& t = TRAINED[trained];
    for (int64_t slice = first; slice < first + count; ++slice)
      parts.push_back({reinterpret_cast<char*>(reals(at) + slice * t.slice()), sizeof(real) == 8 ? Number::f64 : Number::f32, shares.bounds_of(trained, slice), t.elements});
  }

  template <typename Work>
  void waiting(const Work& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    waited_seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }

  char* const arena;
};

}  // namespace mlac
