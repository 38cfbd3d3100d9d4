/*
 * Products with one or two tiles of rows on Hopper, weights by rows of n. contract_few.cuh says what they are for.
 *
 * With so few rows latencies are the time: each warp goes its own way, and nothing stands between its weights and its products but its own copies.
 *
 *   warp     64 columns of B, and a part of k of its own, 16 k at a time: a ring of asynchronous copies, filled before the kernel ahead has ended
 *   rows     from the second-level cache straight to registers: 8 bytes a lane are an mma.sync's 16 k
 *   block    the same columns, eight parts of k
 *   cluster  as many parts of k again as it has blocks
 *
 * A block takes less than half a multiprocessor, and no more of its memory than it has weights to bring, so that the blocks of several kernels behind
 * one another lie side by side and fill their rings while the first of them computes: memory is then busy across launches.
 *
 * Sums meet in the order of k's parts: the warps' in shared memory, where the rings were, then the blocks', each of which sends what it has of a row
 * to the block of the cluster that owns the row; a barrier there counts the bytes (st.async). No atomics, one order: the same inputs give the same bits.
 *
 * How a lane (g, t) holds 16 k: x[8i + g][4t … 4t + 3]. What an mma calls k = 2t, 2t + 1, 2t + 8, 2t + 9 are these four; the lanes that name the rows
 * of B for ldmatrix name them in that order. Which k is called the first does not matter as long as A and B agree.
 */
#pragma once

#include "contract_few_warps_sums.cuh"

