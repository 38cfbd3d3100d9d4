/*
 * Routing of one token at the end of the product that makes its logits: eight lanes have them all, eight experts each. It takes no exchange
 * between blocks; of several tokens that would take longer than a launch.
 */
#pragma once

#include "routing.cuh"

namespace mlac {

/// What choose_experts (routing.cuh) does, in the epilogue of a product with one row: logits of the experts from `column` on, of which `count` exist.
/// All lanes of a warp call it; the first eight have the row. bias [EXPERTS] or null; gates, slot and source [TOP]; offsets [EXPERTS + 1].
template <Score SCORE, int EXPERTS, int TOP>
__device__ inline void route_row(const Run& logits, int column, int count, float scale, const float* bias, float* gates, int32_t* slot, int32_t* source, int32_t* offsets) {
  static_assert(EXPERTS <= 64 && EXPERTS % RUN == 0 && TOP >= 1 && TOP <= EXPERTS && TOP <= WARP, "eight lanes have all experts, a lane a choice");
  constexpr unsigned ALL_LANES = 0xffffffffu;
  const int lane = threadIdx.x % WARP;
  if (!__shfl_sync(ALL_LANES, count, 0)) return;  // a warp without the row
  float p[RUN], most = -INFINITY, all = 0;
#pragma unroll
  for (int j = 0; j < RUN; ++j) most = fmaxf(most, count > 0 ? logits[j] : -INFINITY);
  if constexpr (SCORE == Score::softmax) {
    most = max_of_lanes<8>(most);
#pragma unroll
    for (int j = 0; j < RUN; ++j) {
      p[j] = count > 0 ? expf(logits[j] - most) : 0.f;
      all += p[j];
    }
    all = sum_of_lanes<8>(all);
#pragma unroll
    for (int j = 0; j < RUN; ++j) p[j] = p[j] / all;
  } else {
#pragma unroll
    for (int j = 0; j < RUN; ++j) p[j] = 1.f / (1.f + expf(-logits[j]));
  }

  // The largest of what is left, TOP times; of equals the lower expert. A lane remembers the choice that has its number.
  uint32_t key[RUN];
#pragma unroll
  for (int j = 0; j < RUN; ++j) key[j] = count > 0 ? order_of(p[j] + (bias ? bias[column + j] : 0.f)) : 0;
  int chosen = EXPERTS;
  float score = 0, sum = 0;
#pragma unroll 8
  for (int k = 0; k < TOP; ++k) {
    uint32_t best = 0;
    int expert = EXPERTS;
    float its = 0;
#pragma unroll
    for (int j = 0; j < RUN; ++j)
      if (key[j] > best) best = key[j], expert = column + j, its = p[j];
    const uint32_t winning = __reduce_max_sync(ALL_LANES, lane < 8 ? best : 0);
    expert = __reduce_min_sync(ALL_LANES, lane < 8 && best == winning ? expert : EXPERTS);
    its = __shfl_sync(ALL_LANES, its, expert / RUN);
#pragma unroll
    for (int j = 0; j < RUN; ++j)
      if (column + j == expert) key[j] = 0;
    if (lane == k) chosen = expert, score = its;
    sum += its;
  }

  // A token chooses no expert twice: the row of a choice is the number of chosen experts before its own.
  int row = 0, before[3] = {};
#pragma unroll 8
  for (int k = 0; k < TOP; ++k) {
    const int other = __shfl_sync(ALL_LANES, chosen, k);
    row += other < chosen;
#pragma unroll
    for (int i = 0; i < 3; ++i) before[i] += other < lane + i * WARP;
  }
  if (lane < TOP) gates[lane] = score / sum * scale, slot[lane] = row, source[row] = lane;
#pragma unroll
  for (int i = 0; i < 3; ++i)
    if (lane + i * WARP <= EXPERTS) offsets[lane + i * WARP] = before[i];
}

}  // namespace mlac
