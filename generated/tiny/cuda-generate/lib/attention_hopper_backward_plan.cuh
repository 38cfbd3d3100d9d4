// Attention's gradients on Hopper: sizes, a launch's arguments, and what a block works on. attention_hopper_backward.cuh has the picture.
#pragma once

#include "attention_hopper.cuh"
#include "attention_statistics.cuh"

namespace mlac::flash::warpgroups {

template <int A_, int U_, bool CAUSAL_>
struct Backward {
  static constexpr int A = A_, U = U_, QUERIES = 64, KEYS = 128, CONSUMERS = 2, THREADS = (1 + CONSUMERS) * WARPGROUP;
  static constexpr bool CAUSAL = CAUSAL_;
  static constexpr int K_BYTES = KEYS * A * 2, V_BYTES = KEYS * U * 2, Q_BYTES = QUERIES * A * 2, DOUT_BYTES = QUERIES * U * 2;
  static constexpr int STATISTICS_BYTES = QUERIES * int(sizeof(Statistics)), DS_BYTES = QUERIES * KEYS * 2, STAGES = 2;  // of Q and of dS; dO has one
  /// A consumer's part of dQ: whole slabs of 64 columns, and half of the last where their number is odd.
  static constexpr int PART = A / CONSUMERS, WHOLE = PART / 64 * 64, PART_FLOATS = QUERIES * PART, PART_BYTES = PART_FLOATS * 4;
  static constexpr int K_AT = 0, V_AT = K_BYTES, Q_AT = V_AT + V_BYTES, DOUT_AT = Q_AT + STAGES * Q_BYTES, DS_AT = DOUT_AT + DOUT_BYTES;
  static constexpr int DQ_AT = DS_AT + STAGES * DS_BYTES, STATISTICS_AT = DQ_AT + CONSUMERS * PART_BYTES;
  /// Barriers: of K and V; full and empty of each Q, of dO, of each dS, of each part of dQ.
  static constexpr int KEYS_FULL = STATISTICS_AT + STAGES * STATISTICS_BYTES, Q_FULL = KEYS_FULL + 8, Q_EMPTY = Q_FULL + 8 * STAGES;
  static constexpr int DOUT_FULL = Q_EMPTY + 8 * STAGES, DOUT_EMPTY = DOUT_FULL + 8, DS_FULL = DOUT_EMPTY + 8, DS_EMPTY = DS_FULL + 8 * STAGES;
  static constexpr int DQ_FULL = DS_EMPTY + 8 * STAGES, DQ_EMPTY = DQ_FULL + 8 * CONSUMERS, BYTES = DQ_EMPTY + 8 * CONSUMERS;
  static constexpr int PRODUCER_REGISTERS = 24, CONSUMER_REGISTERS = 240;
  static_assert(BYTES <= 232448, "shared memory of a block");
};

/// Widths of heads that the kernel is for.
template <int A, int U>
constexpr bool BACKWARD_SUPPORTED = (A == 64 || A == 128 || A == 192) && (U == 64 || U == 128);

struct BackwardPlan {
  CUtensorMap q, dout;
  int length, heads, groups, key_tiles, query_tiles;
  int pairs, bundle;             // batch · groups, and how many of them are worked on together
  float scale, scale_log2;       // the second times log2(e)
  const Statistics* statistics;  // [batch heads query_tiles QUERIES]
  float* partial;                // [batch heads query_tiles CONSUMERS PART_FLOATS], the sums of dQ so far
  int* turns;                    // [batch heads query_tiles CONSUMERS], how many terms are in `partial`
  int* tickets;                  // how many are drawn
};

/// What a block works on.
template <class B>
struct BackwardWork {
  int sequence, group, tile, first_key, first_tile, tiles, share, steps;
  __device__ BackwardWork(const BackwardPlan& plan, int ticket) {
    const int begin = ticket / (plan.bundle * plan.key_tiles) * plan.bundle, within = ticket - begin * plan.key_tiles;
    const int count = min(plan.bundle, plan.pairs - begin), pair = begin + within % count;
    tile = within / count;
    group = pair % plan.groups;
    sequence = pair / plan.groups;
    first_key = tile * B::KEYS;
    first_tile = B::CAUSAL ? first_key / B::QUERIES : 0;
    tiles = plan.query_tiles - first_tile;
    share = plan.heads / plan.groups;
    steps = share * tiles;
  }
  __device__ int head(int step) const { return group * share + step / tiles; }
  __device__ int query_tile(int step) const { return first_tile + tiles - 1 - step % tiles; }  // the last first
  __device__ int query(int step) const { return query_tile(step) * B::QUERIES; }               // the step's first
  __device__ int64_t query_tile_of_all(const BackwardPlan& plan, int step) const {
    return (int64_t(sequence) * plan.heads + head(step)) * plan.query_tiles + query_tile(step);
  }
};

}  // namespace mlac::flash::warpgroups
