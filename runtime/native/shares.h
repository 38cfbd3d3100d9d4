// How a model's training is shared out over ranks: which of them owns which part of each trained parameter, and where a rank keeps what it
// owns. Every rank has all weights and all gradients; the optimizer's state lies last in the arena, and only what the rank owns is there.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace mlac {

/// A trained parameter: `slices` of it, one a layer, of `units` each, of `elements` numbers each. A unit has one owner.
struct Trained {
  int64_t slices, units, elements;
  int moments;  // numbers of optimizer state to each of its own: Muon's momentum, or AdamW's two
  int64_t weight, remainder, gradient;  // bytes from the arena's start; remainder -1: weights are whole

  int64_t slice() const { return units * elements; }
};

/// In each round of the loops around it, a bucket's gradients of so many slices of a trained parameter become final.
struct BucketMember {
  int64_t bucket, trained, slices;
};

extern const Trained TRAINED[];
extern const int64_t TRAINED_COUNT;
extern const BucketMember BUCKET_MEMBERS[];
extern const int64_t BUCKET_MEMBER_COUNT;
extern const char* const BUCKET_NAMES[];
extern const int64_t ARENA_BYTES;  // with the optimizer's whole state
extern const int64_t STATE_ALIGNMENT;

/// Numbers of a trained parameter that a rank owns, one behind the other: `begin` counts in the parameter, `state` in the rank's own state.
struct Piece {
  int64_t begin, count, state;
};

/// `bounds` are those of mlac_place in ranks.h; all of it is one rank's where there are none. `real` is the size of a number of state.
class Shares {
 public:
  explicit Shares(int64_t real, int rank = 0, int size = 1, std::vector<int64_t> bounds = {}) : rank(rank), size(size), bounds(std::move(bounds)) {
    if (this->bounds.empty()) take_everything();
    const auto align = [](int64_t bytes) { return (bytes + STATE_ALIGNMENT - 1) / STATE_ALIGNMENT * STATE_ALIGNMENT; };
    int64_t slice = 0, whole = 0, own = 0;
    for (int64_t t = 0; t < TRAINED_COUNT; ++t) {
      const Trained& trained = TRAINED[t];
      first_slice.push_back(slice);
      slice += trained.slices;
      own_pieces.push_back(pieces_of(t));
      moment_bytes.push_back(align(owned(t) * real));
      moments.push_back(own);
      own += trained.moments * moment_bytes.back();
      whole += trained.moments * align(trained.slices * trained.slice() * real);
    }
    state_at = ARENA_BYTES - whole;
    state_bytes = own;
  }

  static int64_t bounds_count(int size) {
    int64_t count = 0;
    for (int64_t t = 0; t < TRAINED_COUNT; ++t) count += TRAINED[t].slices * (size + 1);
    return count;
  }

  /// The size + 1 boundaries of a slice, in units.
  const int64_t* bounds_of(int64_t trained, int64_t slice) const { return bounds.data() + (first_slice[trained] + slice) * (size + 1); }
  /// What this rank owns of it, in order; neighbours are one piece.
  const std::vector<Piece>& pieces(int64_t trained) const { return own_pieces[trained]; }
  int64_t owned(int64_t trained) const {
    const std::vector<Piece>& pieces = own_pieces[trained];
    return pieces.empty() ? 0 : pieces.back().state + pieces.back().count;
  }
  /// This rank's part of a slice.
  Piece part(int64_t trained, int64_t slice) const {
    const Trained& t = TRAINED[trained];
    int64_t state = 0;
    for (int64_t before = 0; before < slice; ++before) state += count_of(trained, before);
    return {slice * t.slice() + bounds_of(trained, slice)[rank] * t.elements, count_of(trained, slice), state};
  }
  /// Where this rank's state of a trained parameter begins: bytes from the arena's start. `moment` 1 is AdamW's second.
  int64_t state(int64_t trained, int moment) const { return state_at + moments[trained] + moment * moment_bytes[trained]; }
  int64_t arena_bytes() const { return state_at + state_bytes; }

  const int rank, size;
  int64_t state_at = 0, state_bytes = 0;

 private:
  void take_everything() {
    for (int64_t t = 0; t < TRAINED_COUNT; ++t)
      for (int64_t slice = 0; slice < TRAINED[t].slices; ++slice) bounds.insert(bounds.end(), {0, TRAINED[t].units});
  }

  int64_t count_of(int64_t trained, int64_t slice) const {
    const int64_t* ends = bounds_of(trained, slice);
    return (ends[rank + 1] - ends[rank]) * TRAINED[trained].elements;
  }

  std::vector<Piece> pieces_of(int64_t trained) const {
    std::vector<Piece> pieces;
    for (int64_t slice = 0; slice < TRAINED[trained].slices; ++slice) {
      const Piece next = part(trained, slice);
      if (next.count == 0) continue;
      if (!pieces.empty() && pieces.back().begin + pieces.back().count == next.begin) pieces.back().count += next.count;
      else pieces.push_back(next);
    }
    return pieces;
  }

  std::vector<int64_t> bounds, first_slice, moments, moment_bytes;
  std::vector<std::vector<Piece>> own_pieces;
};

}  // namespace mlac
