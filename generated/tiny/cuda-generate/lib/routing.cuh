/*
 * Routing of tokens to experts, and the gradient of its logits. One warp per token: lane l holds the experts l, l + 32, …
 *
 * choose_experts: three kernels, because where a row goes depends on the choices of all the tokens before it.
 *   choose_kernel     a block per chunk of tokens: scores, choices, gates; how often each expert was chosen, the sums of its shares
 *   balance_kernel    one block: where each chunk's first row of each expert goes, offsets, loads, the balance loss
 *   sort_kernel       a block per chunk: the row of each choice (counting_sort.cuh)
 */
#pragma once

#include "counting_sort.cuh"
#include "kernel.cuh"
#include "workspace.cuh"

namespace mlac {

enum class Score { softmax, sigmoid };

/// Tokens of one block.
constexpr int64_t ROUTE_CHUNK = 64;

constexpr int64_t route_workspace(int64_t tokens, int64_t experts) {
  const int64_t counts = ceil_div(tokens, ROUTE_CHUNK) * experts;
  return room(counts, sizeof(int32_t)) + room(counts, sizeof(float));
}

/// Orders floats as unsigned integers: no two that compare differently are swapped, and NaN has a place too. Never 0.
__device__ inline uint32_t order_of(float x) {
  const uint32_t bits = __float_as_uint(x);
  const uint32_t key = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
  return key == 0 ? 1 : key;
}

/// The experts of one lane.
template <int EXPERTS>
struct Lane {
  static constexpr int COUNT = (EXPERTS + WARP - 1) / WARP;
};

/// p = softmax or sigmoid of one token's logits; 0 where there is no expert. In full precision: choices hang on it.
template <Score SCORE, int EXPERTS, typename T>
__device__ void scores_of(const T* logits, int lane, float (&p)[Lane<EXPERTS>::COUNT]) {
  constexpr int COUNT = Lane<EXPERTS>::COUNT;
  float most = -INFINITY;
#pragma unroll
  for (int j = 0; j < COUNT; ++j) {
    const int e = lane + j * WARP;
    p[j] = e < EXPERTS ? to_float(logits[e]) : -INFINITY;
    most = fmaxf(most, p[j]);
  }
  if constexpr (SCORE == Score::softmax) {
    most = max_of_lanes(most);
    float sum = 0;
#pragma unroll
    for (int j = 0; j < COUNT; ++j) {
      p[j] = lane + j * WARP < EXPERTS ? expf(p[j] - most) : 0.f;
      sum += p[j];
    }
    sum = sum_of_lanes(sum);
#pragma unroll
    for (int j = 0; j < COUNT; ++j) p[j] = p[j] / sum;
  } else {
#pragma unroll
    for (int j = 0; j < COUNT; ++j) p[j] = lane + j * WARP < EXPERTS ? 1.f / (1.f + expf(-p[j])) : 0.f;
  }
}

/// Scores, choices and gates of the tokens from `begin` on, a warp each; how often each expert was chosen, added to `count`, and this warp's sums
/// of the experts' shares. All WARPS of a block call it.
template <Score SCORE, int EXPERTS, int TOP, int WARPS, typename T>
__device__ void choose_chunk(int64_t begin, int64_t end, float scale, const T* logits, const float* bias, float* gates, int32_t* choice, float* probabilities, int32_t* count, float* share) {
  static_assert(TOP >= 1 && TOP <= EXPERTS, "a token chooses among the experts");
  constexpr int COUNT = Lane<EXPERTS>::COUNT;
  const int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
  float added[COUNT], preference[COUNT];
#pragma unroll
  for (int j = 0; j < COUNT; ++j) {
    added[j] = 0;
    preference[j] = bias && lane + j * WARP < EXPERTS ? bias[lane + j * WARP] : 0.f;
  }
  for (int64_t token = begin + warp; token < end; token += WARPS) {
    float p[COUNT];
    scores_of<SCORE, EXPERTS>(logits + token * EXPERTS, lane, p);
    float whole = 0;
    uint32_t key[COUNT];
#pragma unroll
    for (int j = 0; j < COUNT; ++j) {
      const int e = lane + j * WARP;
      whole += p[j];
      if (e < EXPERTS) probabilities[token * EXPERTS + e] = p[j];
      key[j] = e < EXPERTS ? order_of(p[j] + preference[j]) : 0;
    }
    whole = sum_of_lanes(whole);
#pragma unroll
    for (int j = 0; j < COUNT; ++j) added[j] += p[j] / whole;

    // The largest of what is left, TOP times; of equals the lower expert.
    int chosen[TOP];
    float chosen_p[TOP];
    float sum = 0;
#pragma unroll
    for (int k = 0; k < TOP; ++k) {
      uint32_t best = 0;
      int best_expert = EXPERTS;
      float best_p = 0;
#pragma unroll
      for (int j = 0; j < COUNT; ++j)
        if (key[j] > best) {
          best = key[j];
          best_expert = lane + j * WARP;
          best_p = p[j];
        }
      const uint32_t winning = __reduce_max_sync(0xffffffffu, best);
      const int winner = __reduce_min_sync(0xffffffffu, best == winning ? best_expert : EXPERTS);
#pragma unroll
      for (int j = 0; j < COUNT; ++j)
        if (lane + j * WARP == winner) key[j] = 0;
      chosen[k] = winner;
      chosen_p[k] = __shfl_sync(0xffffffffu, best_p, winner % WARP);
      sum += chosen_p[k];
    }
#pragma unroll
    for (int k = 0; k < TOP; ++k)
      if (lane == k % WARP) {
        gates[token * TOP + k] = chosen_p[k] / sum * scale;
        choice[token * TOP + k] = chosen[k];
        atomicAdd(&count[chosen[k]], 1);
      }
  }

#pragma unroll
  for (int j = 0; j < COUNT; ++j)
    if (lane + j * WARP < EXPERTS) share[lane + j * WARP] = added[j];
}

template <Score SCORE, int EXPERTS, int TOP, typename T>
__global__ void __launch_bounds__(SORT_THREADS) choose_kernel(int64_t tokens, float scale, const T* __restrict__ logits, const float* __restrict__ bias, float* __restrict__ gates,
                                                              int32_t* __restrict__ choice, float* __restrict__ probabilities, int32_t* __restrict__ counts,
                                                              float* __restrict__ shares) {
  __shared__ int32_t count[EXPERTS];
  __shared__ float share[SORT_WARPS][EXPERTS];
  for (int e = threadIdx.x; e < EXPERTS; e += SORT_THREADS) count[e] = 0;
  __syncthreads();
  const int64_t begin = blockIdx.x * ROUTE_CHUNK, end = min(tokens, begin + ROUTE_CHUNK);
  choose_chunk<SCORE, EXPERTS, TOP, SORT_WARPS>(begin, end, scale, logits, bias, gates, choice, probabilities, count, share[threadIdx.x / WARP]);
  __syncthreads();
  for (int e = threadIdx.x; e < EXPERTS; e += SORT_THREADS) {
    float sum = 0;
#pragma unroll
    for (int w = 0; w < SORT_WARPS; ++w) sum += share[w][e];
    shares[int64_t(blockIdx.x) * EXPERTS + e] = sum;
    counts[int64_t(blockIdx.x) * EXPERTS + e] = count[e];
  }
}

/// `factor` = aux · E / (tokens · TOP) / tokens
template <int EXPERTS>
__global__ void __launch_bounds__(SCAN_THREADS) balance_kernel(int64_t chunks, double factor, int32_t* __restrict__ counts, const float* __restrict__ shares, int32_t* __restrict__ offsets,
                                                               int32_t* __restrict__ load, float* __restrict__ balance) {
  __shared__ int32_t partial[SCAN_THREADS];
  __shared__ int32_t first[EXPERTS + 1];
  __shared__ double share[SCAN_THREADS];
  const ScanShare<EXPERTS> mine(chunks);
  double sum = 0;
#pragma unroll 8
  for (int64_t chunk = mine.begin; chunk < mine.end; ++chunk) sum += double(shares[chunk * EXPERTS + mine.bin]);
  share[threadIdx.x] = sum;
  scan_counts<EXPERTS>(chunks, counts, partial, first);

  for (int e = threadIdx.x; e <= EXPERTS; e += SCAN_THREADS) offsets[e] = first[e];
  if (threadIdx.x < EXPERTS) {
    const int e = threadIdx.x;
    const int32_t rows = first[e + 1] - first[e];
    load[e] = rows;
    double whole = 0;
    for (int segment = 0; segment < ScanShare<EXPERTS>::SEGMENTS; ++segment) whole += share[segment * EXPERTS + e];
    share[e] = whole * double(rows);
  }
  __syncthreads();
  if (threadIdx.x < WARP) {
    double uneven = 0;
    for (int e = threadIdx.x; e < EXPERTS; e += WARP) uneven += share[e];
#pragma unroll
    for (int step = WARP / 2; step > 0; step /= 2) uneven += __shfl_xor_sync(0xffffffffu, uneven, step);
    if (threadIdx.x == 0) balance[0] = float(factor * uneven);
  }
}

template <int EXPERTS, int TOP>
__global__ void __launch_bounds__(SORT_THREADS) sort_kernel(int64_t tokens, const int32_t* __restrict__ positions, const int32_t* __restrict__ choice, int32_t* __restrict__ slot,
                                                            int32_t* __restrict__ source) {
  __shared__ int32_t place[SORT_WARPS][EXPERTS];
  const int64_t begin = blockIdx.x * ROUTE_CHUNK, end = min(tokens, begin + ROUTE_CHUNK);
  place_chunk<EXPERTS>(
      begin * TOP, end * TOP, positions + int64_t(blockIdx.x) * EXPERTS, place, [=](int64_t i) { return choice[i]; },
      [=](int64_t i, int32_t row) {
        slot[i] = row;
        source[row] = int32_t(i);
      });
}

/// logits, probabilities [tokens, EXPERTS]; bias [EXPERTS] or null; gates, choice, slot [tokens, TOP]; source [tokens · TOP]; offsets [EXPERTS + 1];
/// load [EXPERTS]; balance []. What they mean: compiler/ops/route.ts.
template <Score SCORE, int EXPERTS, int TOP, typename T>
void choose_experts(cudaStream_t stream, int64_t tokens, double scale, double aux, const T* logits, const float* bias, float* gates, int32_t* choice, int32_t* slot, int32_t* source,
                    int32_t* offsets, int32_t* load, float* probabilities, float* balance, char* workspace) {
  const int64_t chunks = ceil_div(tokens, ROUTE_CHUNK);
  Workspace rest{workspace};
  int32_t* counts = rest.take<int32_t>(chunks * EXPERTS);
  float* shares = rest.take<float>(chunks * EXPERTS);
  const double factor = aux * EXPERTS / (double(tokens) * TOP) / double(tokens);
  choose_kernel<SCORE, EXPERTS, TOP><<<chunks, SORT_THREADS, 0, stream>>>(tokens, float(scale), logits, bias, gates, choice, probabilities, counts, shares);
  balance_kernel<EXPERTS><<<1, SCAN_THREADS, 0, stream>>>(chunks, factor, counts, shares, offsets, load, balance);
  sort_kernel<EXPERTS, TOP><<<chunks, SORT_THREADS, 0, stream>>>(tokens, counts, choice, slot, source);
}

/// `factor` = aux · E / (tokens · TOP) / tokens
template <Score SCORE, int EXPERTS, int TOP, typename D, typename T>
__global__ void __launch_bounds__(SORT_THREADS) choose_grad_kernel(int64_t tokens, float scale, float factor, const float* __restrict__ probabilities, const float* __restrict__ gates,
                                                                   const int32_t* __restrict__ choice, const int32_t* __restrict__ load, const D* __restrict__ d_gates,
                                                                   const float* __restrict__ d_balance, T* __restrict__ d_logits) {
  constexpr int COUNT = Lane<EXPERTS>::COUNT;
  const int lane = threadIdx.x % WARP;
  const int64_t token = int64_t(blockIdx.x) * SORT_WARPS + threadIdx.x / WARP;
  if (token >= tokens) return;
  const float balance = d_balance[0] * factor;

  // The shares p / Σp of the balance loss.
  float p[COUNT], d[COUNT];
  float whole = 0, weighted = 0;
#pragma unroll
  for (int j = 0; j < COUNT; ++j) {
    const int e = lane + j * WARP;
    p[j] = e < EXPERTS ? probabilities[token * EXPERTS + e] : 0.f;
    d[j] = e < EXPERTS ? balance * float(load[e]) : 0.f;
    whole += p[j];
    weighted += d[j] * p[j];
  }
  whole = sum_of_lanes(whole);
  weighted = sum_of_lanes(weighted) / whole;
#pragma unroll
  for (int j = 0; j < COUNT; ++j) d[j] = (d[j] - weighted) / whole;

  // The gates: gate_k = scale · p_k / Σ_chosen p.
  float sum = 0, inner = 0;
#pragma unroll
  for (int k = 0; k < TOP; ++k) {
    const int64_t i = token * TOP + k;
    sum += probabilities[token * EXPERTS + choice[i]];
    inner += to_float(d_gates[i]) * gates[i];
  }
#pragma unroll
  for (int k = 0; k < TOP; ++k) {
    const int64_t i = token * TOP + k;
    const float along = (to_float(d_gates[i]) * scale - inner) / sum;
#pragma unroll
    for (int j = 0; j < COUNT; ++j)
      if (lane + j * WARP == choice[i]) d[j] += along;
  }

  float along = 0;
  if constexpr (SCORE == Score::softmax) {
#pragma unroll
    for (int j = 0; j < COUNT; ++j) along += d[j] * p[j];
    along = sum_of_lanes(along);
  }
#pragma unroll
  for (int j = 0; j < COUNT; ++j) {
    const int e = lane + j * WARP;
    const float slope = SCORE == Score::softmax ? d[j] - along : d[j] * (1.f - p[j]);
    if (e < EXPERTS) d_logits[token * EXPERTS + e] = from_float<T>(p[j] * slope);
  }
}

/// d_logits [tokens, EXPERTS], through the gates (a quotient of probabilities), the balance loss (loads are constants) and the score.
template <Score SCORE, int EXPERTS, int TOP, typename D, typename T>
void choose_experts_grad(cudaStream_t stream, int64_t tokens, double scale, double aux, const float* probabilities, const float* gates, const int32_t* choice, const int32_t* load,
                         const D* d_gates, const float* d_balance, T* d_logits) {
  const double factor = aux * EXPERTS / (double(tokens) * TOP) / double(tokens);
  choose_grad_kernel<SCORE, EXPERTS, TOP><<<ceil_div(tokens, SORT_WARPS), SORT_THREADS, 0, stream>>>(tokens, float(scale), float(factor), probabilities, gates, choice, load, d_gates,
                                                                                                      d_balance, d_logits);
}

}  // namespace mlac
