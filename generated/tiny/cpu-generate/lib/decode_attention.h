// Attention of single tokens over what their requests have kept, in the caches [slots context …].
//
// A task is one row, the heads that share keys, and a part of the positions that the row sees: their keys and values are read once for
// all these heads, whose products run on the register tile of tile.h. A second pass joins the parts (flash decoding: Dao et al. 2023).
// The parts follow from the row's own position alone: the same bits on any number of threads and beside any other rows.
//
// Row b is the token at position[b] of the request in slot[b]. A row with slot −1 has no request; it gets row 0's result.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "attention.h"

namespace mlac {

/// Most parts of one row.
constexpr int64_t DECODE_PARTS = 16;

namespace detail {

constexpr int64_t DECODE_TOKENS = 64;

template <int heads, int A, int U>
struct DecodeMemory {
  static constexpr int64_t ROOM = round_up(heads, TILE_STEP);  // as many rows as products compute
  Rows<ROOM, A> q;
  TransposedRows<DECODE_TOKENS, A> k;
  Rows<DECODE_TOKENS, U> v;
  Rows<ROOM, U> out;
  Rows<ROOM, DECODE_TOKENS> scores;
  real largest[heads], sum[heads];  // of each head's scores so far, and of e^(score - largest)
};

// How the positions that a row sees are shared out.
struct DecodeParts {
  int64_t seen, length, count;

