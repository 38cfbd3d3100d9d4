/*
 * Which tiles of C a block computes, and in which order. The schedule is static: the grid is as large as the machine, and cluster c
 * takes the tiles c, c + clusters, c + 2 clusters … of one list. A tile of the list is CLUSTER * ROWS rows high (each block of the
 * cluster takes ROWS of them) and COLUMNS wide.
 *
 * The list goes group by group; within a group in bands of BAND_ROWS rows, down a band's rows first and then along its columns, so
 * that the tiles in flight at one time share rows of A and columns of B in the L2 cache. SYMMETRIC: row by row, from the diagonal on.
 * Where m is ragged, tiles end with their group: `first_tile[g]` counts the tile rows before group g.
 */
#pragma once

#include "kernel.cuh"

namespace mlac {
namespace hopper {

constexpr int MAX_GROUPS = 256;
constexpr int BAND_ROWS = 2048;

struct Tile {
  int group;
  int m, m_end;  // the block's first row, and where the rows of its group end; absolute where m is ragged
  int n;
};

/// SYMMETRIC: the first column tile of a row of tiles that touches the diagonal or lies above it.
__host__ __device__ inline int first_above(int row, int height, int width) { return int(int64_t(row) * height / width); }

/// How many rows and columns of tiles there are, of one group's C unless m is ragged.
struct Grid {
  int rows, columns;
  int tiles;  // of one group's C
  static Grid of(int64_t m, int64_t n, int height, int width, bool symmetric) {
    Grid grid{int(ceil_div(m, height)), int(ceil_div(n, width)), 0};
    grid.tiles = grid.rows * grid.columns;
    if (symmetric)
      for (int row = 0; row < grid.rows; ++row) grid.tiles -= first_above(row, height, width);
    return grid;
  }
};

/// The list, as a thread sees it. `offsets` and `first_tile` lie in shared memory, used where m is ragged.
template <bool RAGGED_M, bool SYMMETRIC, int ROWS, int COLUMNS, int CLUSTER>
struct Schedule {
  static constexpr int HEIGHT = ROWS * CLUSTER, BAND = BAND_ROWS / HEIGHT;
  Grid grid;
  int groups, m, rank;  // rank: which block of its cluster this one is
  const int *offsets, *first_tile;

  __device__ int count() const { return RAGGED_M ? first_tile[groups] * grid.columns : groups * grid.tiles; }

  __device__ Tile operator[](int i) const {
    Tile tile;
    int rows = grid.rows, begin = 0;
    tile.m_end = m;
    if constexpr (RAGGED_M) {
      const int row = i / grid.columns;  // counted over all groups: only good to find the group
      int low = 0, high = groups;        // first_tile[low] <= row < first_tile[high]
      while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (first_tile[middle] <= row) low = middle;
        else high = middle;
      }
      tile.group = low;
      i -= first_tile[low] * grid.columns;
      rows = first_tile[low + 1] - first_tile[low];
      begin = offsets[low];
      tile.m_end = offsets[low + 1];
    } else {
      tile.group = i / grid.tiles;
      i -= tile.group * grid.tiles;
    }
    int row, column;
    if constexpr (SYMMETRIC) {
      row = 0;
      for (;; ++row) {
        const int first = first_above(row, HEIGHT, COLUMNS), wide = grid.columns - first;
        column = first + i;
        if (i < wide) break;
        i -= wide;
      }
    } else {
      const int band = i / (BAND * grid.columns), above = band * BAND;
      const int height = rows - above < BAND ? rows - above : BAND;
      i -= above * grid.columns;
      row = above + i % height;
      column = i / height;
    }
    tile.m = begin + (row * CLUSTER + rank) * ROWS;
    tile.n = column * COLUMNS;
    return tile;
  }
};

/// Copies the groups' offsets to shared memory and sums up their rows of tiles; one warp does it.
__device__ inline void find_first_tiles(const int32_t* offsets, int groups, int height, int* shared_offsets, int* first_tile) {
  const int lane = threadIdx.x % WARP;
  int before = 0;
  for (int base = 0; base <= groups; base += WARP) {
    const int g = base + lane;
    const int begin = g <= groups ? offsets[g] : 0, end = g < groups ? offsets[g + 1] : begin;
    const int rows = (end - begin + height - 1) / height;
    int sum = rows;
#pragma unroll
    for (int step = 1; step < WARP; step *= 2) {
      const int other = __shfl_up_sync(0xffffffffu, sum, step);
      if (lane >= step) sum += other;
    }
    if (g <= groups) shared_offsets[g] = begin, first_tile[g] = before + sum - rows;
    before += __shfl_sync(0xffffffffu, sum, WARP - 1);
  }
}

}  // namespace hopper
}  // namespace mlac
