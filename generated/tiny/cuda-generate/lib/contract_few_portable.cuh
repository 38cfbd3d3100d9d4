/*
 * Products with few rows on any device. contract_few.cuh says what they are for.
 *
 * The tensor cores see the transpose: 16 columns of B are the rows of an mma.sync, eight rows of A its columns, so that one row wastes little.
 * Weights go from memory straight to registers, 16 bytes a lane, a ring of DEPTH loads ahead of the products; no shared memory, no barrier.
 *
 *   warp    64 columns of B, up to 32 rows, 32 k at a time, or 64 where k is contiguous
 *   block   the same columns: K_WARPS parts of k, and two warps with the same weights where there are more than 32 rows
 *
 * Sums meet in shared memory, in the order of k's parts: the same inputs give the same bits.
 *
 * How a lane (g, t) of a warp holds 32 k: x[8i + g][8t … 8t + 7], 16 bytes of a row of A. Of B, where n is contiguous: eight columns from 8g
 * of the rows k = 8t … 8t + 7, whose pairs of k are put together by byte permutes; where k is contiguous: 8t … 8t + 7 of the columns
 * g, g + 8, g + 16 … Which k of the 32 an mma calls its first does not matter as long as A and B agree. A step is taken in pieces of four loads
 * a sum: a half of its k where n is contiguous; else a quarter of its columns, twice 32 k of each, so that whole lines of 128 bytes are asked for.
 */
#pragma once

#include "contract_few_loads.cuh"

