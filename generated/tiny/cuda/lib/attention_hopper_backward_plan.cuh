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
  static constexpr int STATISTICS_BYTES = QUERIES * int(sizeof(Statistics)), STAGES = 2, STAGE_BYTES = Q_BYTES + DOUT_BYTES;
  static constexpr int SLABS = A / 64, SLAB_FLOATS = QUERIES * 64, SLAB_BYTES = SLAB_FLOATS * 4;  // of dQ
  static constexpr int K_AT = 0, V_AT = K_BYTES, STAGES_AT = V_AT + V_BYTES, DS_AT = STAGES_AT + STAGES * STAGE_BYTES;
  static constexpr int DQ_AT = DS_AT + QUERIES * KEYS * 2, STATISTICS_AT = DQ_AT + SLABS * SLAB_BYTES;
  /// Barriers: of K and V; full and empty of each stage; full and empty of each slab of dQ.
  static constexpr int KEYS_FULL = STATISTICS_AT + STAGES * STATISTICS_BYTES, FULL = KEYS_FULL + 8, EMPTY = FULL + 8 * STAGES;
  static constexpr int DQ_FULL = EMPTY + 8 * STAGES, DQ_EMPTY = DQ_FULL + 8 * SLABS, BYTES = DQ_EMPTY + 8 * SLABS;
  static constexpr int PRODUCER_REGISTERS = 24, CONSUMER_REGISTERS = 240;
  static_assert(BYTES <= 232448, "shared memory of a block");
};

/// Widths of heads that the kernel is for.
template <int A, int U>
constexpr bool BACKWARD_SUPPORTED = (A == 64 || A == 128 || A == 192) && (U == 64 || U == 128);

struct BackwardPlan {
  CUtensorMap q, k, v, dout;
  int length, heads, groups, key_tiles, query_tiles;
  float scale, scale_log2;       // the second times log2(e)
  const Statistics* statistics;  // [batch heads query_tiles QUERIES]
  float* partial;                // [batch heads query_tiles SLABS SLAB_FLOATS], the sums of dQ so far
  int* turns;                    // [batch heads query_tiles], how many terms are in `partial`
  int* tickets;                  // how many are drawn
  bf16 *dk, *dv;
};

/// What a block works on.
template <class B>
struct BackwardWork {
  int sequence, group, tile, first_key, first_tile, tiles, share, steps;
  __device__ BackwardWork(const BackwardPlan& plan, int ticket) {
    tile = plan.key_tiles - 1 - ticket % plan.key_tiles;
    group = ticket / plan.key_tiles % plan.groups;
    sequence = ticket / plan.key_tiles / plan.groups;
    first_key = tile * B::KEYS;
    first_tile = B::CAUSAL ? first_key / B::QUERIES : 0;
    tiles = plan.query_tiles - first_tile;
    share = plan.heads / plan.groups;
    steps = share * tiles;
  }
  __device__ int head(int step) const { return group * share + step / tiles; }
  __device__ int query(int step) const { return (first_tile + step % tiles) * B::QUERIES; }  // the step's first
  __device__ int64_t query_tile(const BackwardPlan& plan, int step) const {
    return (int64_t(sequence) * plan.heads + head(step)) * plan.query_tiles + first_tile + step % tiles;
  }
};

}  // namespace mlac::flash::warpgroups