  explicit DecodeParts(int64_t position)
      : seen(position + 1), length(round_up((seen + DECODE_PARTS - 1) / DECODE_PARTS, DECODE_TOKENS)), count((seen + length - 1) / length) {}
};

// What a part leaves of one head: the weighted sum of values, its largest score, and the sum of e^(score - largest).
template <int U>
constexpr int64_t PART_REALS = U + 2;

// `heads` heads of one row over the positions [begin, end). key(i, t) is number i of the key at position t, value(t) the values' row,
// factor(h, t) what head h's score is multiplied by.
template <int heads, int A, int U, class Key, class Value, class Factor>
void decode_part(DecodeMemory<heads, A, U>& memory, int64_t begin, int64_t end, Key key, Value value, Factor factor, real* const (&parts)[heads]) {
  // Rows too many are computed, too: with zeros, which are quick.
  std::fill(memory.q[heads], memory.q[memory.ROOM], real{0});
  std::fill_n(memory.largest, heads, -std::numeric_limits<real>::infinity());
  std::fill_n(memory.sum, heads, real{0});
  for (int64_t first = begin; first < end; first += DECODE_TOKENS) {
    const int64_t tokens = std::min(DECODE_TOKENS, end - first);
    pack_b<Along::rows, A>([=](int64_t i, int64_t t) { return key(i, first + t); }, 0, A, 0, tokens, memory.k.data);
    memory.v.copy(value(first), value(first + 1) - value(first), tokens);
    multiply(heads, tokens, A, memory.q.as_a(), memory.k.as_b(), memory.scores.data, memory.scores.STRIDE, false, tokens);
    for (int64_t h = 0; h < heads; h++) {
      for (int64_t t = 0; t < tokens; t++) memory.scores[h][t] *= factor(h, first + t);
      const int64_t count = hide(memory.scores[h], tokens, tokens);
      const real correction = soften(memory.scores[h], count, memory.largest[h], memory.sum[h]);
      if (first == begin) continue;
#pragma omp simd
      for (int64_t j = 0; j < U; j++) memory.out[h][j] *= correction;
    }
    multiply(heads, U, tokens, memory.scores.as_a(), memory.v.as_b(), memory.out.data, memory.out.STRIDE, first > begin);
  }
  for (int64_t h = 0; h < heads; h++) {
    std::copy_n(memory.out[h], U, parts[h]);
    parts[h][U] = memory.largest[h];
    parts[h][U + 1] = memory.sum[h];
  }
}

// Joins the parts of each row and head; [rows heads parts] lie in `workspace`.
template <int U>
void join_parts(int64_t rows, int64_t heads, const int32_t* slot, const int32_t* position, const real* workspace, real* out) {
  parallel_for(rows * heads, [=](int64_t task) {
    const int64_t own = task / heads, row = slot[own] < 0 ? 0 : own;
    const real* parts = workspace + (row * heads + task % heads) * DECODE_PARTS * PART_REALS<U>;
    const int64_t count = DecodeParts(position[row]).count;
    real top = -std::numeric_limits<real>::infinity(), sum = 0;
    for (int64_t p = 0; p < count; p++) top = std::max(top, parts[p * PART_REALS<U> + U]);
    real* result = out + task * U;
    std::fill_n(result, U, real{0});
    for (int64_t p = 0; p < count; p++) {
      const real* part = parts + p * PART_REALS<U>;
      const real weight = exp(part[U] - top);
      sum += weight * part[U + 1];
#pragma omp simd
      for (int64_t j = 0; j < U; j++) result[j] += weight * part[j];
    }
#pragma omp simd
    for (int64_t j = 0; j < U; j++) result[j] /= sum;
  });
}

}  // namespace detail

/// Reals of workspace of both functions below, for results of `width` numbers a head.
constexpr int64_t decode_workspace(int64_t rows, int64_t heads, int64_t width) { return rows * heads * DECODE_PARTS * (width + 2); }

/// out = softmax(scale·q·kᵀ)·v of each row. q [rows heads A], k [slots context groups A], v [slots context groups U], out [rows heads U].
template <int heads, int groups, int A, int U>
void cached_attention(int64_t rows, int64_t context, real scale, const real* q, const real* k, const real* v, const int32_t* slot,
                      const int32_t* position, real* out, real* workspace) {
  constexpr int shared = heads / groups;  // heads that read the same keys
  using Memory = detail::DecodeMemory<shared, A, U>;
  static_assert(sizeof(Memory) <= SCRATCH_BYTES, "the heads are too wide for the scratch memory");
  parallel_for(rows * groups * DECODE_PARTS, [=](int64_t task) {
    const int64_t part = task % DECODE_PARTS, group = task / DECODE_PARTS % groups, row = task / DECODE_PARTS / groups;
    if (slot[row] < 0) return;
    const detail::DecodeParts parts(position[row]);
    if (part >= parts.count) return;
    auto& memory = *reinterpret_cast<Memory*>(scratch());
    memory.q.copy(q + (row * heads + group * shared) * A, A, shared, scale);
    const int64_t first = slot[row] * context;
    const auto key = [=](int64_t i, int64_t t) { return k[((first + t) * groups + group) * A + i]; };
    const auto value = [=](int64_t t) { return v + ((first + t) * groups + group) * U; };
    real* to[shared];
    for (int64_t h = 0; h < shared; h++)
      to[h] = workspace + ((row * heads + group * shared + h) * DECODE_PARTS + part) * detail::PART_REALS<U>;
    detail::decode_part<shared, A, U>(memory, part * parts.length, std::min(parts.seen, (part + 1) * parts.length), key, value,
                                      [](int64_t, int64_t) { return real{1}; }, to);
  });
  detail::join_parts<U>(rows, heads, slot, position, workspace, out);
}

/// The same in the latent space of C numbers: a key is a token's latent and, with R > 0, its turned key, which all heads share; the score
/// is multiplied by norm, where there is one; the result is a latent for each head. q [rows heads C], q_rotary [rows heads R], latent
/// [slots context C], rotary [slots context R], norm [slots context heads] or null, out [rows heads C].
template <int heads, int C, int R>
void latent_cached_attention(int64_t rows, int64_t context, real scale, const real* q, const real* q_rotary, const real* latent,
                             const real* rotary, const real* norm, const int32_t* slot, const int32_t* position, real* out, real* workspace) {
  using Memory = detail::DecodeMemory<heads, C + R, C>;
  static_assert(sizeof(Memory) <= SCRATCH_BYTES, "the latent and its heads are too wide for the scratch memory");
  parallel_for(rows * DECODE_PARTS, [=](int64_t task) {
    const int64_t part = task % DECODE_PARTS, row = task / DECODE_PARTS;
    if (slot[row] < 0) return;
    const detail::DecodeParts parts(position[row]);
    if (part >= parts.count) return;
    auto& memory = *reinterpret_cast<Memory*>(scratch());
    real* to[heads];
    for (int64_t h = 0; h < heads; h++) {
      const int64_t from = row * heads + h;
      for (int64_t i = 0; i < C; i++) memory.q[h][i] = scale * q[from * C + i];
      for (int64_t i = 0; i < R; i++) memory.q[h][C + i] = scale * q_rotary[from * R + i];
      std::fill(memory.q[h] + C + R, memory.q[h] + memory.q.STRIDE, real{0});
      to[h] = workspace + (from * DECODE_PARTS + part) * detail::PART_REALS<C>;
    }
    const int64_t first = slot[row] * context;
    const auto key = [=](int64_t i, int64_t t) { return i < C ? latent[(first + t) * C + i] : rotary[(first + t) * R + i - C]; };
    const auto value = [=](int64_t t) { return latent + (first + t) * C; };
    const auto factor = [=](int64_t h, int64_t t) { return norm ? norm[(first + t) * heads + h] : real{1}; };
    detail::decode_part<heads, C + R, C>(memory, part * parts.length, std::min(parts.seen, (part + 1) * parts.length), key, value, factor, to);
  });
  detail::join_parts<C>(rows, heads, slot, position, workspace, out);
}

}  // namespace mlac