namespace mlac {
namespace few {
namespace portable {

__device__ inline float4 operator+(float4 a, float4 b) { return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w); }

/// A warp's sums to shared memory, rows STRIDE floats apart. Where n is contiguous a lane has eight neighbours of the rows 2t and 2t + 1.
template <bool BY_N, int TILES>
__device__ inline void store_sums(float* to, const float (&sums)[TILES][4][4]) {
  const int g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
#pragma unroll
  for (int i = 0; i < TILES; ++i)
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      float* const row = to + (TILE * i + 2 * t + e) * STRIDE;
      if constexpr (BY_N) {
        reinterpret_cast<float4*>(row + 8 * g)[0] = make_float4(sums[i][0][e], sums[i][0][2 + e], sums[i][1][e], sums[i][1][2 + e]);
        reinterpret_cast<float4*>(row + 8 * g)[1] = make_float4(sums[i][2][e], sums[i][2][2 + e], sums[i][3][e], sums[i][3][2 + e]);
      } else {
#pragma unroll
        for (int j = 0; j < 4; ++j) row[16 * j + g] = sums[i][j][e], row[16 * j + 8 + g] = sums[i][j][2 + e];
      }
    }
}

template <typename C, int TILES, typename Norm, typename Epilogues>
__global__ void __launch_bounds__(Layout<C, TILES>::THREADS, Layout<C, TILES>::BLOCKS) few_rows_kernel(const Job<C, Norm, Epilogues> job) {
  using L = Layout<C, TILES>;
  constexpr bool RAGGED = C::KIND == Kind::ragged_m, NORMED = Norm::NORMED;
  constexpr int SUMS = C::SUMS, MT = L::WARP_TILES, DEPTH = L::DEPTH, PIECES = L::PIECES;
  extern __shared__ __align__(16) float few_memory[];
  float* const squares = few_memory + L::OWN;  // [K_WARPS][ROWS]

  const int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, row_warp = warp % L::ROW_WARPS, k_warp = warp / L::ROW_WARPS;
  Place place(job, blockIdx.x);
  int begin = 0, end = job.m;
  if constexpr (RAGGED) {
    place.group = touched_group(job.offsets, job.groups, place.group);
    if (place.group < 0) return;
    begin = job.offsets[place.group], end = job.offsets[place.group + 1];
  }
  const int group = place.group, n = place.n, n_end = job.n[place.side];

  for (int first = begin; first < end; first += L::ROWS) {
    float sums[SUMS][MT][4][4] = {};
#pragma unroll
    for (int p = 0; p < C::PRODUCTS; ++p) {
      // A warp's part of the steps.
      const int steps = (job.k[p] + L::STEP - 1) / L::STEP, step = steps * k_warp / L::K_WARPS, pieces = PIECES * (steps * (k_warp + 1) / L::K_WARPS - step);
      Weights<L> weights(job.b[p][place.side], job.k[p], group, n, n_end, step);
      uint4 w[DEPTH][SUMS][4], x[2][L::CHUNKS][MT];
#pragma unroll
      for (int i = 0; i < DEPTH; ++i)
        if (i < pieces) weights.load(w[i], i % PIECES);
      const float* gains = nullptr;
      if constexpr (NORMED) gains = job.norm.gain;
      Rows<C, L, NORMED> rows(job.a[p], gains, job.k[p], group, first + row_warp * MT * TILE, end - first - row_warp * MT * TILE, step);
      if (pieces > 0) rows.load(x[0]);
      // Two steps a round, so that every register is known by its number.
      for (int base = 0; base < pieces; base += 2 * PIECES)
#pragma unroll
        for (int i = 0; i < 2 * PIECES; ++i) {
          if (base + i >= pieces) break;
          if (i % PIECES == 0 && base + i + PIECES < pieces) rows.load(x[(i / PIECES + 1) % 2]);
#pragma unroll
          for (int s = 0; s < SUMS; ++s) multiply_piece<L::BY_N>(sums[s], w[i % DEPTH][s], x[i / PIECES], i % PIECES);
          if (base + i + DEPTH < pieces) weights.load(w[i % DEPTH], (i + DEPTH) % PIECES);
        }
      if constexpr (NORMED)
#pragma unroll
        for (int i = 0; i < MT; ++i) {
          const float total = sum_of_lanes<4>(rows.squares[i]);
          if (lane % 4 == 0) squares[k_warp * L::ROWS + row_warp * MT * TILE + TILE * i + lane / 4] = total;
        }
    }

#pragma unroll
    for (int s = 0; s < SUMS; ++s) store_sums<L::BY_N>(few_memory + ((k_warp * SUMS + s) * L::ROWS + row_warp * MT * TILE) * STRIDE, sums[s]);
    __syncthreads();
    const int exist = min(end - first, L::ROWS);
    for (int four = warp; 4 * four < exist; four += L::WARPS) {
      const int row = four * 4 + lane / 8, column = lane % 8 * RUN;
      Run total[SUMS];
      float factor = 1.f;
      if constexpr (NORMED) {
        float sum = 0;
#pragma unroll
        for (int part = 0; part < L::K_WARPS; ++part) sum += squares[part * L::ROWS + row];
        factor = rsqrtf(sum / float(job.k[0]) + job.norm.eps);
      }
#pragma unroll
      for (int s = 0; s < SUMS; ++s) {
        float4 low = {}, high = {};
#pragma unroll
        for (int part = 0; part < L::K_WARPS; ++part) {
          const auto* from = reinterpret_cast<const float4*>(few_memory + ((part * SUMS + s) * L::ROWS + row) * STRIDE + column);
          low = low + from[0], high = high + from[1];
        }
        total[s] = {{low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w}};
        if constexpr (NORMED)
#pragma unroll
          for (int j = 0; j < RUN; ++j) total[s][j] *= factor;
      }
      job.epilogues(place.side, group, int64_t(first) + row, int64_t(n) + column, row < exist ? max(0, min(RUN, n_end - n - column)) : 0, total);
    }
    __syncthreads();  // another round overwrites what others may still read
  }
}

/// job: without first_block. most_groups: groups that may have rows.
template <typename C, int TILES, typename Norm, typename Epilogues>
cudaError_t launch(cudaStream_t stream, Job<C, Norm, Epilogues> job, int64_t most_groups) {
  using L = Layout<C, TILES>;
  job.count_blocks();
  const auto kernel = few_rows_kernel<C, TILES, Norm, Epilogues>;
  const cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, L::BYTES);
  if (error != cudaSuccess) return error;
  return launch_overlapping(stream, kernel, unsigned(job.column_blocks() * most_groups), L::THREADS, L::BYTES, 1, job);
}

}  // namespace portable
}  // namespace few
}  // namespace mlac
