// How the result of a contraction is split into blocks, one a task. Only the shape decides, never the number of threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "tile.h"

namespace mlac {

/// The products that one contraction computes, and where their indices run.
struct Grid {
  enum Kind {
    dense,      ///< `groups` products of m x n each; indices start at 0 in every group
    ragged_m,   ///< group g owns the rows m in [offsets[g], offsets[g + 1]); the grid's own m is not used
    ragged_k,   ///< every group has a result of m x n, and sums over k in [offsets[g], offsets[g + 1]): zeros where that is empty
    symmetric,  ///< dense, m = n, C known to be symmetric: the epilogue gets what is on or below the diagonal, and only that
  };

  int64_t groups, m, n;
  const int32_t* offsets = nullptr;
  Kind kind = dense;
};

/// The largest block, and the part of K that is packed at a time. In float the packed A, the packed B and the sums take 0.4, 0.3 and
/// 0.4 MB, about an L2 cache; one tile of A lies in the L1 while the tiles of B stream past.
constexpr int64_t BLOCK_ROWS = 384, BLOCK_COLUMNS = 256, BLOCK_DEPTH = 256;

namespace detail {

// Blocks are made smaller until there are this many, but not smaller than is worth packing for.
constexpr int64_t FEWEST_BLOCKS = 16, SMALLEST_ROWS = 48, SMALLEST_COLUMNS = 64;

static_assert(BLOCK_ROWS % TILE_ROWS == 0 && BLOCK_COLUMNS % TILE_COLUMNS == 0);

// The columns of a block with several accumulators, which share its memory.
constexpr int64_t block_columns(int accumulators) {
  return std::max<int64_t>(TILE_COLUMNS, BLOCK_COLUMNS / accumulators / TILE_COLUMNS * TILE_COLUMNS);
}

constexpr int64_t parts(int64_t size, int64_t step) { return (size + step - 1) / step; }

// The step that makes as few parts of `size` as steps of up to `largest` would, of sizes as even as multiples of `unit` can be.
constexpr int64_t even_step(int64_t size, int64_t largest, int64_t unit) {
  return size == 0 ? unit : round_up(parts(size, parts(size, largest)), unit);
}

struct Block {
  int64_t group;
  int64_t m, rows, n, columns;     // the part of C: its corner and its size; no rows where there is nothing to do
  bool own_k;                      // whether the group sums over a k range of its own,
  int64_t k_begin = 0, k_end = 0;  // and which
  int64_t reach = INT32_MAX;       // the last column wanted in row m + i is n + reach + i

  int64_t count(int64_t row) const { return std::min(columns, reach + row + 1); }
};

class Blocking {
 public:
  Blocking(const Grid& grid, int64_t largest_columns) : grid(grid) {
    int64_t most_rows = 0;
    for (int64_t group = 0; group < grid.groups; group++) most_rows = std::max(most_rows, rows_of(group));
    rows = even_step(most_rows, BLOCK_ROWS, TILE_ROWS);
    columns = even_step(grid.n, largest_columns, TILE_COLUMNS);
    while (tasks() < FEWEST_BLOCKS && (rows >= 2 * SMALLEST_ROWS || columns >= 2 * SMALLEST_COLUMNS)) {
      if (rows >= 2 * SMALLEST_ROWS && (rows >= columns || columns < 2 * SMALLEST_COLUMNS)) {
        rows = round_up(parts(rows, 2), TILE_ROWS);
      } else {
        columns = round_up(parts(columns, 2), TILE_COLUMNS);
      }
    }
  }

  int64_t tasks() const {
    if (grid.kind != Grid::ragged_m) return grid.groups * parts(grid.m, rows) * across();
    int64_t down = 0;
    for (int64_t group = 0; group < grid.groups; group++) down += parts(rows_of(group), rows);
    return down * across();
  }

  Block block(int64_t task) const {
    int64_t group = 0, down = task / across();  // `down` counts the blocks above, first in all groups, then in this one
    if (grid.kind == Grid::ragged_m) {
      for (int64_t size; down >= (size = parts(rows_of(group), rows)); down -= size) group++;
    } else {
      group = down / parts(grid.m, rows);
      down %= parts(grid.m, rows);
    }
    Block block;
    block.group = group;
    block.m = (grid.kind == Grid::ragged_m ? grid.offsets[group] : 0) + down * rows;
    block.rows = std::min(rows, rows_of(group) - down * rows);
    block.n = task % across() * columns;
    block.columns = std::min(columns, grid.n - block.n);
    block.own_k = grid.kind == Grid::ragged_k;
    if (block.own_k) {
      block.k_begin = grid.offsets[group];
      block.k_end = grid.offsets[group + 1];
    }
    if (grid.kind == Grid::symmetric) {
      block.reach = block.m - block.n;
      block.columns = block.count(block.rows - 1);
      if (block.columns <= 0) block.rows = 0;
    }
    return block;
  }

 private:
  const Grid& grid;
  int64_t rows, columns;  // of a block that is not at the edge

  int64_t across() const { return parts(grid.n, columns); }
  int64_t rows_of(int64_t group) const {
    return grid.kind == Grid::ragged_m ? grid.offsets[group + 1] - grid.offsets[group] : grid.m;
  }
};

}  // namespace detail

}  // namespace mlac