namespace mlac {
namespace few {
namespace by_warps {

/// sums += the 16 k of a stage. x: this lane's part of the rows.
template <int SUMS, int TILES>
__device__ inline void multiply_step(float (&sums)[SUMS][TILES][4][4], uint32_t stage, const uint2 (&x)[TILES]) {
  // Lanes 8i to 8i + 7 name rows of columns 8 (i % 2) on, the upper half of the warp those of the mma's upper half of k.
  const int lane = threadIdx.x % WARP, named = lane % 8, row = 4 * (named / 2) + named % 2 + 2 * (lane / 16);
#pragma unroll
  for (int s = 0; s < SUMS; ++s)
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      uint32_t w[4];
      load_matrices<true>(w, stage + s * SUM_BYTES + row * LINE + (((2 * j + lane / 8 % 2) ^ named) << 4));
#pragma unroll
      for (int tile = 0; tile < TILES; ++tile) multiply_add(sums[s][tile][j], w, x[tile].x, x[tile].y);
    }
}

template <typename C, int TILES, typename Norm, typename Epilogues>
__global__ void __launch_bounds__(THREADS, 2) few_rows_by_warps_kernel(const __grid_constant__ Job<C, Norm, Epilogues> job, Parts parts, int stages) {
  constexpr bool RAGGED = C::KIND == Kind::ragged_m, NORMED = Norm::NORMED;
  using L = Layout<C, TILES, NORMED>;
  constexpr int SUMS = C::SUMS, STAGES = L::STAGES;
  extern __shared__ __align__(128) unsigned char few_memory[];
  if (!job.order.next_asks_early) next_may_begin();
  const L layout(stages, parts);
  const int warp = threadIdx.x / WARP, cluster = parts.cluster, rank = int(cluster_rank());
  const uint32_t barrier = address_of(few_memory) + layout.barrier, ring = address_of(few_memory) + warp * layout.ring;
  if (cluster > 1) {
    if (threadIdx.x == 0) barrier_init(barrier, 1), barrier_init_done();
    cluster_arrive();  // who sends to another block waits until that one is here
  }
  Place place(job, int(cluster_number()));
  int begin = 0, end = job.m;
  if constexpr (RAGGED) {
    if (!job.order.offsets_are_old) inputs_ready();
    place.group = touched_group(job.offsets, job.groups, place.group);
    if (place.group < 0) {  // and so does the whole cluster
      inputs_ready();
      return;
    }
    begin = job.offsets[place.group], end = job.offsets[place.group + 1];
  }
  const int share = rank * WARPS + warp, step = share * parts.each + min(share, parts.extra), count = parts.each + (share < parts.extra);
  const auto gain = [&](int i) {
    if constexpr (NORMED) return job.norm.gain + (step + i) * STEP;
    else return static_cast<const float*>(nullptr);
  };
  uint32_t phase = 0;
#pragma unroll 1
  for (int first = begin; first < end; first += L::ROWS, phase ^= 1) {
    const int rows = min(end - first, L::ROWS), owned = parts.div(rows - rank + cluster - 1);
    if (cluster > 1 && owned > 0 && threadIdx.x == 0) barrier_arrive_expect(barrier, cluster * owned * (SUMS * SPAN / 4 + NORMED) * 16);
    Weights<C, L> weights(job, place, step);
#pragma unroll 1
    for (int i = 0; i < STAGES; ++i) {
      if (i < count) weights.copy(ring + i * L::STAGE_BYTES, gain(i));
      commit_copies();
    }
    if (first == begin) {
      inputs_ready();
      if (job.order.next_asks_early) next_may_begin();
    }
    Rows<C, TILES, L> a(job, place.group, first, rows, step);
    a.load(ring, count);

    float sums[SUMS][TILES][4][4] = {};
    uint32_t stage = ring;
#pragma unroll 1
    for (int i = 0; i < count; ++i) {
      copies_done<STAGES - 1>();
      __syncwarp();
      uint2 x[TILES];
#pragma unroll
      for (int tile = 0; tile < TILES; ++tile) x[tile] = a.template seen<NORMED>(stage, tile);
      multiply_step(sums, stage, x);
      __syncwarp();
      if (i + STAGES < count) weights.copy(stage, gain(i + STAGES)), a.copy(stage, i + STAGES);
      commit_copies();
      stage = i % STAGES == STAGES - 1 ? ring : stage + L::STAGE_BYTES;
    }
    copies_done<0>();
    __syncwarp();
    keep<L, NORMED>(reinterpret_cast<float*>(few_memory + warp * layout.ring), rows, sums, a.squares);
    __syncthreads();
    if (cluster > 1) {
      if (first == begin) cluster_wait();
      send<L, NORMED>(few_memory, layout, rows, rank, parts);
      if (owned > 0) barrier_acquire(barrier, phase);
    }
    if (owned > 0) finish<L, NORMED>(job, place, few_memory, layout, first, rows, rank, cluster);
    if (first + L::ROWS < end) {  // another round overwrites what others may still read
      if (cluster > 1) cluster_meet();
      else __syncthreads();
    }
  }
}

/// job: without first_block. most_groups: groups that may have rows.
template <typename C, int TILES, typename Norm, typename Epilogues>
cudaError_t launch(cudaStream_t stream, Job<C, Norm, Epilogues> job, int64_t most_groups) {
  using L = Layout<C, TILES, Norm::NORMED>;
  job.count_blocks();
  const int64_t places = job.column_blocks() * most_groups;
  const int steps = int(ceil_div(job.k[0], STEP));
  // A block for each multiprocessor; where that leaves k in one part, two, if so many are there at once.
  const int64_t wanted = PROCESSORS / places > 1 ? PROCESSORS / places : 2 * PROCESSORS / places;
  const int cluster = int(max(int64_t(1), min(min(int64_t(MOST_CLUSTER), ceil_div(steps, WARPS)), wanted))), shares = cluster * WARPS;
  const Parts parts{cluster, steps / shares, steps % shares, 65536 / cluster + 1};
  const int stages = max(L::FEWEST_STAGES, min(L::STAGES, int(ceil_div(steps, shares)))), bytes = L(stages, parts).all;
  const auto kernel = few_rows_by_warps_kernel<C, TILES, Norm, Epilogues>;
  const cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
  if (error != cudaSuccess) return error;
  return launch_overlapping(stream, kernel, unsigned(places * cluster), THREADS, bytes, cluster, job, parts, stages);
}

}  // namespace by_warps
}  // namespace few
}  // namespace mlac
