/*
 * Drawing a token from each row of logits: temperature, the k most likely, the most likely that together reach p; and the token's log-probability.
 *
 * A cluster of blocks has a row, each block a part of the vocabulary, which it reads once and keeps in shared memory (where there are no
 * clusters one block has the row and reads it anew each time). Whatever is asked of the row then is a sum over all its blocks:
 *
 *   largest logit, and the sum of exponentials                  for log-probabilities
 *   threshold of the k largest, threshold of the most likely    four bits of the logits' order at a time
 *   the first id whose running sum of weights reaches u · total
 *
 * Weights e^((l − largest)/temperature) are whole numbers of 2^-40: sums of them are the same in any order, so the same seed and step give
 * the same token. A weight below 2^-41 of the most likely token's is none.
 */
#pragma once

#include "counter_random.cuh"
#include "overlap.cuh"
#include "sample_row.cuh"

namespace mlac {
namespace sampling {

__device__ inline float logit_of(uint32_t order) { return __uint_as_float(order & 0x80000000u ? order & 0x7fffffffu : ~order); }

__global__ void __launch_bounds__(THREADS) sample_kernel(const Arguments a) {
  extern __shared__ float kept[];
  __shared__ Common common;
  using Whole = unsigned long long;
  const int row = blockIdx.x / blocks_of_row(), lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
  inputs_ready();
  if (a.slot[row] < 0) {
    if (rank_of_block() == 0 && threadIdx.x == 0) a.sampled[row] = -1, a.log_probability[row] = 0;
    return;
  }
  Row r(a, kept, common);
  const auto larger_of = [](double x, double y) { return x > y ? x : y; };
  const auto sum_of = [](double x, double y) { return x + y; };
  float own = -INFINITY;
  bool finite = true;
  for (int i = threadIdx.x; i < r.count; i += THREADS) {
    finite = finite && r.logits[i] < INFINITY;  // NaN is not
    own = fmaxf(own, r.logits[i]);
  }
  const double largest = r.joined(finite ? own : double(INFINITY), larger_of);
  if (!(fabs(largest) < INFINITY)) {
    // No logit is the largest: the caller is told by a token that does not exist.
    if (r.rank == 0 && threadIdx.x == 0) a.sampled[row] = -2, a.log_probability[row] = 0;
    meet();
    return;
  }
  double exponentials = 0;
  for (int i = threadIdx.x; i < r.count; i += THREADS) exponentials += double(expf(r.logits[i] - float(largest)));
  const double all = r.joined(exponentials, sum_of);

  const double temperature = a.temperature[row];
  const auto weight = [=](float logit) -> Whole {
    return temperature > 0 ? Whole(__double2ll_rn(UNIT * double(expf(float((double(logit) - largest) / temperature))))) : Whole(double(logit) == largest);
  };
  // Of a logit whose order is `least` so many are kept, the first ones; of larger ones all, of smaller ones none.
  uint32_t least = 0;
  Whole equals = Whole(a.vocabulary);
  Whole above = 0;
  if (temperature > 0 && a.top_k[row] > 0 && a.top_k[row] < a.vocabulary) {
    least = r.threshold(Whole(a.top_k[row]), above, [](float) { return Whole(1); });
    equals = Whole(a.top_k[row]) - above;
  } else if (!(temperature > 0)) {
    least = order_of(float(largest));
    equals = 1;
  }
  // Sums over ids below 2^53 units are exact.
  const auto total_of = [&](uint32_t from) {
    Whole sum = 0;
    for (int i = threadIdx.x; i < r.count; i += THREADS)
      if (order_of(r.logits[i]) > from || from == 0) sum += weight(r.logits[i]);
    // In two halves, each of which a double holds exactly.
    const Whole low = Whole(r.joined(double(sum & 0xffffffffu), sum_of)), high = Whole(r.joined(double(sum >> 32), sum_of));
    return (high << 32) + low;
  };
  Whole total = total_of(least), single = least > 0 ? weight(logit_of(least)) : 0;
  Whole with_equals = total + (least > 0 ? equals * single : 0);
  if (temperature > 0 && a.top_p[row] < 1) {
    const Whole enough = Whole(max(1ll, __double2ll_ru(a.top_p[row] * double(with_equals))));
    if (least == 0 || enough <= total) {
      const uint32_t last = least;
      least = r.threshold(enough, above, [=](float x) { return last == 0 || order_of(x) > last ? weight(x) : Whole(0); });
      total = above;
      single = weight(logit_of(least));
    } else above = total;
    equals = single > 0 ? (enough - above + single - 1) / single : 1;
    with_equals = total + equals * single;
  }

  // The first id at which the running sum reaches u · total. Each warp of each block has ids that follow one another.
  const Whole wanted = max(Whole(1), Whole(__double2ll_ru(uniform(mix(a.seed[row]), uint64_t(a.step[row])) * double(with_equals))));
  const int each = int(ceil_div(ceil_div(a.part, WARPS), WARP)) * WARP, begin = min(r.count, warp * each), end = min(r.count, begin + each);
  // (sum of larger ones' weights, how many equals) of a warp's ids, and of all ids before them.
  const auto larger_weight = [&](int i) { return i < end && (least == 0 || order_of(r.logits[i]) > least) ? weight(r.logits[i]) : Whole(0); };
  const auto is_equal = [&](int i) { return i < end && least > 0 && order_of(r.logits[i]) == least; };
  Whole larger = 0, same = 0;
  for (int i = begin + lane; i < end; i += WARP) larger += larger_weight(i), same += is_equal(i);
#pragma unroll
  for (int step = WARP / 2; step > 0; step /= 2) larger += __shfl_xor_sync(0xffffffffu, larger, step), same += __shfl_xor_sync(0xffffffffu, same, step);
  Whole* const sums = common.bins[r.turn];  // [WARPS] of larger ones, [WARPS] of equals
  __syncthreads();
  if (lane == 0) sums[warp] = larger, sums[WARPS + warp] = same;
  meet();
  Whole before = 0, equals_before = 0;
  for (int i = lane; i < r.rank * WARPS + warp; i += WARP) before += of_block(&sums[i % WARPS], i / WARPS), equals_before += of_block(&sums[WARPS + i % WARPS], i / WARPS);
#pragma unroll
  for (int step = WARP / 2; step > 0; step /= 2)
    before += __shfl_xor_sync(0xffffffffu, before, step), equals_before += __shfl_xor_sync(0xffffffffu, equals_before, step);
  const auto running = [&](Whole weights, Whole same_ones) { return weights + min(same_ones, equals) * single; };
  if (running(before, equals_before) < wanted && running(before + larger, equals_before + same) >= wanted) {
    for (int base = begin; base < end; base += WARP) {
      const int i = base + lane;
      Whole weights = larger_weight(i), same_ones = is_equal(i);
#pragma unroll
      for (int step = 1; step < WARP; step *= 2) {
        const Whole w = __shfl_up_sync(0xffffffffu, weights, step), s = __shfl_up_sync(0xffffffffu, same_ones, step);
        if (lane >= step) weights += w, same_ones += s;
      }
      const unsigned reached = __ballot_sync(0xffffffffu, running(before + weights, equals_before + same_ones) >= wanted);
      if (reached) {
        if (lane == __ffs(reached) - 1) {
          a.sampled[row] = int32_t(int64_t(r.rank) * a.part + i);
          a.log_probability[row] = double(r.logits[i]) - largest - ::log(all);
        }
        break;
      }
      before += __shfl_sync(0xffffffffu, weights, WARP - 1), equals_before += __shfl_sync(0xffffffffu, same_ones, WARP - 1);
    }
  }
  meet();  // others may still read this block's sums
}

}  // namespace sampling

/// Draws one token from each row of logits [rows, vocabulary]. temperature (0: the most likely, of equals the first), top_k (0: all), top_p (1: all),
/// seed, step, slot (< 0: there is no row): [rows] each, on the device. sampled [rows]: the token; -1 where there is no row; -2 where no logit is the
/// largest (NaN, or an infinity). log_probability [rows]: of that token by softmax of the logits themselves. Returns what the launch returned.
inline cudaError_t sample_tokens(cudaStream_t stream, int64_t rows, int64_t vocabulary, const float* logits, const double* temperature, const int32_t* top_k, const double* top_p,
                                 const uint64_t* seed, const int64_t* step, const int32_t* slot, int32_t* sampled, double* log_probability) {
#ifdef MLAC_HOPPER
  constexpr int cluster = sampling::BLOCKS;
#else
  constexpr int cluster = 1;
#endif
  const int part = int(ceil_div(vocabulary, cluster));
  constexpr int MOST_KEPT = 200 * 1024 / 4;
  const bool keeps = cluster > 1 && part <= MOST_KEPT;
  const size_t shared = keeps ? sizeof(float) * size_t(part) : 0;
  const cudaError_t error = cudaFuncSetAttribute(sampling::sample_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, int(shared));
  if (error != cudaSuccess) return error;
  const sampling::Arguments a{vocabulary, part, keeps, logits, temperature, top_k, top_p, seed, step, slot, sampled, log_probability};
  return launch_overlapping(stream, sampling::sample_kernel, unsigned(rows * cluster), sampling::THREADS, shared, cluster, a);
}

}  // namespace mlac
