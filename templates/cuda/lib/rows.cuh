// What row kernels share: how many blocks there are, and sums over all rows in a fixed order.
#pragma once

#include "kernel.cuh"

namespace mlac {

constexpr int ROW_WARPS = 8;
constexpr int ROW_THREADS = ROW_WARPS * WARP;

/// Enough blocks to keep any GPU busy; each then takes several rows if there are more.
inline int row_blocks(int64_t rows) { return int(ceil_div(rows, ROW_WARPS) < 65536 ? ceil_div(rows, ROW_WARPS) : 65536); }

/// Where rows are summed up, every block leaves one row of partial sums. Their number depends on the shape alone.
constexpr int MOST_SUM_BLOCKS = 528;
constexpr int row_blocks_of_sums(int64_t rows) { return int(ceil_div(rows, ROW_WARPS) < MOST_SUM_BLOCKS ? ceil_div(rows, ROW_WARPS) : MOST_SUM_BLOCKS); }

namespace detail {
__device__ inline void add_run(float* to, const Run& x, int count) {
#pragma unroll
  for (int j = 0; j < RUN; ++j)
    if (j < count) to[j] += x[j];
}
__device__ inline void add_run(float* to, float x, int) { *to += x; }
}  // namespace detail

/// The sums of a block's warps, one warp after the other, to `out` [COLUMNS]. Each lane holds its own columns of each chunk.
template <int64_t COLUMNS, int STEP, typename Part, int CHUNKS>
__device__ inline void sum_of_warps(const Part (&partial)[CHUNKS], float* out) {
  __shared__ float total[COLUMNS];
  const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
  __syncthreads();
  for (int i = threadIdx.x; i < COLUMNS; i += ROW_THREADS) total[i] = 0;
  for (int turn = 0; turn < ROW_WARPS; ++turn) {
    __syncthreads();
    if (warp != turn) continue;
#pragma unroll
    for (int c = 0; c < CHUNKS; ++c) {
      const int i = (c * WARP + lane) * STEP;
      if (i < COLUMNS) detail::add_run(total + i, partial[c], int(COLUMNS) - i);
    }
  }
  __syncthreads();
  for (int i = threadIdx.x; i < COLUMNS; i += ROW_THREADS) out[i] = total[i];
}

/// target[i] (+)= the sum over blocks of partials[block · stride + i]. A block takes 32 columns; its warps take every eighth row.
template <typename T>
__global__ void __launch_bounds__(ROW_THREADS) sum_of_blocks(const float* partials, int blocks, int64_t stride, int64_t columns, T* target, bool adds) {
  __shared__ float sums[ROW_WARPS][WARP];
  const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
  const int64_t column = blockIdx.x * int64_t(WARP) + lane;
  float sum = 0;
  if (column < columns)
    for (int block = warp; block < blocks; block += ROW_WARPS) sum += partials[block * stride + column];
  sums[warp][lane] = sum;
  __syncthreads();
  if (warp > 0 || column >= columns) return;
  for (int other = 1; other < ROW_WARPS; ++other) sum += sums[other][lane];
  target[column] = from_float<T>(adds ? to_float(target[column]) + sum : sum);
}

}  // namespace mlac
