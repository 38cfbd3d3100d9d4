// Drawing from few tokens: the k most likely are found, put in order and drawn from by one block. sample.cuh has the picture.
#pragma once

#include "sample_row.cuh"

namespace mlac {
namespace sampling {

/// Most tokens of a draw that is made this way.
constexpr int MOST_FEW = 96;

/// A candidate as a number: of two the one with the larger logit is larger, of equal ones the one with the smaller id.
__device__ inline Whole candidate_of(float logit, uint32_t id) { return Whole(order_of(logit)) << 32 | ~id; }
__device__ inline float logit_of_candidate(Whole x) { return logit_of(uint32_t(x >> 32)); }
__device__ inline uint32_t id_of_candidate(Whole x) { return ~uint32_t(x); }

struct Few {
  uint32_t tops[GROUPS], least;
  Whole candidates[MOST_CANDIDATES], sorted[MOST_FEW], weights[MOST_FEW], kept_weight;
  int kept;
};

/// The k-th largest of the groups' largest logits, as an order: k logits at least are not below it, and hardly more.
__device__ inline uint32_t bound(Row& r, Few& few, int k) {
  if (threadIdx.x < GROUPS) few.tops[threadIdx.x] = uint32_t(of_block(&r.common.tops[threadIdx.x % BLOCK_GROUPS], threadIdx.x / BLOCK_GROUPS));
  __syncthreads();
  if (threadIdx.x < GROUPS) {
    const uint32_t own = few.tops[threadIdx.x];
    int larger = 0;
#pragma unroll 16
    for (int i = 0; i < GROUPS; ++i) larger += few.tops[i] > own || (few.tops[i] == own && i < threadIdx.x);
    if (larger == k - 1) few.least = own;
  }
  __syncthreads();
  return few.least;
}

/// Draws from the k <= MOST_FEW most likely tokens, of equal ones the first; with top-p, from the fewest of these that reach it. False where too many
/// logits are at the bound: then nothing is drawn.
__device__ inline bool draw_from_few(Row& r, Few& few, int k, const Weight& weight) {
  const Arguments& a = r.a;
  const uint32_t least = bound(r, few, k);
#pragma unroll 8
  for (int i = r.begin + r.lane; i < r.end; i += WARP) {
    const float x = r.logits[i];
    if (order_of(x) < least) continue;
    const Whole place = atomicAdd(&r.common.found, Whole(1));
    if (place < MOST_CANDIDATES) r.common.candidates[place] = candidate_of(x, uint32_t(int64_t(r.rank) * a.part + i));
  }
  meet();
  // Lane b: how many block b found.
  const int own = r.lane < BLOCKS ? int(of_block(&r.common.found, r.lane)) : 0;
  int before = own;
#pragma unroll
  for (int step = 1; step < BLOCKS; step *= 2) {
    const int lower = __shfl_up_sync(0xffffffffu, before, step);
    if (r.lane >= step) before += lower;
  }
  const int count = __shfl_sync(0xffffffffu, before, BLOCKS - 1);
  before -= own;
  if (count > MOST_CANDIDATES) return false;
  if (r.rank > 0) return true;

  for (int block = r.warp; block < BLOCKS; block += WARPS) {
    const int first = __shfl_sync(0xffffffffu, before, block), found = __shfl_sync(0xffffffffu, own, block);
    for (int i = r.lane; i < found; i += WARP) few.candidates[first + i] = of_block(&r.common.candidates[i], block);
  }
  __syncthreads();
  for (int c = threadIdx.x; c < count; c += THREADS) {
    const Whole candidate = few.candidates[c];
    int larger = 0;
#pragma unroll 8
    for (int i = 0; i < count; ++i) larger += few.candidates[i] > candidate;
    if (larger < k) few.sorted[larger] = candidate, few.weights[larger] = weight(logit_of_candidate(candidate));
  }
  __syncthreads();
  const int place = threadIdx.x;
  const Whole own_weight = place < k ? few.weights[place] : 0;
  if (place < k) {
    Whole total = 0, running = 0;
#pragma unroll 8
    for (int i = 0; i < k; ++i) {
      const Whole x = few.weights[i];
      total += x;
      if (i <= place) running += x;
    }
    const Whole enough = a.top_p[r.row] < 1 ? max(Whole(1), Whole(__double2ll_ru(a.top_p[r.row] * double(total)))) : total;
    // With all of them the last ones may weigh nothing.
    if (a.top_p[r.row] < 1 ? running >= enough && running - own_weight < enough : place == k - 1) few.kept = place + 1, few.kept_weight = running;
  }
  __syncthreads();
  if (place < few.kept) {
    const Whole wanted = wanted_of(a, r.row, few.kept_weight), candidate = few.sorted[place];
    const uint32_t id = id_of_candidate(candidate);
    Whole running = 0;
#pragma unroll 8
    for (int i = 0; i < few.kept; ++i)
      if (id_of_candidate(few.sorted[i]) <= id) running += few.weights[i];
    if (running >= wanted && running - own_weight < wanted) r.answer(id, logit_of_candidate(candidate));
  }
  return true;
}

}  // namespace sampling
}  // namespace mlac
