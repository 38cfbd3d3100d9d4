// Softmax attention, forward and backward, in memory linear in the length.
//
// Queries and keys are taken in blocks of tokens, so that a block of scores never leaves the cache (FlashAttention: Dao et al.,
// arXiv:2205.14135, 2307.08691). All products run on the register tile of tile.h.
//
// Shapes, row-major: q [batch length heads A], k [batch length groups A], v [batch length groups U], out and dout
// [batch length heads U], lse [batch length heads]; dq, dk, dv like q, k, v. `groups` divides `heads`; head h reads the keys and
// values of group h / (heads / groups). With `causal`, a token sees itself and the tokens before it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "math.h"
#include "pack.h"
#include "real.h"
#include "scratch.h"
#include "tile.h"
#include "vector.h"

namespace mlac {

namespace detail {

// A block of up to `tokens` rows of `width` reals, one after another. The register tile can read it as A, and as B with k down the rows.
template <int64_t tokens, int64_t width>
struct Rows {
  static constexpr int64_t STRIDE = skewed(width);
  alignas(64) real data[tokens * STRIDE];

  real* operator[](int64_t row) { return data + row * STRIDE; }
  auto as_a() const { return Packed<STRIDE, 1, TILE_ROWS * STRIDE>{data}; }
  auto as_transposed_a() const { return Packed<1, STRIDE, TILE_ROWS>{data}; }
  auto as_b() const { return Packed<1, STRIDE, TILE_COLUMNS>{data}; }

  void copy(const real* from, int64_t from_stride, int64_t count, real factor = 1) {
    for (int64_t row = 0; row < count; row++) {
#pragma omp simd
      for (int64_t i = 0; i < width; i++) data[row * STRIDE + i] = factor * from[row * from_stride + i];
      std::fill(data + row * STRIDE + width, data + (row + 1) * STRIDE, real{0});
    }
  }
};

// The transpose of such a block, packed as B: k runs over the width, the columns are the tokens.
template <int64_t tokens, int64_t width>
struct TransposedRows {
  alignas(64) real data[packed_size<PackedB<width>>((tokens + TILE_COLUMNS - 1) / TILE_COLUMNS)];

