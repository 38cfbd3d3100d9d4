// What row kernels share: how many blocks there are, and sums over all rows in a fixed order.
#pragma once

#include <algorithm>

#include "kernel.cuh"

namespace mlac {

/// The blocks of a row kernel: eight warps with a row each, or several warps with one row.
template <int LANES>
struct RowBlock {
  static constexpr int THREADS = LANES > WARP ? LANES : 8 * WARP;
  static constexpr int TEAMS = THREADS / LANES;

  /// Enough blocks to keep any GPU busy; each then takes several rows if there are more.
  static constexpr int count(int64_t rows) { return at_most(rows, 65536); }
  /// Where rows are summed up, every block leaves one row of partial sums. Their number depends on the shape alone.
  static constexpr int count_of_sums(int64_t rows) { return at_most(rows, MOST_SUM_BLOCKS); }

  static constexpr int MOST_SUM_BLOCKS = 1056;

 private:
  static constexpr int at_most(int64_t rows, int64_t most) { return int(ceil_div(rows, TEAMS) < most ? ceil_div(rows, TEAMS) : most); }
};

/// Sums and maxima over the lanes of a row: every lane gets the same bits. With more than a warp, the whole block takes part.
template <int LANES, typename Join>
__device__ inline float join_row(float x, const Join& join) {
  if constexpr (LANES > WARP) {
    constexpr int WARPS = LANES / WARP;
    __shared__ float parts[WARPS];
    __syncthreads();  // the last ones are read
    if (threadIdx.x % WARP == 0) parts[threadIdx.x / WARP] = x;
    __syncthreads();
    x = parts[0];
#pragma unroll
    for (int warp = 1; warp < WARPS; ++warp) x = join(x, parts[warp]);
  }
  return x;
}
template <int LANES>
__device__ inline float sum_over_row(float x) {
  return join_row<LANES>(sum_of_lanes<(LANES < WARP ? LANES : WARP)>(x), [](float a, float b) { return a + b; });
}
template <int LANES>
__device__ inline float max_over_row(float x) {
  return join_row<LANES>(max_of_lanes<(LANES < WARP ? LANES : WARP)>(x), [](float a, float b) { return fmaxf(a, b); });
}

/// A row of bf16 in registers, as it lies in memory: lane l holds runs l, l + LANES, … All of it is under way at once.
template <int64_t COLUMNS, int LANES>
struct Held {
  static constexpr int CHUNKS = int(ceil_div(COLUMNS, LANES * RUN));
  uint4 raw[CHUNKS];

  __device__ Held(const bf16* row, int lane) {
#pragma unroll
    for (int c = 0; c < CHUNKS; ++c) {
      const int i = (c * LANES + lane) * RUN;
      if (i < COLUMNS) raw[c] = *reinterpret_cast<const uint4*>(row + i);
    }
  }
  __device__ Run run(int c) const {
    const uint4 x = raw[c];
    return {{low_half(x.x), high_half(x.x), low_half(x.y), high_half(x.y), low_half(x.z), high_half(x.z), low_half(x.w), high_half(x.w)}};
  }
};

namespace detail {
__device__ inline void add_run(float* to, const Run& x, int count) {
#pragma unroll
  for (int j = 0; j < RUN; ++j)
    if (j < count) to[j] += x[j];
}
__device__ inline void add_run(float* to, float x, int) { *to += x; }
}  // namespace detail

/// The sums of a block's teams, one team after the other, to `out` [COLUMNS]. Each lane holds its own columns of each chunk.
template <int64_t COLUMNS, int LANES, int STEP, typename Part, int CHUNKS>
__device__ inline void sum_of_teams(const Part (&partial)[CHUNKS], float* out) {
  __shared__ float total[COLUMNS];
  constexpr int THREADS = RowBlock<LANES>::THREADS, TEAMS = RowBlock<LANES>::TEAMS;
  const int lane = threadIdx.x % LANES, team = threadIdx.x / LANES;
  __syncthreads();
  for (int i = threadIdx.x; i < COLUMNS; i += THREADS) total[i] = 0;
  for (int turn = 0; turn < TEAMS; ++turn) {
    __syncthreads();
    if (team != turn) continue;
#pragma unroll
    for (int c = 0; c < CHUNKS; ++c) {
      const int i = (c * LANES + lane) * STEP;
      if (i < COLUMNS) detail::add_run(total + i, partial[c], int(COLUMNS) - i);
    }
  }
  __syncthreads();
  for (int i = threadIdx.x; i < COLUMNS; i += THREADS) out[i] = total[i];
}

constexpr int SUM_THREADS = 1024;

/// target[i] (+)= the sum over blocks of partials[block · stride + i]. A block takes 32 columns; its warps take every 32nd row.
template <typename T>
__global__ void __launch_bounds__(SUM_THREADS) sum_of_blocks(const float* partials, int blocks, int64_t stride, int64_t columns, T* target, bool adds) {
  constexpr int WARPS = SUM_THREADS / WARP;
  __shared__ float sums[WARPS][WARP];
  const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
  const int64_t column = blockIdx.x * int64_t(WARP) + lane;
  float sum = 0;
  if (column < columns)
#pragma unroll 4
    for (int block = warp; block < blocks; block += WARPS) sum += partials[block * stride + column];
  sums[warp][lane] = sum;
  __syncthreads();
  if (warp > 0 || column >= columns) return;
  for (int other = 1; other < WARPS; ++other) sum += sums[other][lane];
  target[column] = from_float<T>(adds ? to_float(target[column]) + sum : sum);
}

}  // namespace mlac
