/*
 * Drawing a token from each row of logits: temperature, the k most likely, the most likely that together reach p; and the token's log-probability.
 *
 * A cluster of blocks has a row, each block a part of the vocabulary, which it reads once and keeps in shared memory (where there are no
 * clusters one block has the row and reads it anew each time). What is asked of the row is a sum over all its warps:
 *
 *   largest logit, and the sum of exponentials                  for log-probabilities; temperature 0 is done with that
 *   few most likely ones                                        sample_few.cuh: candidates, which one block puts in order
 *   else threshold of the k largest, of the most likely         four bits of the logits' order at a time
 *   the first id whose running sum of weights reaches u · total
 *
 * Weights e^((l − largest)/temperature) are whole numbers of 2^-40: sums of them are the same in any order, so the same seed and step give
 * the same token. A weight below 2^-41 of the most likely token's is none.
 */
#pragma once

#include "overlap.cuh"
#include "sample_few.cuh"

namespace mlac {
namespace sampling {

/// Draws from all tokens, or from those that top-k and top-p leave, whatever their number.
__device__ inline void draw_from_many(Row& r, int top_k, const Weight& weight) {
  const Arguments& a = r.a;
  // Of a logit whose order is `least` so many are kept, the first ones; of larger ones all, of smaller ones none.
  uint32_t least = 0;
  Whole equals = Whole(a.vocabulary), above = 0;
  if (top_k < a.vocabulary) {
    least = r.threshold(Whole(top_k), above, [](float) { return Whole(1); });
    equals = Whole(top_k) - above;
  }
  Whole own = 0;
#pragma unroll 4
  for (int i = r.begin + r.lane; i < r.end; i += WARP)
    if (order_of(r.logits[i]) > least || least == 0) own += weight(r.logits[i]);
  Whole total = r.total(own), single = least > 0 ? weight(logit_of(least)) : 0;
  Whole with_equals = total + (least > 0 ? equals * single : 0);
  const double top_p = a.top_p[r.row];
  if (top_p < 1) {
    const Whole enough = Whole(max(1ll, __double2ll_ru(top_p * double(with_equals))));
    if (least == 0 || enough <= total) {
      const uint32_t last = least;
      least = r.threshold(enough, above, [=](float x) { return last == 0 || order_of(x) > last ? weight(x) : Whole(0); });
      total = above;
      single = weight(logit_of(least));
    } else above = total;
    equals = single > 0 ? (enough - above + single - 1) / single : 1;
    with_equals = total + equals * single;
  }

  // The first id at which the running sum reaches u · total: (sum of larger ones' weights, how many equals) of a warp's ids, and of all ids before them.
  const Whole wanted = wanted_of(a, r.row, with_equals);
  const auto larger_weight = [&](int i) { return i < r.end && (least == 0 || order_of(r.logits[i]) > least) ? weight(r.logits[i]) : Whole(0); };
  const auto is_equal = [&](int i) { return i < r.end && least > 0 && order_of(r.logits[i]) == least; };
  Whole larger = 0, same = 0;
#pragma unroll 4
  for (int i = r.begin + r.lane; i < r.end; i += WARP) larger += larger_weight(i), same += is_equal(i);
  larger = Row::of_lanes(larger, Row::sum_of_wholes), same = Row::of_lanes(same, Row::sum_of_wholes);
  Whole* const sums = r.common.bins[r.turn];  // [WARPS] of larger ones, [WARPS] of equals
  __syncthreads();
  if (r.lane == 0) sums[r.warp] = larger, sums[WARPS + r.warp] = same;
  meet();
  Whole before = 0, equals_before = 0;
  for (int i = r.lane; i < r.rank * WARPS + r.warp; i += WARP) before += of_block(&sums[i % WARPS], i / WARPS), equals_before += of_block(&sums[WARPS + i % WARPS], i / WARPS);
  before = Row::of_lanes(before, Row::sum_of_wholes), equals_before = Row::of_lanes(equals_before, Row::sum_of_wholes);
  const auto running = [&](Whole weights, Whole same_ones) { return weights + min(same_ones, equals) * single; };
  if (running(before, equals_before) >= wanted || running(before + larger, equals_before + same) < wanted) return;
  for (int base = r.begin; base < r.end; base += WARP) {
    const int i = base + r.lane;
    Whole weights = larger_weight(i), same_ones = is_equal(i);
#pragma unroll
    for (int step = 1; step < WARP; step *= 2) {
      const Whole w = __shfl_up_sync(0xffffffffu, weights, step), s = __shfl_up_sync(0xffffffffu, same_ones, step);
      if (r.lane >= step) weights += w, same_ones += s;
    }
    const unsigned reached = __ballot_sync(0xffffffffu, running(before + weights, equals_before + same_ones) >= wanted);
    if (reached) {
      if (r.lane == __ffs(reached) - 1) r.answer(int64_t(r.rank) * a.part + i, r.logits[i]);
      return;
    }
    before += __shfl_sync(0xffffffffu, weights, WARP - 1), equals_before += __shfl_sync(0xffffffffu, same_ones, WARP - 1);
  }
}

__global__ void __launch_bounds__(THREADS, 2) sample_kernel(const Arguments a) {
  extern __shared__ __align__(16) float kept[];
  __shared__ Common common;
  __shared__ Few few;
  if (threadIdx.x == 0) common.found = 0;
  inputs_ready();
  Row r(a, kept, common);
  const bool first = r.rank == 0 && threadIdx.x == 0;
  if (a.slot[r.row] < 0) {
    if (first) a.sampled[r.row] = -1, a.log_probability[r.row] = 0;
    return;
  }
  if (r.find_largest()) {
    const double temperature = a.temperature[r.row];
    const int64_t id = r.sum_exponentials(), asked = a.top_k[r.row], top_k = asked > 0 ? min(asked, a.vocabulary) : a.vocabulary;
    if (temperature > 0) {
      const Weight weight(r.largest, temperature);
      if (top_k > MOST_FEW || !draw_from_few(r, few, int(top_k), weight)) draw_from_many(r, int(top_k), weight);
    } else if (first) {
      r.answer(id, r.largest);
    }
  } else if (first) {
    // No logit is the largest: the caller is told by a token that does not exist.
    a.sampled[r.row] = -2, a.log_probability[r.row] = 0;
  }
  meet();  // others may still read what this block left
}

}  // namespace sampling

/// Draws one token from each row of logits [rows, vocabulary]. temperature (0: the most likely, of equals the first), top_k (0: all), top_p (1: all),
/// seed, step, slot (< 0: there is no row): [rows] each, on the device. sampled [rows]: the token; -1 where there is no row; -2 where no logit is the
/// largest (NaN, or an infinity). log_probability [rows]: of that token by softmax of the logits themselves. Returns what the launch returned.
inline cudaError_t sample_tokens(cudaStream_t stream, int64_t rows, int64_t vocabulary, const float* logits, const double* temperature, const int32_t* top_k, const double* top_p,
                                 const uint64_t* seed, const int64_t* step, const int32_t* slot, int32_t* sampled, double* log_probability) {
  constexpr int cluster = sampling::BLOCKS;
  const int part = int(ceil_div(vocabulary, 4 * cluster)) * 4;
  constexpr int MOST_KEPT = 200 * 1024 / 4;
  const bool keeps = cluster > 1 && part <= MOST_KEPT;
  const size_t shared = keeps ? sizeof(float) * size_t(part) : 0;
  const cudaError_t error = cudaFuncSetAttribute(sampling::sample_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, int(shared));
  if (error != cudaSuccess) return error;
  const sampling::Arguments a{vocabulary, part, keeps, logits, temperature, top_k, top_p, seed, step, slot, sampled, log_probability};
  return launch_overlapping(stream, sampling::sample_kernel, unsigned(rows * cluster), sampling::THREADS, shared, cluster, a);
}

}  // namespace mlac
