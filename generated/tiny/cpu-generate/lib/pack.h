// Packing: a block of an operand, given as a function of its indices, is written in the order in which the register tile reads it.
//
// at(row, column) is called along the index that is contiguous in memory, so that the compiler makes vector loads of it together with
// whatever is computed on the way. Only one of the four cases needs a transposition, since the tile reads A in either order.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "real.h"
#include "tile.h"
#include "vector.h"

namespace mlac {

/// Which index of an operand runs contiguously in memory: `columns` is a row-major matrix, `rows` a transposed one. Only speed
/// depends on it.
enum class Along { rows, columns };

namespace detail {

constexpr int64_t LINE = 64 / sizeof(real);  // reals in a line of the cache

}  // namespace detail

/// A stride for rows of `columns` reals: an odd number of cache lines, so that the lines of one column spread over all sets of a cache.
constexpr int64_t skewed(int64_t columns) {
  const int64_t lines = (columns + detail::LINE - 1) / detail::LINE;
  return (lines | 1) * detail::LINE;
}

/// The packed form of a block of A of up to `depth` k: row after row, or tile after tile with the rows of a tile side by side.
template <Along along, int64_t depth>
using PackedA = std::conditional_t<along == Along::columns, Packed<skewed(depth), 1, TILE_ROWS * skewed(depth)>,
                                   Packed<1, TILE_ROWS, skewed(TILE_ROWS * depth)>>;

/// The packed form of a block of B of up to `depth` k: tile after tile, TILE_COLUMNS columns side by side in each.
template <int64_t depth>
using PackedB = Packed<1, TILE_COLUMNS, skewed(TILE_COLUMNS * depth)>;

/// The reals that `tiles` packed tiles take.
template <class To>
constexpr int64_t packed_size(int64_t tiles) {
  return tiles * To::between;
}

namespace detail {

// Row after row: a plain copy.
template <class To, class At>
void pack_a_rows(const At& at, int64_t m, int64_t rows, int64_t k, int64_t depth, real* to) {
  for (int64_t row = 0; row < rows; row++, to += To::across) {
#pragma omp simd
    for (int64_t i = 0; i < depth; i++) to[i] = at(m + row, k + i);
  }
  for (int64_t row = rows; row < round_up(rows, TILE_STEP); row++, to += To::across) std::fill_n(to, depth, real{0});
}

// Tile after tile: each column of A is cut into the pieces that the tiles own.
template <class To, class At>
void pack_a_tiles(const At& at, int64_t m, int64_t rows, int64_t k, int64_t depth, real* to) {
  const int64_t whole = rows / TILE_ROWS * TILE_ROWS;
  for (int64_t i = 0; i < depth; i++, to += To::along) {
    real* piece = to;
    for (int64_t row = 0; row < whole; row += TILE_ROWS, piece += To::between) {
#pragma omp simd
      for (int64_t j = 0; j < TILE_ROWS; j++) piece[j] = at(m + row + j, k + i);
    }
    if (whole == rows) continue;
    for (int64_t j = 0; j < rows - whole; j++) piece[j] = at(m + whole + j, k + i);
    std::fill(piece + (rows - whole), piece + TILE_ROWS, real{0});
  }
}

// B row-major: each row is cut into the pieces that the tiles own.
template <class To, class At>
void pack_b_columns(const At& at, int64_t k, int64_t depth, int64_t n, int64_t columns, real* to) {
  const int64_t whole = columns / TILE_COLUMNS * TILE_COLUMNS;
  for (int64_t i = 0; i < depth; i++, to += To::along) {
    real* piece = to;
    for (int64_t column = 0; column < whole; column += TILE_COLUMNS, piece += To::between) {
#pragma omp simd
      for (int64_t j = 0; j < TILE_COLUMNS; j++) piece[j] = at(k + i, n + column + j);
    }
    if (whole == columns) continue;
#pragma omp simd
    for (int64_t j = 0; j < columns - whole; j++) piece[j] = at(k + i, n + whole + j);
    std::fill(piece + (columns - whole), piece + TILE_COLUMNS, real{0});
  }
}

// The LANES x LANES square of B at (k, n), transposed: `depth` x `columns` of it exist, the rest reads as zero.
template <class At>
void pack_b_square(const At& at, int64_t k, int64_t depth, int64_t n, int64_t columns, real* to) {
  alignas(64) real runs[LANES][LANES];
  if (depth == LANES && columns == LANES) {
    for (int64_t column = 0; column < LANES; column++) {
#pragma omp simd
      for (int64_t i = 0; i < LANES; i++) runs[column][i] = at(k + i, n + column);
    }
  } else {
    std::memset(runs, 0, sizeof runs);
    for (int64_t column = 0; column < columns; column++) {
      for (int64_t i = 0; i < depth; i++) runs[column][i] = at(k + i, n + column);
    }
  }
  Vector square[LANES];
#pragma GCC unroll 16
  for (int lane = 0; lane < LANES; lane++) square[lane] = load(runs[lane]);
  transpose(square);
#pragma GCC unroll 16
  for (int lane = 0; lane < LANES; lane++) {
    if (lane < depth) store(to + lane * TILE_COLUMNS, square[lane]);
  }
}

// B transposed, k running fastest.
template <class To, class At>
void pack_b_rows(const At& at, int64_t k, int64_t depth, int64_t n, int64_t columns, real* to) {
  for (int64_t column = 0; column < columns; column += LANES) {
    real* tile = to + column / TILE_COLUMNS * To::between + column % TILE_COLUMNS;
    const int64_t wide = std::min<int64_t>(LANES, columns - column);
    for (int64_t i = 0; i < depth; i += LANES) {
      pack_b_square(at, k + i, std::min<int64_t>(LANES, depth - i), n + column, wide, tile + i * To::along);
    }
  }
}

}  // namespace detail

/// Packs A's rows [m, m + rows) and columns [k, k + depth) into `to`.
template <Along along, int64_t largest_depth, class At>
PackedA<along, largest_depth> pack_a(const At& at, int64_t m, int64_t rows, int64_t k, int64_t depth, real* to) {
  using To = PackedA<along, largest_depth>;
  if constexpr (along == Along::columns) {
    detail::pack_a_rows<To>(at, m, rows, k, depth, to);
  } else {
    detail::pack_a_tiles<To>(at, m, rows, k, depth, to);
  }
  return {to};
}

/// Packs B's rows [k, k + depth) and columns [n, n + columns) into `to`.
template <Along along, int64_t largest_depth, class At>
PackedB<largest_depth> pack_b(const At& at, int64_t k, int64_t depth, int64_t n, int64_t columns, real* to) {
  using To = PackedB<largest_depth>;
  if constexpr (along == Along::columns) {
    detail::pack_b_columns<To>(at, k, depth, n, columns, to);
  } else {
    detail::pack_b_rows<To>(at, k, depth, n, columns, to);
  }
  return {to};
}

}  // namespace mlac
