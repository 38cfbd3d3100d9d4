// Tiles of attention in shared memory, and the products of a warp on them.
//
// A tile holds rows of one head. Rows are padded with zeros to a multiple of 32 elements and lie 8 elements further apart than
// that: then eight rows' 16 bytes at the same column fall on different banks, and all addresses in a loop are constants.
#pragma once

#include "attention_mma.cuh"
#include "launched.cuh"

namespace mlac::flash {

/// Shared memory that a block may have: 227 KB on sm_90; 99 KB, what all from sm_80 on have, elsewhere.
#ifdef MLAC_HOPPER
constexpr int SHARED_BYTES = 232448;
#else
constexpr int SHARED_BYTES = 101376;
#endif

constexpr float LOG2_E = 1.4426950408889634f, LN_2 = 0.6931471805599453f;

constexpr int padded(int width) { return (width + 31) / 32 * 32; }
constexpr int stride_of(int width) { return padded(width) + 8; }

/// A thread's part in copying a tile: `LANES` neighbouring threads take a row, eight elements each at a time.
template <int WIDTH, int THREADS>
struct Share {
  static constexpr int LANES = padded(WIDTH) % 64 == 0 ? 8 : 4, STEP = LANES * RUN;
  static constexpr int ROWS = THREADS / LANES;  // that are copied at once
  static constexpr bool ALIGNED = WIDTH % RUN == 0;
};

__device__ inline uint4 packed(const Run& x) { return make_uint4(pair_of(x[0], x[1]), pair_of(x[2], x[3]), pair_of(x[4], x[5]), pair_of(x[6], x[7])); }

/// Where this thread's share of a tile begins that begins at `from`, with rows `stride` elements apart.
template <int WIDTH, int THREADS>
__device__ inline const bf16* own_share(const bf16* from, int stride) {
  using S = Share<WIDTH, THREADS>;
  return from + threadIdx.x / S::LANES * stride + threadIdx.x % S::LANES * RUN;
}

/// Begins to copy `rows` of up to ROWS rows, from `share` on (see own_share), and writes zeros where there are no more.
template <int ROWS, int WIDTH, int THREADS>
__device__ inline void copy_rows(bf16* to, const bf16* share, int stride, int rows) {
  using S = Share<WIDTH, THREADS>;
  const int first = threadIdx.x / S::LANES, column = threadIdx.x % S::LANES * RUN;
  const uint32_t target = shared_address(to) + 2 * (first * stride_of(WIDTH) + column);
#pragma unroll
  for (int r = 0; r < ROWS; r += S::ROWS, share += S::ROWS * stride) {
    if (ROWS % S::ROWS != 0 && first >= ROWS - r) break;
#pragma unroll
    for (int c = 0; c < padded(WIDTH); c += S::STEP) {
      const int count = first < rows - r ? WIDTH - column - c : 0;
      const uint32_t at = target + 2 * (r * stride_of(WIDTH) + c);
      if constexpr (S::ALIGNED)
        copy_async(at, share + c, count > 0 ? 16 : 0);
      else
        store_shared(at, packed(load<false>(share + c, count)));
    }
  }
}

/// Writes a tile's first `rows` rows to memory.
template <int ROWS, int WIDTH, int THREADS>
__device__ inline void store_rows(bf16* to, int64_t stride, const bf16* from, int rows) {
  using S = Share<WIDTH, THREADS>;
  const int first = threadIdx.x / S::LANES, column = threadIdx.x % S::LANES * RUN;
#pragma unroll
  for (int r = 0; r < ROWS; r += S::ROWS) {
    const int row = r + first;
    if (row >= ROWS || row >= rows) break;
#pragma unroll
    for (int c = 0; c < padded(WIDTH); c += S::STEP)
      store<S::ALIGNED>(to + row * stride + column + c, load_aligned(from + row * stride_of(WIDTH) + column + c), WIDTH - column - c);
  }
}

/// Waits for all copies that this thread began. Others' copies: a barrier after it.
__device__ inline void wait_for_copies() {
  commit_copies();
  copies_done<0>();
}

/// Which index of an operand is contiguous in its tile: k, or its own.
enum class Along { k, own };

/// Where a lane's row of a 16 × 16 block lies, for load_matrices: straight, lane 16c + r takes row r at column 8c; crossed, rows and
/// columns of the four matrices are exchanged. A along k and B along its own index are straight, the others crossed.
template <int STRIDE>
__device__ inline uint32_t lane_row(uint32_t block, bool straight) {
  const int lane = threadIdx.x % WARP;
  const int row = straight ? lane % 16 : lane % 8 + lane / 16 * 8, column = straight ? lane / 16 * 8 : lane / 8 % 2 * 8;
  return block + 2 * (row * STRIDE + column);
}

/// sums[i][j] += the products of B's columns 8j with a row run of A that is in registers, for 16 of k.
template <int M, int N, Along B, int B_STRIDE>
__device__ inline void multiply_step(float (&sums)[M][N][4], const uint32_t (&left)[M][4], uint32_t b, int k) {
#pragma unroll
  for (int j = 0; j < N; j += 2) {
    uint32_t right[4];
    const uint32_t at = b + 2 * (B == Along::k ? j * 8 * B_STRIDE + k : k * B_STRIDE + j * 8);
    load_matrices<B == Along::own>(right, at);  // where N is odd, the last two are not used: see stride_of
#pragma unroll
    for (int i = 0; i < M; ++i) multiply_add(sums[i][j], left[i], right[0], right[1]);
    if (j + 1 < N) {
#pragma unroll
      for (int i = 0; i < M; ++i) multiply_add(sums[i][j + 1], left[i], right[2], right[3]);
    }
  }
}

/// sums += A · B, with 16·M rows, 8·N columns and K of k. `a` and `b` say where the operands begin in shared memory, in bytes.
/// UNROLLED steps of k stand one after the other: more of them hide more of the loads' latency, and take more registers.
template <int M, int N, int K, Along A, int A_STRIDE, Along B, int B_STRIDE, int UNROLLED = K / 16>
__device__ inline void multiply(float (&sums)[M][N][4], uint32_t a, uint32_t b) {
  a = lane_row<A_STRIDE>(a, A == Along::k);
  b = lane_row<B_STRIDE>(b, B == Along::own);
#pragma unroll UNROLLED
  for (int k = 0; k < K; k += 16) {
    uint32_t left[M][4];
#pragma unroll
    for (int i = 0; i < M; ++i) load_matrices<A == Along::own>(left[i], a + 2 * (A == Along::k ? i * 16 * A_STRIDE + k : k * A_STRIDE + i * 16));
    multiply_step<M, N, B, B_STRIDE>(sums, left, b, k);
  }
}

/// The same with A in registers: sums of an earlier product in pairs, a[i][j][half] those of row 16i + 8·half + lane / 4 and columns from 8j on.
/// 16 columns of them are 16 of k, and lie as A must.
template <int M, int N, int COLUMNS, int B_STRIDE>
__device__ inline void multiply_sums(float (&sums)[M][N][4], const uint32_t (&a)[M][COLUMNS][2], uint32_t b) {
  b = lane_row<B_STRIDE>(b, true);
#pragma unroll
  for (int s = 0; s < COLUMNS / 2; ++s) {
    uint32_t left[M][4];
#pragma unroll
    for (int i = 0; i < M; ++i)
#pragma unroll
      for (int r = 0; r < 4; ++r) left[i][r] = a[i][2 * s + r / 2][r % 2];
    multiply_step<M, N, Along::own, B_STRIDE>(sums, left, b, 16 * s);
  }
}

template <int M, int N>
__device__ inline void clear(float (&sums)[M][N][4]) {
#pragma unroll
  for (int i = 0; i < M; ++i)
#pragma unroll
    for (int j = 0; j < N; ++j)
#pragma unroll
      for (int r = 0; r < 4; ++r) sums[i][j][r] = 0.f;
}

/// Makes -infinity of the scores that do not count, of a warp's block whose first query and key are given.
template <bool CAUSAL, int M, int N>
__device__ inline void hide(float (&scores)[M][N][4], int query, int key, int length) {
  query += threadIdx.x % WARP / 4;
  key += threadIdx.x % 4 * 2;
#pragma unroll
  for (int i = 0; i < M; ++i)
#pragma unroll
    for (int j = 0; j < N; ++j)
#pragma unroll
      for (int r = 0; r < 4; ++r) {
        const int q = query + 16 * i + r / 2 * 8, k = key + 8 * j + r % 2;
        if (k >= length || (CAUSAL && k > q)) scores[i][j][r] = -INFINITY;
      }
}

/// Writes a warp's sums, times factor(i, half) for rows 16i + 8·half + lane / 4, into a tile.
template <int STRIDE, int M, int N, typename Factor>
__device__ inline void put(bf16* to, const float (&sums)[M][N][4], const Factor& factor) {
  to += threadIdx.x % WARP / 4 * STRIDE + threadIdx.x % 4 * 2;
#pragma unroll
  for (int i = 0; i < M; ++i)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const float f = factor(i, half);
#pragma unroll
      for (int j = 0; j < N; ++j)
        *reinterpret_cast<uint32_t*>(to + (16 * i + 8 * half) * STRIDE + 8 * j) = pair_of(f * sums[i][j][2 * half], f * sums[i][j][2 * half + 1]);
    }
}

/// Writes a warp's sums, times `factor`, to memory: the lane's first element goes to `to`, from which on there are `rows` rows and `columns` columns.
template <int WIDTH, int M, int N>
__device__ inline void store_sums(bf16* to, int64_t stride, const float (&sums)[M][N][4], float factor, int rows, int columns) {
#pragma unroll
  for (int i = 0; i < M; ++i)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = 16 * i + 8 * half;
      if (row >= rows) break;
#pragma unroll
      for (int j = 0; j < N; ++j) {
        bf16* const at = to + row * stride + 8 * j;
        const float a = factor * sums[i][j][2 * half], b = factor * sums[i][j][2 * half + 1];
        if constexpr (WIDTH % 2 == 0) {
          if (8 * j < columns) *reinterpret_cast<uint32_t*>(at) = pair_of(a, b);
        } else {
          if (8 * j < columns) at[0] = from_float<bf16>(a);
          if (8 * j + 1 < columns) at[1] = from_float<bf16>(b);
        }
      }
    }
}

}  // namespace mlac::flash
