// What one rank does for an update: its own part of the work, and what it tells the others. A process without others is the one rank there is,
// which owns everything. All of it is put on streams; nothing here waits for the device.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <vector>

#include "collectives.h"
#include "device.h"
#include "lib/muon.cuh"
#include "lib/optimizer.cuh"
#include "model.h"

namespace mlac {

class Rank {
 public:
  /// `together` null: there are no others.
  Rank(char* arena, Shares shares, std::unique_ptr<Collectives> together) : shares(std::move(shares)), together(std::move(together)), arena(arena) {
    if (this->together) list_gradients();
  }
  ~Rank() { cudaFree(owned_gradients); }
  Rank(const Rank&) = delete;

  /// The gradients of a bucket go to their owners, behind what follows. `round`: of the loops around, all together.
  void gradients_final(int64_t bucket, int64_t round) {
    std::vector<Shared> parts;
    for (int64_t m = 0; m < BUCKET_MEMBER_COUNT; ++m) {
      const BucketMember& member = BUCKET_MEMBERS[m];
      if (member.bucket == bucket) add_slices(parts, member.trained, TRAINED[member.trained].gradient, Number::f32, round * member.slices, member.slices);
    }
    together->reduce(parts, BUCKET_NAMES[bucket]);
  }

  /// The weights of these parameters are what they will be in the next step: everybody gets them from their owners, behind what follows. Of
  /// those that are split only the bf16, by which a step computes.
  void weights_final(std::initializer_list<int64_t> moved) {
    if (!together) return;
    std::vector<Shared> parts;
    for (int64_t t : moved) add_slices(parts, t, TRAINED[t].weight, is_split(t) ? Number::bf16 : Number::f32, 0, TRAINED[t].slices);
    together->gather(parts, "weights");
  }

  /// The other half of a slice of split weights: afterwards every rank has it whole.
  void gather_remainders(int64_t trained, int64_t slice) {
    std::vector<Shared> parts;
    add_slices(parts, trained, TRAINED[trained].remainder, Number::bf16, slice, 1);
    together->gather(parts, "weights for a checkpoint");
  }

  /// The norm of all gradients, each counted by its owner.
  void measure_gradients(cudaStream_t stream, double clip, Gradients* found) {
    auto* const report = reinterpret_cast<float*>(arena + REPORT_AT);
    if (!together) return mlac::measure_gradients(stream, reinterpret_cast<float*>(arena + GRADIENTS_AT), GRADIENTS_BYTES / 4, clip, found, report);
    sum_squares(stream, owned_gradients, owned_gradient_count, found);
    together->sum(found->squares, Gradients::PARTS, Number::f64, "the norm of the gradients");
    finish_norm(stream, clip, found, report);
  }

  void sum(int32_t* counts, int64_t count) {
    if (together) together->sum(counts, count, Number::i32, "expert loads");
  }

  template <typename Rule>
  struct Ruled {
    int64_t trained;
    Rule rule;
  };
  /// Of these parameters, the matrices that this rank owns.
  std::vector<MuonTensor> matrices(std::initializer_list<Ruled<Muon>> parameters) const {
    std::vector<MuonTensor> own;
    for (const auto& [t, rule] : parameters)
      for (const Piece& piece : shares.pieces(t)) own.push_back({weight(t, piece), moment(t, 0, piece), gradient(t, piece), piece.count / TRAINED[t].elements, rule});
    return own;
  }
  /// Of these, the numbers that it owns.
  std::vector<AdamWTensor> numbers(std::initializer_list<Ruled<AdamW>> parameters) const {
    std::vector<AdamWTensor> own;
    for (const auto& [t, rule] : parameters)
      for (const Piece& piece : shares.pieces(t)) own.push_back({weight(t, piece), gradient(t, piece), moment(t, 0, piece), moment(t, 1, piece), piece.count, rule});
    return own;
  }

  /// What is put on the session's stream from now on comes after all that was begun.
  void wait() {
    if (together) together->wait();
  }

  static bool is_split(int64_t trained) { return TRAINED[trained].remainder >= 0; }

  const Shares shares;
  const std::unique_ptr<Collectives> together;

 private:
  float* floats(int64_t byte) const { return reinterpret_cast<float*>(arena + byte); }
  float* gradient(int64_t t, const Piece& piece) const { return floats(TRAINED[t].gradient) + piece.begin; }
  float* moment(int64_t t, int which, const Piece& piece) const { return floats(shares.state(t, which)) + piece.state; }
  Weight weight(int64_t t, const Piece& piece) const {
    if (!is_split(t)) return {floats(TRAINED[t].weight) + piece.begin, nullptr};
    return {reinterpret_cast<uint16_t*>(arena + TRAINED[t].weight) + piece.begin, reinterpret_cast<uint16_t*>(arena + TRAINED[t].remainder) + piece.begin};
  }

  void add_slices(std::vector<Shared>& parts, int64_t trained, int64_t at, Number number, int64_t first, int64_t count) const {
    const Trained& t = TRAINED[trained];
    for (int64_t slice = first; slice < first + count; ++slice)
      parts.push_back({arena + at + slice * t.slice() * bytes_of(number), number, shares.bounds_of(trained, slice), t.elements});
  }

  void list_gradients() {
    std::vector<OwnedGradients> list;
    int64_t runs = 0;
    for (int64_t t = 0; t < TRAINED_COUNT; ++t)
      for (const Piece& piece : shares.pieces(t)) {
        list.push_back({gradient(t, piece), piece.count, runs});
        runs += ceil_div(piece.count, RUN);
      }
    owned_gradient_count = int(list.size());
    list.push_back({nullptr, 0, runs});
    const size_t bytes = list.size() * sizeof(OwnedGradients);
    cuda(cudaMalloc(&owned_gradients, bytes), "taking memory for the list of gradients");
    cuda(cudaMemcpy(owned_gradients, list.data(), bytes, cudaMemcpyHostToDevice), "writing the list of gradients");
  }

  char* const arena;
  OwnedGradients* owned_gradients = nullptr;
  int owned_gradient_count = 0;
};

}  // namespace mlac
