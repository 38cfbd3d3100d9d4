// Matrix products on Hopper: the shapes of tiles, what follows from them, and what producer and consumers share. contract_hopper.cuh has the picture.
#pragma once

#include "hopper.cuh"
#include "tiles.cuh"

namespace mlac {
namespace hopper {

constexpr int BK = 64, ROWS = 128, WARPGROUP = 128, CONSUMERS = 2, THREADS = (CONSUMERS + 1) * WARPGROUP;
constexpr int ATOM_BYTES = BK * 128;
constexpr int SHARED_BYTES = 227 * 1024;  // of one block
constexpr int PATCH_BYTES = 4096;         // of one warp

/// The shape of tiles: columns of each sum, whether consumers alternate, and whether blocks go in clusters of two where they can. SPLIT: the
/// plan's groups are parts of one product's k, each with sums of its own. ROW, ROOM: of an epilogue of whole rows.
template <int COLUMNS_, bool ALTERNATE_, bool MULTICAST_ = true, bool SPLIT_ = false, int ROW_ = 0, int ROOM_ = 0>
struct Shape {
  static constexpr int COLUMNS = COLUMNS_, ROW = ROW_, ROOM = ROOM_;
  static constexpr bool ALTERNATE = ALTERNATE_, MULTICAST = MULTICAST_, SPLIT = SPLIT_;
};

/// C' = B' A' in place of C = A B: a gathered B becomes a gathered A, whose tile is the smaller one. The epilogue still sees C.
template <typename C>
struct Swapped {
  static constexpr Kind KIND = C::KIND;
  static constexpr Major A = C::B, B = C::A;
  static constexpr int SUMS = C::SUMS, PRODUCTS = C::PRODUCTS;
  static constexpr bool ALIGNED = C::ALIGNED, GATHER_A = C::GATHER_B, GATHER_B = C::GATHER_A, SYMMETRIC = C::SYMMETRIC;
};
template <typename C>
constexpr bool IS_SWAPPED = false;
template <typename C>
constexpr bool IS_SWAPPED<Swapped<C>> = true;

/// Everything that follows from a contraction and a shape.
template <typename C, typename S>
struct Layout {
  static constexpr int COLUMNS = S::COLUMNS;
  static constexpr int WIDTH = C::SUMS * COLUMNS;  // the sums' tiles of B lie side by side: to the tensor cores they are one
  static constexpr bool GATHERS = C::GATHER_A;
  static constexpr int CLUSTER = S::MULTICAST && WIDTH > 64 ? 2 : 1;
  // What a block of the cluster loads of B for all of them: so many rows of each sum's tile if k-major, else every CLUSTER-th atom.
  static constexpr int SHARE = COLUMNS / CLUSTER;
  static constexpr int A_BYTES = ROWS * BK * 2, B_BYTES = COLUMNS * BK * 2, STAGE_BYTES = A_BYTES + C::SUMS * B_BYTES;
  // Of a warp: its part of eight rows of the tile, and four whole rows' rooms.
  static constexpr int PATCH = S::ROW ? (8 * (COLUMNS + STAGE_PAD) + 4 * S::ROOM) * 4 : PATCH_BYTES;
  static constexpr int PATCHES_BYTES = CONSUMERS * 4 * PATCH, TABLES_BYTES = 2 * (MAX_GROUPS + 1) * 4 + 8;
  static constexpr int SPACE = (SHARED_BYTES - PATCHES_BYTES - TABLES_BYTES - 256) / STAGE_BYTES, STAGES = SPACE > 8 ? 8 : SPACE;
  static constexpr int BARRIERS = 2 * STAGES + CONSUMERS;
  static constexpr int BYTES = STAGES * STAGE_BYTES + PATCHES_BYTES + TABLES_BYTES + BARRIERS * 8;
  static constexpr int BLOCKS_OF_64 = S::ALTERNATE ? 2 : 1;  // rows of 64 that a consumer multiplies
  static constexpr int EMPTY_ARRIVALS = (S::ALTERNATE ? 1 : CONSUMERS) * 4 * CLUSTER;  // warps
  static constexpr int FULL_ARRIVALS = 1 + (GATHERS ? WARPGROUP : 0);
  static constexpr int TMA_BYTES = (GATHERS ? 0 : A_BYTES) + C::SUMS * B_BYTES;
  static constexpr int PRODUCER_REGISTERS = GATHERS ? 56 : 40, CONSUMER_REGISTERS = GATHERS ? 224 : 232;
  using Tiles = Schedule<C::KIND == Kind::ragged_m, C::SYMMETRIC, ROWS, COLUMNS, CLUSTER>;
  static_assert(STAGES >= 3, "the ring is too short");
};

/// The rows of a gathered operand. Indices are divided by a product and a shift: `inverse` is 2^(31 + shift) / divisor, rounded up.
struct Gather {
  const bf16* data;
  const int32_t* index;
  int64_t columns;
  uint32_t inverse;
  int shift;
  /// The row that an index stands for.
  __device__ int source(int chosen) const { return int(__umulhi(2 * uint32_t(chosen), inverse) >> shift); }
  static Gather of(const Operand& x) {
    int shift = 0;
    while ((int64_t(1) << shift) < x.divisor) ++shift;
    return {x.data, x.index, x.columns, uint32_t(((uint64_t(1) << (31 + shift)) + x.divisor - 1) / x.divisor), shift};
  }
};

/// A launch's arguments.
template <typename C>
struct Plan {
  CUtensorMap a[C::PRODUCTS], b[C::PRODUCTS][C::SUMS];
  Gather gather[C::GATHER_A ? C::PRODUCTS : 1];  // A's
  int k[C::PRODUCTS];
  bool a_grouped[C::PRODUCTS], b_grouped[C::PRODUCTS];  // each group has a matrix of its own
  int groups, m, n;
  const int32_t* offsets;
  Grid grid;
};

/// What all threads of a block know.
template <typename C, typename S>
struct Block {
  using L = Layout<C, S>;
  const Plan<C>& plan;
  uint32_t stages, full, empty, turn;  // addresses
  float* patches;
  typename L::Tiles tiles;
  int rank;  // in the cluster

  /// The ks of a tile: [k_begin, k_end) of the stored operands.
  __device__ int k_begin(const Tile& tile, int product) const {
    if (S::SPLIT) return part_of_k(product, tile.group);
    return C::KIND == Kind::ragged_k ? tiles.offsets[tile.group] : 0;
  }
  __device__ int k_end(const Tile& tile, int product) const {
    if (S::SPLIT) return min(part_of_k(product, tile.group + 1), plan.k[product]);
    return C::KIND == Kind::ragged_k ? tiles.offsets[tile.group + 1] : plan.k[product];
  }
  /// Where a part of k begins: whole stages, as evenly as they go.
  __device__ int part_of_k(int product, int part) const { return (plan.k[product] + BK - 1) / BK * part / plan.groups * BK; }
  __device__ int steps(const Tile& tile, int product) const { return (k_end(tile, product) - k_begin(tile, product) + BK - 1) / BK; }
};

/// Where a thread is in the ring. `phase` is the parity of the rounds so far.
template <int STAGES>
struct Ring {
  int stage = 0;
  uint32_t phase = 0;
  __device__ void next() {
    if (++stage == STAGES) stage = 0, phase ^= 1;
  }
  __device__ void skip(int steps) {
    const int there = stage + steps, rounds = there / STAGES;
    stage = there - rounds * STAGES;
    phase ^= rounds & 1;
  }
};

}  // namespace hopper
}  // namespace mlac
