// The matrix product of every emitted contraction: C = A·B, its operands computed while they are packed, its result handed to an
// epilogue while it is in the cache.
//
//   contract<1>(Grid{1, M, N}, epilogue, product<0>(K, a, b))                    C = A·B
//   contract<2>(grid, epilogue, product<0>(K, a, gate, up))                      two products of one A: the epilogue gets both
//   contract<1>(grid, epilogue, product<0>(K, a0, b0), product<0>(K, a1, b1))    C = A0·B0 + A1·B1
//
// An operand is a function of its indices; A's row is m and its column k, B's row is k and its column n:
//
//   auto x = operand<Along::columns>([=](int64_t group, int64_t begin, int64_t end) {
//     return [=](int64_t row, int64_t column) { return input[row * D + column]; };
//   });
//
// The outer function is called by the thread that packs, once per block of rows (A: m in [begin, end), for all k; B: k in
// [begin, end)); it may fill a RowScalars for these rows, which the inner function captures by value.
//
// The blocks depend on the shape alone and every sum is taken in an order that depends on K alone: the same bits on any number of
// threads. The scheme is that of BLIS (Van Zee and van de Geijn, ACM Transactions on Mathematical Software 41(3), 2015).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <tuple>
#include <utility>

#include "blocking.h"
#include "pack.h"
#include "real.h"
#include "scratch.h"
#include "tile.h"

namespace mlac {

template <Along along_, class Open>
struct Operand {
  static constexpr Along along = along_;
  Open open;
};

/// An operand from open(group, begin, end) → at(row, column) → real.
template <Along along, class Open>
auto operand(Open open) {
  return Operand<along, Open>{open};
}

/// One number for each row of the block that `open` was called for, addressed by the row's own index.
template <class Value = real>
class RowScalars {
 public:
  explicit RowScalars(int64_t begin) : begin(begin) {}
  Value& operator[](int64_t row) { return values[row - begin]; }
  const Value& operator[](int64_t row) const { return values[row - begin]; }

 private:
  int64_t begin;
  std::array<Value, std::max(BLOCK_ROWS, BLOCK_DEPTH)> values;
};

namespace detail {

template <int acc, class A, class... B>
struct Product {
  int64_t k;
  A a;
  std::tuple<B...> b;
};

// A task's memory: one packed block of A, one of B, and the sums.
template <int accumulators>
struct BlockMemory {
  static constexpr int64_t C_STRIDE = skewed(block_columns(accumulators));
  static constexpr int64_t A_TILE = std::max(PackedA<Along::rows, BLOCK_DEPTH>::between, PackedA<Along::columns, BLOCK_DEPTH>::between);

  alignas(64) real a[BLOCK_ROWS / TILE_ROWS * A_TILE];
  alignas(64) real b[BLOCK_COLUMNS / TILE_COLUMNS * PackedB<BLOCK_DEPTH>::between];
  alignas(64) real c[accumulators][BLOCK_ROWS * C_STRIDE];
};

// Adds one product to the sums of a block. `begun` says which sums have been written to.
template <int accumulators, int acc, class A, class... B>
void add_product(const Block& block, const Product<acc, A, B...>& product, BlockMemory<accumulators>& memory, bool* begun) {
  static_assert(acc + sizeof...(B) <= accumulators, "a product for an accumulator that contract does not have");
  using Memory = BlockMemory<accumulators>;
  const int64_t k_begin = block.k_begin, k_end = block.own_k ? block.k_end : product.k;
  if (k_begin == k_end) return;

  const auto a_at = product.a.open(block.group, block.m, block.m + block.rows);
  const int64_t step = even_step(k_end - k_begin, BLOCK_DEPTH, LANES);
  for (int64_t k = k_begin; k < k_end; k += step) {
    const int64_t depth = std::min(step, k_end - k);
    const auto a = pack_a<A::along, BLOCK_DEPTH>(a_at, block.m, block.rows, k, depth, memory.a);
    int target = acc;
    const auto add = [&](const auto& right) {
      const auto b_at = right.open(block.group, k, k + depth);
      const auto b = pack_b<std::decay_t<decltype(right)>::along, BLOCK_DEPTH>(b_at, k, depth, block.n, block.columns, memory.b);
      multiply(block.rows, block.columns, depth, a, b, memory.c[target], Memory::C_STRIDE, begun[target], block.reach);
      begun[target++] = true;
    };
    std::apply([&](const auto&... right) { (add(right), ...); }, product.b);
  }
}

template <int accumulators, class Epilogue, int... acc>
void finish_block(const Block& block, const BlockMemory<accumulators>& memory, Epilogue& epilogue, std::integer_sequence<int, acc...>) {
  for (int64_t row = 0; row < block.rows; row++) {
    const int64_t count = block.count(row), at = row * BlockMemory<accumulators>::C_STRIDE;
    if (count > 0) epilogue(block.group, block.m + row, block.n, count, memory.c[acc] + at...);
  }
}

}  // namespace detail

/// A·B over k < `k` (in a ragged_k grid over the group's own k instead). The first B adds to accumulator acc, the next to acc + 1, ….
template <int acc, class A, class... B>
auto product(int64_t k, A a, B... b) {
  return detail::Product<acc, A, B...>{k, a, {b...}};
}

/// Computes the products and calls epilogue(group, m, n, count, sums of accumulator 0[, of accumulator 1 …]) for each segment of a
/// row: columns [n, n + count) of row m, finished. Together the segments cover C once; they come on different threads.
template <int accumulators, class Epilogue, class... Products>
void contract(const Grid& grid, Epilogue epilogue, Products... products) {
  using Memory = detail::BlockMemory<accumulators>;
  static_assert(sizeof(Memory) <= SCRATCH_BYTES, "the block is too large for the scratch memory");
  const detail::Blocking blocking(grid, detail::block_columns(accumulators));
  parallel_for(blocking.tasks(), [&](int64_t task) {
    const detail::Block block = blocking.block(task);
    if (block.rows == 0) return;
    auto& memory = *reinterpret_cast<Memory*>(scratch());
    bool begun[accumulators] = {};
    (detail::add_product(block, products, memory, begun), ...);
    for (int acc = 0; acc < accumulators; acc++) {
      if (!begun[acc]) std::fill_n(memory.c[acc], block.rows * Memory::C_STRIDE, real{0});
    }
    detail::finish_block(block, memory, epilogue, std::make_integer_sequence<int, accumulators>{});
  });
}

}  // namespace mlac
