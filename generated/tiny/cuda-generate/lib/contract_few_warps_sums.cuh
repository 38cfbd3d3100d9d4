// Products with one or two tiles of rows: where the sums of the parts of k meet. contract_few_warps.cuh has the picture.
#pragma once

#include "contract_few_warps_loads.cuh"

namespace mlac {
namespace few {
namespace by_warps {

/// A warp's own sums, [SUMS][ROWS] rows of SPAN columns, and with NORMED its sum of squares behind those of the first.
template <class L, bool NORMED, int TILES>
__device__ inline void keep(float* own, int rows, const float (&sums)[L::SUMS][TILES][4][4], const float (&squares)[TILES]) {
  const int g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
#pragma unroll
  for (int tile = 0; tile < TILES; ++tile) {
#pragma unroll
    for (int e = 0; e < 2; ++e)
      if (TILE * tile + 2 * t + e < rows)
#pragma unroll
        for (int s = 0; s < L::SUMS; ++s)
#pragma unroll
          for (int j = 0; j < 8; ++j) own[(s * L::ROWS + TILE * tile + 2 * t + e) * STRIDE + 8 * j + g] = sums[s][tile][j / 2][2 * (j % 2) + e];
    if constexpr (NORMED) {
      const float sum = sum_of_lanes<4>(squares[tile]);
      if (t == 0) *reinterpret_cast<float4*>(own + (TILE * tile + g) * STRIDE + SPAN) = make_float4(sum, 0, 0, 0);
    }
  }
}

/// The block's sums of its warps' parts: to the blocks of the cluster that own the rows. With NORMED the sums of squares lie behind a row's columns.
template <class L, bool NORMED>
__device__ inline void send(const unsigned char* memory, const L& layout, int rows, int rank, const Parts& parts) {
  const uint32_t base = address_of(memory);
#pragma unroll
  for (int s = 0; s < L::SUMS; ++s) {
    const int quads = SPAN / 4 + (NORMED && s == 0);
#pragma unroll 1
    for (int i = threadIdx.x; i < rows * quads; i += THREADS) {
      const int row = i / quads, column = i % quads * 4, at = parts.div(row);
      float4 sum = {};
#pragma unroll
      for (int part = 0; part < WARPS; ++part) {
        const float4 x = *reinterpret_cast<const float4*>(memory + part * layout.ring + ((s * L::ROWS + row) * STRIDE + column) * 4);
        sum = {sum.x + x.x, sum.y + x.y, sum.z + x.z, sum.w + x.w};
      }
      send_at(base + layout.received + (((rank * L::SUMS + s) * layout.local + at) * STRIDE + column) * 4, base + layout.barrier, row - at * parts.cluster, sum);
    }
  }
}

/// What the parts of k come to, in their order, goes to the epilogue: four rows a warp at a time. They are blocks of the cluster, or warps where it is one block.
template <class L, bool NORMED, typename J>
__device__ inline void finish(const J& job, const Place& place, const unsigned char* memory, const L& layout, int64_t first, int rows, int rank, int cluster) {
  const int lane = threadIdx.x % WARP, column = lane % 8 * RUN;
  const bool alone = cluster == 1;
  const int parts = alone ? WARPS : cluster, next_sum = alone ? L::ROWS : layout.local, next_part = alone ? layout.ring / 4 : L::SUMS * next_sum * STRIDE;
  const float* const from = reinterpret_cast<const float*>(memory + (alone ? 0 : layout.received));
#pragma unroll 1
  for (int four = threadIdx.x / WARP * 4; four * cluster + rank < rows; four += 4 * WARPS) {
    const int at = four + lane / 8, row = at * cluster + rank;
    const bool exists = row < rows;
    Run total[L::SUMS] = {};
    float squares = 0;
#pragma unroll 1
    for (int part = 0; exists && part < parts; ++part) {
      const float* const own = from + part * next_part + at * STRIDE;
#pragma unroll
      for (int s = 0; s < L::SUMS; ++s) {
        const Run x = load_aligned(own + s * next_sum * STRIDE + column);
#pragma unroll
        for (int j = 0; j < RUN; ++j) total[s][j] += x[j];
      }
      if (NORMED) squares += own[SPAN];
    }
    if constexpr (NORMED) {
      const float factor = rsqrtf(__fdividef(squares, float(job.k[0])) + job.norm.eps);
#pragma unroll
      for (int s = 0; s < L::SUMS; ++s)
#pragma unroll
        for (int j = 0; j < RUN; ++j) total[s][j] *= factor;
    }
    job.epilogues(place.side, place.group, first + row, int64_t(place.n) + column, exists ? max(0, min(RUN, job.n[place.side] - place.n - column)) : 0, total);
  }
}

}  // namespace by_warps
}  // namespace few
}  // namespace mlac
