// Attention of single queries: the parts of a sequence, a tile of tokens in shared memory, a launch's arguments. decode_attention_parts.cuh has the picture.
#pragma once

#include "attention_tiles.cuh"
#include "kernel.cuh"
#include "overlap.cuh"
#include "workspace.cuh"

namespace mlac::decode {

constexpr int HEADS = 16;  // of a block
/// Blocks that run at once on the devices this is tuned for, the widest queries that there are registers for, and tokens of a part where there are more parts than these.
#ifdef MLAC_HOPPER
constexpr int AT_ONCE = 132, WARPS = 8, MOST_KEPT = 640;
#else
constexpr int AT_ONCE = 108, WARPS = 4, MOST_KEPT = 448;
#endif
constexpr int LONG_PART = 4096;
constexpr int THREADS = WARPS * WARP, TOKENS = 8 * WARPS;

constexpr int whole_16(int n) { return (n + 15) / 16 * 16; }
constexpr int least(int a, int b) { return a < b ? a : b; }
constexpr int most(int a, int b) { return a > b ? a : b; }

/// `blocks`: of the rows, groups and blocks of heads together.
struct Parts {
  int few;
  static constexpr Parts of(int64_t blocks) { return {most(1, int(AT_ONCE / blocks))}; }
  __host__ __device__ constexpr int count(int length) const {
    const int tiles = (length + TOKENS - 1) / TOKENS, parts = (length + LONG_PART - 1) / LONG_PART;
    const int wanted = parts > few ? parts : few;
    return tiles < wanted ? tiles : wanted;
  }
};

template <int X_, int Y_, bool LATENT_>
struct Tile {
  static constexpr int X = X_, Y = Y_, XP = whole_16(X), YP = whole_16(Y);
  static constexpr bool LATENT = LATENT_, ALIGNED = X % RUN == 0 && Y % RUN == 0;
  static constexpr int STRIDE = XP + YP + 8;  // eight rows' 16 bytes at the same column fall on different banks
  static constexpr int KEY = LATENT ? 0 : XP, KEYS = LATENT ? XP + YP : YP, K_STEPS = KEYS / 16;
  static constexpr int BYTES = 2 * TOKENS * STRIDE;
  static constexpr int P_STRIDE = TOKENS + 8;
  static constexpr int QUERY_BYTES = 2 * HEADS * (KEYS + 8), OTHER_BYTES = 2 * HEADS * P_STRIDE + 4 * HEADS * WARPS * 2;
  static constexpr int STAGES = least(4, (flash::SHARED_BYTES - QUERY_BYTES - OTHER_BYTES) / BYTES);
  static constexpr int SHARED = STAGES * BYTES + QUERY_BYTES + OTHER_BYTES;
  static constexpr int COLUMN_TILES = (XP / 16 + WARPS - 1) / WARPS;  // of a warp
  static constexpr bool KEEPS_QUERIES = KEYS <= MOST_KEPT;            // in registers; else they are read for each tile
  static_assert(STAGES >= 2, "what is cached of a token is too wide");
};

/// Numbers of a query or of the cache: `data` has rows `stride` elements apart.
struct Queries {
  const bf16* data;
  int64_t row_stride, head_stride;
};

/// x, y: caches [slots context groups? width]; queries: of x (latent only) and y. scalars: null, or what a token's scores of a head are multiplied
/// with, [slots context heads]. slot, position: of each row; a row whose slot is < 0 repeats row 0.
struct Arguments {
  int rows, heads, groups, context;
  float scale;  // times log2(e)
  Queries qx, qy;
  const bf16 *x, *y;
  const float* scalars;
  const int32_t *slot, *position;
  float *out, *statistics;  // of each part: sums [heads X] that lack a factor, and the largest score and the sum of each head
  bf16* whole;              // [rows heads X], written at once where there is one part only
  Parts parts;
  int most_parts;
};

/// Eight neighbours of a query, or zeros past its end.
template <int WIDTH, bool ALIGNED>
__device__ inline uint4 query_run(const Queries& q, int row, int head, int column, bool exists) {
  const bf16* from = q.data + row * q.row_stride + head * q.head_stride + column;
  const int count = exists ? least(RUN, WIDTH - column) : 0;
  if constexpr (ALIGNED) return count > 0 ? *reinterpret_cast<const uint4*>(from) : make_uint4(0, 0, 0, 0);
  return count > 0 ? flash::packed(load<false>(from, count)) : make_uint4(0, 0, 0, 0);
}

/// Begins to copy a tile's rows of one cache: `count` tokens of WIDTH numbers, `stride` elements apart; zeros for other tokens.
template <int WIDTH, int STRIDE, bool ALIGNED>
__device__ inline void copy_tokens(uint32_t to, const bf16* from, int64_t stride, int count) {
  constexpr int RUNS = (WIDTH + RUN - 1) / RUN;
#pragma unroll
  for (int i = threadIdx.x; i < TOKENS * RUNS; i += THREADS) {
    const int token = i / RUNS, column = i % RUNS * RUN;
    const uint32_t at = to + 2 * (token * STRIDE + column);
    if constexpr (ALIGNED) copy_async(at, from + token * stride + column, token < count ? 16 : 0);
    else store_shared(at, flash::packed(load<false>(from + token * stride + column, token < count ? least(RUN, WIDTH - column) : 0)));
  }
}

}  // namespace mlac::decode