  auto as_b() const { return PackedB<width>{data}; }
  void copy(const real* from, int64_t from_stride, int64_t count) {
    pack_b<Along::rows, width>([=](int64_t i, int64_t token) { return from[token * from_stride + i]; }, 0, width, 0, count, data);
  }
};

template <int A, int U, int64_t tokens>
struct ForwardMemory {
  static constexpr int64_t TOKENS = tokens;
  Rows<tokens, A> q;
  TransposedRows<tokens, A> k;
  Rows<tokens, U> v, out;
  Rows<tokens, tokens> scores;
  real largest[tokens], sum[tokens];  // of each query's scores so far, and of e^(score - largest)
};

template <int A, int U, int64_t tokens>
struct BackwardMemory {
  static constexpr int64_t TOKENS = tokens;
  Rows<tokens, A> q, k, dq, dk;
  Rows<tokens, U> dout, dv;
  TransposedRows<tokens, A> k_transposed;
  TransposedRows<tokens, U> v_transposed;
  Rows<tokens, tokens> p, ds;
  real shared[tokens];  // of each query: the mean of dp, weighted by p, which all its ds lack since its p add up to 1
};

// Memory<A, U, tokens> with the most tokens, up to 128, that fit the scratch memory.
template <template <int, int, int64_t> class Memory, int A, int U, int64_t tokens = 128>
constexpr auto fitting_memory() {
  if constexpr (sizeof(Memory<A, U, tokens>) <= SCRATCH_BYTES) {
    return static_cast<Memory<A, U, tokens>*>(nullptr);
  } else {
    static_assert(tokens > TILE_ROWS, "the heads are too wide for the scratch memory");
    return fitting_memory<Memory, A, U, tokens / 2>();
  }
}

// Leaves the first `seen` of a query's scores as they are and makes e^score of the others, up to a whole vector, zero. Returns how
// many there are then.
inline int64_t hide(real* scores, int64_t seen, int64_t keys) {
  std::fill(scores + seen, scores + round_up(keys, LANES), -std::numeric_limits<real>::infinity());
  return round_up(keys, LANES);
}

// Turns `count` further scores of a query into e^(score - largest), counts them into largest and sum, and returns the factor that
// what was made with the largest score so far must be multiplied by.
inline real soften(real* scores, int64_t count, real& largest, real& sum) {
  Vector tops = Vector{} + largest, sums{};
  for (int64_t i = 0; i < count; i += LANES) tops = larger(load(scores + i), tops);
  const real top = mlac::largest(tops);
#pragma omp simd
  for (int64_t i = 0; i < count; i++) scores[i] = exp(scores[i] - top);
  for (int64_t i = 0; i < count; i += LANES) sums += load(scores + i);
  const real correction = exp(largest - top);
  sum = sum * correction + mlac::sum(sums);
  largest = top;
  return correction;
}

}  // namespace detail

/// out = softmax(scale·q·kᵀ)·v and lse, the natural logarithm of the sum of e^score of each query.
template <int A, int U>
void attention_forward(int64_t batch, int64_t length, int64_t heads, int64_t groups, bool causal, real scale, const real* q, const real* k,
                       const real* v, real* out, real* lse) {
  using Memory = std::remove_pointer_t<decltype(detail::fitting_memory<detail::ForwardMemory, A, U>())>;
  constexpr int64_t TOKENS = Memory::TOKENS;
  const int64_t blocks = (length + TOKENS - 1) / TOKENS;

  parallel_for(batch * heads * blocks, [&](int64_t task) {
    auto& memory = *reinterpret_cast<Memory*>(scratch());
    const int64_t b = task / heads % batch, head = task % heads, group = head / (heads / groups);
    const int64_t first = (blocks - 1 - task / heads / batch) * TOKENS;  // the last queries see the most keys: they go first
    const int64_t queries = std::min(TOKENS, length - first);
    const int64_t query = (b * length + first) * heads + head;  // as a row of q and out
    memory.q.copy(q + query * A, heads * A, queries, scale);
    std::fill_n(memory.largest, queries, -std::numeric_limits<real>::infinity());
    std::fill_n(memory.sum, queries, real{0});

    const int64_t end = causal ? first + queries : length;
    for (int64_t key = 0; key < end; key += TOKENS) {
      const int64_t keys = std::min(TOKENS, end - key);
      const int64_t row = (b * length + key) * groups + group;  // of k and v
      memory.k.copy(k + row * A, groups * A, keys);
      memory.v.copy(v + row * U, groups * U, keys);
      const int64_t reach = causal ? first - key : keys;  // query i sees reach + 1 + i of these keys, if there are so many
      multiply(queries, keys, A, memory.q.as_a(), memory.k.as_b(), memory.scores.data, memory.scores.STRIDE, false, reach);
      for (int64_t i = 0; i < queries; i++) {
        const int64_t count = detail::hide(memory.scores[i], std::min(keys, reach + 1 + i), keys);
        const real correction = detail::soften(memory.scores[i], count, memory.largest[i], memory.sum[i]);
        if (key == 0) continue;
#pragma omp simd
        for (int64_t j = 0; j < U; j++) memory.out[i][j] *= correction;
      }
      multiply(queries, U, keys, memory.scores.as_a(), memory.v.as_b(), memory.out.data, memory.out.STRIDE, key > 0);
    }

    for (int64_t i = 0; i < queries; i++) {
      const int64_t row = query + i * heads;
#pragma omp simd
      for (int64_t j = 0; j < U; j++) out[row * U + j] = memory.out[i][j] / memory.sum[i];
      lse[row] = memory.largest[i] + log(memory.sum[i]);
    }
  });
}

namespace detail {

// The arguments of attention_backward.
struct AttentionGrad {
  int64_t batch, length, heads, groups;
  bool causal;
  real scale;
  const real *q, *k, *v, *out, *lse, *dout;
  real *dq, *dk, *dv;
};

template <int64_t width>
real dot(const real* a, const real* b) {
  real sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < width; i++) sum += a[i] * b[i];
  return sum;
}

template <int64_t width>
void write_row(real* to, const real* from, real factor, bool add) {
#pragma omp simd
  for (int64_t i = 0; i < width; i++) to[i] = (add ? to[i] : real{0}) + factor * from[i];
}

// What the queries from `first_query` on and the keys from `first_key` on give each other, for the heads of a group: it is written to
// dq, dk and dv, or added if `add`.
template <int A, int U, class Memory>
void attention_backward_pair(const AttentionGrad& grad, int64_t b, int64_t group, int64_t first_query, int64_t first_key, bool add) {
  auto& memory = *reinterpret_cast<Memory*>(scratch());
  auto& [q, k, dq, dk, dout, dv, k_transposed, v_transposed, p, ds, shared] = memory;
  const int64_t queries = std::min(Memory::TOKENS, grad.length - first_query), keys = std::min(Memory::TOKENS, grad.length - first_key);
  const int64_t key = (b * grad.length + first_key) * grad.groups + group;  // as a row of k and v
  k.copy(grad.k + key * A, grad.groups * A, keys);
  k_transposed.copy(grad.k + key * A, grad.groups * A, keys);
  v_transposed.copy(grad.v + key * U, grad.groups * U, keys);

  const int64_t heads = grad.heads / grad.groups, reach = grad.causal ? first_query - first_key : keys;
  for (int64_t head = 0; head < heads; head++) {
    const int64_t query = (b * grad.length + first_query) * grad.heads + group * heads + head;  // as a row of q and out
    q.copy(grad.q + query * A, grad.heads * A, queries, grad.scale);
    dout.copy(grad.dout + query * U, grad.heads * U, queries);
    for (int64_t i = 0; i < queries; i++) shared[i] = dot<U>(dout[i], grad.out + (query + i * grad.heads) * U);
    multiply(queries, keys, A, q.as_a(), k_transposed.as_b(), p.data, p.STRIDE, false, reach);
    multiply(queries, keys, U, dout.as_a(), v_transposed.as_b(), ds.data, ds.STRIDE, false, reach);
    for (int64_t i = 0; i < queries; i++) {
      const int64_t seen = std::min(keys, reach + 1 + i), count = hide(p[i], seen, keys);
      std::fill(ds[i] + seen, ds[i] + count, real{0});
      const real lse = grad.lse[query + i * grad.heads], own = shared[i];
#pragma omp simd
      for (int64_t j = 0; j < count; j++) {
        p[i][j] = exp(p[i][j] - lse);
        ds[i][j] = p[i][j] * (ds[i][j] - own);
      }
    }
    multiply(keys, U, queries, p.as_transposed_a(), dout.as_b(), dv.data, dv.STRIDE, head > 0);
    multiply(keys, A, queries, ds.as_transposed_a(), q.as_b(), dk.data, dk.STRIDE, head > 0);  // q is scaled already
    multiply(queries, A, keys, ds.as_a(), k.as_b(), dq.data, dq.STRIDE, false);
    for (int64_t i = 0; i < queries; i++) write_row<A>(grad.dq + (query + i * grad.heads) * A, dq[i], grad.scale, add);
  }
  for (int64_t i = 0; i < keys; i++) {
    write_row<A>(grad.dk + (key + i * grad.groups) * A, dk[i], 1, add);
    write_row<U>(grad.dv + (key + i * grad.groups) * U, dv[i], 1, add);
  }
}

}  // namespace detail

