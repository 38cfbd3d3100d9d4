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

/// Sums of weights and how many equals there are, of lanes up to this one.
struct Running {
  Whole weights, same;
  __device__ static Running up_to(const Row& r, Whole weights, Whole same) {
#pragma unroll
    for (int step = 1; step < WARP; step *= 2) {
      const Whole w = __shfl_up_sync(0xffffffffu, weights, step), s = __shfl_up_sync(0xffffffffu, same, step);
      if (r.lane >= step) weights += w, same += s;
    }
    return {weights, same};
  }
  __device__ Running of_lane(int lane) const { return {__shfl_sync(0xffffffffu, weights, lane), __shfl_sync(0xffffffffu, same, lane)}; }
  __device__ Running operator+(const Running& other) const { return {weights + other.weights, same + other.same}; }
};

/// Draws: the first id at which the running sum of weights reaches u · total, where all logits count whose order is larger than `least`, and of those
/// whose order it is the first `equals` ones. Each warp of the row has ids that follow one another, each lane of a warp, too.
__device__ inline void find(Row& r, uint32_t least, Whole equals, const Weight& weight) {
  const Whole single = least > 0 ? weight(logit_of(least)) : 0;
  const auto add = [&](int i, Running& to) {
    const float x = r.logits[i];
    const uint32_t order = order_of(x);
    if (least == 0 || order > least) to.weights += weight(x);
    else to.same += order == least;
  };
  const auto value = [&](const Running& x) { return x.weights + min(x.same, equals) * single; };
  const int of_lane = (r.each + WARP - 1) / WARP, first = min(r.end, r.begin + r.lane * of_lane), last = min(r.end, first + of_lane);
  Running own{0, 0};
#pragma unroll 4
  for (int i = first; i < last; ++i) add(i, own);
  const Running lanes = Running::up_to(r, own.weights, own.same);
  Whole* const sums = r.common.bins[r.turn];  // [WARPS] of larger ones, [WARPS] of equals
  if (r.lane == WARP - 1) sums[r.warp] = lanes.weights, sums[WARPS + r.warp] = lanes.same;
  meet();
  Running all{0, 0}, before{0, 0};
#pragma unroll
  for (int w = r.lane; w < ROW_WARPS; w += WARP) {
    const Running of_warp{of_block(&sums[w % WARPS], w / WARPS), of_block(&sums[WARPS + w % WARPS], w / WARPS)};
    all = all + of_warp;
    if (w < r.rank * WARPS + r.warp) before = before + of_warp;
  }
  r.turn ^= 1;
  all = Running::up_to(r, all.weights, all.same).of_lane(WARP - 1), before = Running::up_to(r, before.weights, before.same).of_lane(WARP - 1);
  const Whole wanted = wanted_of(r.a, r.row, value(all));
  const unsigned lanes_reach = __ballot_sync(0xffffffffu, value(before + lanes) >= wanted);
  if (value(before) >= wanted || lanes_reach == 0) return;
  const int lane = __ffs(lanes_reach) - 1;
  if (lane > 0) before = before + lanes.of_lane(lane - 1);
  const int from = __shfl_sync(0xffffffffu, first, lane), to = __shfl_sync(0xffffffffu, last, lane);
  for (int base = from; base < to; base += WARP) {
    const int i = base + r.lane;
    Running ids{0, 0};
    if (i < to) add(i, ids);
    ids = Running::up_to(r, ids.weights, ids.same);
    const unsigned reached = __ballot_sync(0xffffffffu, i < to && value(before + ids) >= wanted);
    if (reached) {
      if (r.lane == __ffs(reached) - 1) r.answer(int64_t(r.rank) * r.a.part + i, r.logits[i]);
      return;
    }
    before = before + ids.of_lane(WARP - 1);
  }
}

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
  const double top_p = a.top_p[r.row];
  if (top_p < 1) {
    Whole own = 0;
#pragma unroll 4
    for (int i = r.begin + r.lane; i < r.end; i += WARP)
      if (order_of(r.logits[i]) > least || least == 0) own += weight(r.logits[i]);
    const Whole total = r.total(own), single = least > 0 ? weight(logit_of(least)) : 0;
    const Whole enough = max(Whole(1), Whole(__double2ll_ru(top_p * double(total + (least > 0 ? equals * single : 0)))));
    if (least == 0 || enough <= total) {
      const uint32_t last = least;
      least = r.threshold(enough, above, [=](float x) { return last == 0 || order_of(x) > last ? weight(x) : Whole(0); });
    } else above = total;
    const Whole of_last = weight(logit_of(least));
    equals = of_last > 0 ? (enough - above + of_last - 1) / of_last : 1;
  }
  find(r, least, equals, weight);
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
