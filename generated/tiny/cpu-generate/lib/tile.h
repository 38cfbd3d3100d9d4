// The register tile: the innermost part of every matrix product, C (+)= A·B with A and B packed and C a block in scratch memory.
//
// TILE_ROWS x TILE_COLUMNS sums stay in vector registers while k runs; every step loads two vectors of B and multiplies them by
// TILE_ROWS broadcast numbers of A. Packing gives both operands constant strides, so that all addresses are immediate.
#pragma once

#include <algorithm>
#include <cstdint>

#include "real.h"
#include "vector.h"

namespace mlac {

#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int TILE_ROWS = 12;  // 24 sums, 2 vectors of B, 1 broadcast: 27 of 32 registers
#else
constexpr int TILE_ROWS = 6;  // 15 of 16 registers
#endif
constexpr int TILE_COLUMNS = 2 * LANES;

/// Tiles at the lower edge of a block are computed in full thirds of the height; the rows too many must exist, what they hold is free.
constexpr int TILE_STEP = TILE_ROWS / 3;

constexpr int64_t round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

/// Where a packed operand has its elements. Of A: `across` reals from one row to the next, `along` from one k to the next, and
/// `between` from one tile of TILE_ROWS rows to the next. Of B: across = 1 and `between` tiles of TILE_COLUMNS columns.
template <int64_t across_, int64_t along_, int64_t between_>
struct Packed {
  static constexpr int64_t across = across_, along = along_, between = between_;
  const real* data;
};

namespace detail {

template <int rows, int vectors, class A, class B>
[[gnu::noinline]] void multiply_tile(int64_t depth, const real* __restrict a, const real* __restrict b, real* __restrict c,
                                     int64_t c_stride, bool add) {
  Vector sum[rows][vectors] = {};
  for (int64_t k = 0; k < depth; k++) {
    Vector right[vectors];
#pragma GCC unroll 2
    for (int j = 0; j < vectors; j++) right[j] = load(b + k * B::along + j * LANES);
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++) {
      const real left = a[i * A::across + k * A::along];
#pragma GCC unroll 2
      for (int j = 0; j < vectors; j++) sum[i][j] += left * right[j];
    }
  }
#pragma GCC unroll 12
  for (int i = 0; i < rows; i++) {
#pragma GCC unroll 2
    for (int j = 0; j < vectors; j++) {
      real* to = c + i * c_stride + j * LANES;
      store(to, add ? load(to) + sum[i][j] : sum[i][j]);
    }
  }
}

}  // namespace detail

/// C (+)= A·B over `depth` k: C is rows x columns with c_stride reals from row to row, and is written up to round_up(rows, TILE_STEP)
/// rows and round_up(columns, LANES) columns. Each sum is taken in the order of k from zero, then added to C if `add`.
/// Where only the triangle is wanted that has reach + 1 + i columns in row i, tiles wholly outside of it are left out.
template <class A, class B>
void multiply(int64_t rows, int64_t columns, int64_t depth, A a, B b, real* c, int64_t c_stride, bool add, int64_t reach = INT32_MAX) {
  using namespace detail;
  using Tile = void (*)(int64_t, const real*, const real*, real*, int64_t, bool);
  static constexpr Tile tiles[3][2] = {{multiply_tile<TILE_STEP, 1, A, B>, multiply_tile<TILE_STEP, 2, A, B>},
                                       {multiply_tile<2 * TILE_STEP, 1, A, B>, multiply_tile<2 * TILE_STEP, 2, A, B>},
                                       {multiply_tile<3 * TILE_STEP, 1, A, B>, multiply_tile<3 * TILE_STEP, 2, A, B>}};
  const real* a_tile = a.data;
  for (int64_t row = 0; row < rows; row += TILE_ROWS, a_tile += A::between) {
    const int64_t height = std::min<int64_t>(rows - row, TILE_ROWS), width = std::min(columns, reach + row + height);
    const real* b_tile = b.data;
    for (int64_t column = 0; column < width; column += TILE_COLUMNS, b_tile += B::between) {
      const int64_t steps = (height + TILE_STEP - 1) / TILE_STEP, vectors = width - column > LANES ? 2 : 1;
      tiles[steps - 1][vectors - 1](depth, a_tile, b_tile, c + row * c_stride + column, c_stride, add);
    }
  }
}

}  // namespace mlac