/// Overwrites dq, dk and dv with the gradients, from the forward pass's out and lse.
///
/// A block of queries meets each block of keys once, and each meeting adds to rows of all three results. They are held in waves: in
/// wave w, key block j meets query block j + w. Within a wave no two pairs share rows, so they run in parallel; from wave to wave the
/// order of the additions is fixed. So the bits do not depend on the threads, and a single sequence occupies many of them.
template <int A, int U>
void attention_backward(int64_t batch, int64_t length, int64_t heads, int64_t groups, bool causal, real scale, const real* q, const real* k,
                        const real* v, const real* out, const real* lse, const real* dout, real* dq, real* dk, real* dv) {
  using Memory = std::remove_pointer_t<decltype(detail::fitting_memory<detail::BackwardMemory, A, U>())>;
  const detail::AttentionGrad grad{batch, length, heads, groups, causal, scale, q, k, v, out, lse, dout, dq, dk, dv};
  const int64_t blocks = (length + Memory::TOKENS - 1) / Memory::TOKENS;
  for (int64_t wave = 0; wave < blocks; wave++) {
    const int64_t pairs = causal ? blocks - wave : blocks;
    parallel_for(batch * groups * pairs, [&](int64_t task) {
      const int64_t key_block = task % pairs, query_block = (key_block + wave) % blocks;
      const int64_t group = task / pairs % groups, b = task / pairs / groups;
      detail::attention_backward_pair<A, U, Memory>(grad, b, group, query_block * Memory::TOKENS, key_block * Memory::TOKENS, wave > 0);
    });
  }
}

}  // namespace mlac
