/*
 * Routing of few tokens at the end of the product that makes their logits: who has a token's logits chooses for it, and the warp that finishes
 * the last token gives the choices their rows. Experts are at most 64, so that one warp has whole rows of logits: eight lanes a token, eight
 * experts a lane.
 */
#pragma once

#include "routing.cuh"

namespace mlac {

constexpr unsigned ALL_LANES = 0xffffffffu;

/// 32 choices, one a lane, of experts below 64: which lanes' are of one expert.
struct Choices {
  static constexpr int BITS = 6;
  unsigned exist, bit[BITS];

  __device__ Choices(int expert, bool exists) : exist(__ballot_sync(ALL_LANES, exists)) {
#pragma unroll
    for (int b = 0; b < BITS; ++b) bit[b] = __ballot_sync(ALL_LANES, expert >> b & 1);
  }
  __device__ unsigned of(int expert) const {
    unsigned lanes = exist;
#pragma unroll
    for (int b = 0; b < BITS; ++b) lanes &= expert >> b & 1 ? bit[b] : ~bit[b];
    return lanes;
  }
};

/// The row of each choice: rows of one expert lie together, in the order of their choices. In `slot` are the experts that were chosen, and are the
/// rows then; source[row] is the choice, and expert e owns rows offsets[e] to offsets[e + 1]. One warp.
template <int EXPERTS>
__device__ inline void place_choices(int choices, int32_t* slot, int32_t* source, int32_t* offsets) {
  const int lane = threadIdx.x % WARP;
  const auto choices_from = [&](int base, int& expert) {
    const bool exists = base + lane < choices;
    expert = exists ? __ldcg(slot + base + lane) : 0;  // other multiprocessors wrote them
    return Choices(expert, exists);
  };
  // Of the experts lane and lane + 32: how many rows there are, then where the next one goes.
  int next[2] = {}, expert;
  for (int base = 0; base < choices; base += WARP) {
    const Choices all = choices_from(base, expert);
    next[0] += __popc(all.of(lane)), next[1] += __popc(all.of(lane + WARP));
  }
  int before = 0;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    int through = next[half];
#pragma unroll
    for (int step = 1; step < WARP; step *= 2) {
      const int left = __shfl_up_sync(ALL_LANES, through, step);
      if (lane >= step) through += left;
    }
    next[half] = before + through - next[half];
    before += __shfl_sync(ALL_LANES, through, WARP - 1);
    if (half * WARP + lane < EXPERTS) offsets[half * WARP + lane] = next[half];
  }
  if (lane == 0) offsets[EXPERTS] = before;
  for (int base = 0; base < choices; base += WARP) {
    const Choices all = choices_from(base, expert);
    const int low = __shfl_sync(ALL_LANES, next[0], expert % WARP), high = __shfl_sync(ALL_LANES, next[1], expert % WARP);
    const int row = (expert < WARP ? low : high) + __popc(all.of(expert) & ((1u << lane) - 1));
    if (base + lane < choices) slot[base + lane] = row, source[row] = base + lane;
    next[0] += __popc(all.of(lane)), next[1] += __popc(all.of(lane + WARP));
  }
}

/// What choose_experts (routing.cuh) does, for the epilogue of a product of few rows: logits of one token, of the experts from `column` on, of which
/// `count` exist. All lanes of a warp call it. `chosen`: tokens that have chosen, 0 before the launch and after it.
/// bias [EXPERTS] or null; gates, slot [tokens TOP]; source [tokens · TOP]; offsets [EXPERTS + 1].
template <Score SCORE, int EXPERTS, int TOP>
__device__ inline void route_row(const Run& logits, int64_t token, int column, int count, int tokens, float scale, const float* bias, float* gates, int32_t* slot, int32_t* source,
                                 int32_t* offsets, unsigned* chosen) {
  static_assert(EXPERTS <= 64 && EXPERTS % RUN == 0 && TOP >= 1 && TOP <= EXPERTS, "eight lanes have a token's experts");
  const int lane = threadIdx.x % WARP, own = lane % 8;
  const bool exists = __shfl_sync(ALL_LANES, count, lane - own) > 0;
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

  // The largest of what is left, TOP times; of equals the lower expert.
  uint32_t key[RUN];
#pragma unroll
  for (int j = 0; j < RUN; ++j) key[j] = count > 0 ? order_of(p[j] + (bias ? bias[column + j] : 0.f)) : 0;
  constexpr int MINE = (TOP + 7) / 8;  // choices that a lane remembers
  int experts[MINE];
  float scores[MINE], sum = 0;
#pragma unroll
  for (int k = 0; k < TOP; ++k) {
    uint32_t best = 0;
    int expert = EXPERTS;
    float score = 0;
#pragma unroll
    for (int j = 0; j < RUN; ++j)
      if (key[j] > best) best = key[j], expert = column + j, score = p[j];
#pragma unroll
    for (int step = 4; step > 0; step /= 2) {
      const uint32_t other = __shfl_xor_sync(ALL_LANES, best, step);
      const int its_expert = __shfl_xor_sync(ALL_LANES, expert, step);
      const float its_score = __shfl_xor_sync(ALL_LANES, score, step);
      if (other > best || (other == best && its_expert < expert)) best = other, expert = its_expert, score = its_score;
    }
#pragma unroll
    for (int j = 0; j < RUN; ++j)
      if (column + j == expert) key[j] = 0;
    if (own == k % 8) experts[k / 8] = expert, scores[k / 8] = score;
    sum += score;
  }
#pragma unroll
  for (int k = 0; k < TOP; ++k)
    if (exists && own == k % 8) {
      gates[token * TOP + k] = scores[k / 8] / sum * scale;
      slot[token * TOP + k] = experts[k / 8];
    }

  // Whoever is the last to say that its tokens have chosen sees what all others have.
  __threadfence();
  __syncwarp();
  const int rows = __popc(__ballot_sync(ALL_LANES, exists && own == 0));
  bool last = false;
  if (lane == 0 && rows > 0) last = int(atomicAdd(chosen, unsigned(rows))) + rows == tokens;
  if (!__shfl_sync(ALL_LANES, last, 0)) return;
  __threadfence();
  place_choices<EXPERTS>(tokens * TOP, slot, source, offsets);
  if (lane == 0) *chosen = 0;
}

}  // namespace mlac
