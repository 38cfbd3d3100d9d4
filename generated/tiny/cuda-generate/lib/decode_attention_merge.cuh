// The parts of a sequence's attention become one result. decode_attention_parts.cuh has the picture.
#pragma once

#include "decode_attention_tiles.cuh"

namespace mlac::decode {

constexpr int MERGE_THREADS = 256, MERGE_COLUMNS = 4, AT_A_TIME = 4;  // of a thread: columns, parts

/// whole = the parts' sums over their sums of probabilities, after each got the factor that it lacks. TEAMS threads share the parts of the same
/// columns, neighbouring threads have neighbouring columns.
template <int X, int TEAMS>
__global__ void __launch_bounds__(MERGE_THREADS) merge_kernel(const Arguments a) {
  constexpr int LANES = MERGE_THREADS / TEAMS, QUADS = (X + MERGE_COLUMNS - 1) / MERGE_COLUMNS;
  __shared__ float sums[TEAMS][MERGE_COLUMNS + 1][LANES];
  next_may_begin();
  const int64_t quad = blockIdx.x * int64_t(LANES) + threadIdx.x % LANES;
  const int team = threadIdx.x / LANES, column = int(quad % QUADS) * MERGE_COLUMNS, to = int(quad / QUADS);  // to: head of a row
  const int row = least(to / a.heads, a.rows - 1), from = a.slot[row] < 0 ? 0 : row, parts = a.parts.count(a.position[from] + 1);
  const int64_t first = (int64_t(from) * a.heads + to % a.heads) * a.most_parts;
  const auto* statistics = reinterpret_cast<const float2*>(a.statistics) + first;
  const float* out = a.out + first * X + column;
  inputs_ready();
  float top = -INFINITY, sum[MERGE_COLUMNS + 1] = {};  // the last one: of probabilities; all lack the factor 2^-top
  for (int base = team; base < parts; base += AT_A_TIME * TEAMS) {
    // All of them are asked for before one is used.
    float2 of_part[AT_A_TIME];
    float x[AT_A_TIME][MERGE_COLUMNS] = {};
#pragma unroll
    for (int i = 0; i < AT_A_TIME; ++i) {
      const int part = base + i * TEAMS;
      of_part[i] = part < parts ? statistics[part] : make_float2(-INFINITY, 0);
      if (part >= parts) continue;
      if constexpr (X % MERGE_COLUMNS == 0) {
        *reinterpret_cast<float4*>(x[i]) = *reinterpret_cast<const float4*>(out + int64_t(part) * X);
      } else {
#pragma unroll
        for (int c = 0; c < MERGE_COLUMNS; ++c)
          if (column + c < X) x[i][c] = out[int64_t(part) * X + c];
      }
    }
    const float earlier = top;
#pragma unroll
    for (int i = 0; i < AT_A_TIME; ++i) top = fmaxf(top, of_part[i].x);
    const float correction = flash::power_of_2(earlier - top);
#pragma unroll
    for (float& s : sum) s *= correction;
#pragma unroll
    for (int i = 0; i < AT_A_TIME; ++i) {
      const float factor = flash::power_of_2(of_part[i].x - top);
#pragma unroll
      for (int c = 0; c < MERGE_COLUMNS; ++c) sum[c] += factor * x[i][c];
      sum[MERGE_COLUMNS] += factor * of_part[i].y;
    }
  }
  if constexpr (TEAMS > 1) {
    __shared__ float tops[TEAMS][LANES];
    const int lane = threadIdx.x % LANES;
    tops[team][lane] = top;
#pragma unroll
    for (int c = 0; c <= MERGE_COLUMNS; ++c) sums[team][c][lane] = sum[c];
    __syncthreads();
    if (team > 0) return;
#pragma unroll
    for (int other = 1; other < TEAMS; ++other) top = fmaxf(top, tops[other][lane]);
#pragma unroll
    for (int c = 0; c <= MERGE_COLUMNS; ++c) sum[c] = 0;
#pragma unroll
    for (int other = 0; other < TEAMS; ++other) {
      const float factor = flash::power_of_2(tops[other][lane] - top);  // 0 of a team that had no part
#pragma unroll
      for (int c = 0; c <= MERGE_COLUMNS; ++c) sum[c] += factor * sums[other][c][lane];
    }
  }
  if (to >= a.rows * a.heads) return;
#pragma unroll
  for (int c = 0; c < MERGE_COLUMNS; ++c)
    if (column + c < X) a.whole[int64_t(to) * X + column + c] = from_float<bf16>(sum[c] / sum[MERGE_COLUMNS]);
}

}  // namespace mlac::decode
