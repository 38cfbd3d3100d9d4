// Attention on Hopper, the forward pass: the softmax of a warpgroup's scores, in the registers where the product leaves them.
#pragma once

#include "attention_hopper.cuh"

namespace mlac::flash::warpgroups {

/// Makes -infinity of the scores of the first tile of keys that do not count. query: the lane's first one, as counted from the first key.
template <bool CAUSAL, int COUNT>
__device__ inline void hide_scores(float (&scores)[COUNT], int query, int keys) {
  const int column = threadIdx.x % 4 * 2;
#pragma unroll
  for (int i = 0; i < COUNT; ++i) {
    const int key = i / 4 * 8 + column + i % 2;
    if (CAUSAL ? key > query + i / 2 % 2 * 8 : key >= keys) scores[i] = -INFINITY;
  }
}

/// What a lane knows of the softmax of its two rows: the largest score, and the sum of its own columns' exponentials of score − largest.
struct Softmax {
  float largest[2] = {-INFINITY, -INFINITY}, sum[2] = {0.f, 0.f};

  /// Scores become exponentials. `correction`: what the earlier sums are to be multiplied by. Two chains for each row, because the few
  /// warps of a block hide little latency.
  template <int COUNT>
  __device__ void soften(float (&scores)[COUNT], float (&correction)[2], float scale) {
    float top[4] = {largest[0], largest[0], largest[1], largest[1]}, shift[2], added[4] = {0.f, 0.f, 0.f, 0.f};
#pragma unroll
    for (int i = 0; i < COUNT; ++i) top[i % 4] = fmaxf(top[i % 4], scores[i]);
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const float most = max_of_lanes<4>(fmaxf(top[2 * half], top[2 * half + 1]));
      correction[half] = power_of_2((largest[half] - most) * scale);
      shift[half] = -most * scale;
      largest[half] = most;
    }
#pragma unroll
    for (int i = 0; i < COUNT; ++i) {
      scores[i] = power_of_2(fmaf(scores[i], scale, shift[i / 2 % 2]));
      added[i % 4] += scores[i];
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) sum[half] = sum[half] * correction[half] + (added[2 * half] + added[2 * half + 1]);
  }
};

/// Exponentials as the left operand of a product.
template <int KEYS>
__device__ inline void round_scores(uint32_t (&p)[KEYS / 16][4], const float (&scores)[KEYS / 2]) {
#pragma unroll
  for (int i = 0; i < KEYS / 4; ++i) p[i / 4][i % 4] = pair_of(scores[2 * i], scores[2 * i + 1]);
}

}  // namespace mlac::flash::warpgroups
