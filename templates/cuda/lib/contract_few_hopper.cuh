/*
 * Products with few rows on Hopper. contract_few.cuh says what they are for.
 *
 * The tensor cores see the transpose: 64 columns of B are the rows of a wgmma, the rows of A, in tiles of eight, its columns.
 *
 *   block     64 columns of B and a part of k; the parts of k are the blocks of a cluster, as many as all run at once
 *   weights   one thread fills a ring of stages with 64 k of the columns each (TMA): before the kernel ahead has ended, since no kernel writes weights
 *   rows      three warps bring the same k of A's rows, taking stages by turns; here they are gathered and get their gains
 *   products  four warps multiply
 *
 * A block takes less than half a multiprocessor's shared memory, so that the next kernel's blocks come to lie beside it and fill their rings
 * while it still computes: memory is then busy across launches.
 *
 * Sums meet in shared memory: each block keeps its own, and the blocks of the cluster take four rows by turns and add up what all have of
 * them, in the order of k's parts. No atomics, one order: the same inputs give the same bits, and a row's do not depend on the other rows.
 */
#pragma once

#include "contract_few_hopper_loads.cuh"
#include "tensor_map.cuh"

namespace mlac {
namespace few {
namespace on_hopper {

/// The four product warps: the block's sums, to where the ring was, [SUMS][ROWS] rows of SPAN columns.
template <typename C, class L, bool NORMED>
__device__ inline void multiply_steps(int count, int before, const Ring& ring, float* to) {
  constexpr bool BY_K = C::B == Major::k;
  const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
  const uint64_t of_weights = matrix_descriptor(BY_K, WEIGHT_BYTES), of_rows = matrix_descriptor(true, L::ROW_BYTES);
  float sums[L::SUMS][L::ROWS / 2];
  for (int i = 0; i < count; ++i) {
    const Turn<L::STAGES> turn(before + i);
    const uint32_t stage = ring.stages + turn.stage * L::STAGE_BYTES;
    barrier_wait(ring.full + 8 * turn.stage, turn.phase);
    if (!NORMED) fence_for_async_proxy();  // rows that ordinary copies brought
    products_begin();
    const uint64_t rows = of_rows + descriptor_address(stage + L::SUMS * WEIGHT_BYTES);
#pragma unroll
    for (int s = 0; s < L::SUMS; ++s) {
      const uint64_t weights = of_weights + descriptor_address(stage + s * WEIGHT_BYTES);
#pragma unroll
      for (int k = 0; k < BK / 16; ++k)
        multiply<L::ROWS, !BY_K, 0>(sums[s], weights + k * descriptor_step(BY_K), rows + k * descriptor_step(true), i > 0 || k > 0);
    }
    products_commit();
    // The step before is done: its stage may be filled again.
    products_wait<1>();
    if (i > 0 && lane == 0) barrier_arrive(ring.empty + 8 * Turn<L::STAGES>(before + i - 1).stage);
  }
  products_wait<0>();
#pragma unroll
  for (int s = 0; s < L::SUMS; ++s) pin(sums[s]);
  if (lane == 0) barrier_arrive(ring.empty + 8 * Turn<L::STAGES>(before + count - 1).stage);
  meet<PRODUCT_WARPS * WARP>(1);  // no product reads the ring any more
#pragma unroll
  for (int s = 0; s < L::SUMS; ++s)
#pragma unroll
    for (int j = 0; j < L::ROWS / 8; ++j)
#pragma unroll
      for (int h = 0; h < 2; ++h)
#pragma unroll
        for (int e = 0; e < 2; ++e) to[(s * L::ROWS + 8 * j + 2 * (lane % 4) + e) * STRIDE + 16 * warp + 8 * h + lane / 4] = sums[s][4 * j + 2 * h + e];
}

/// The product warps: four rows a warp, every cluster · PRODUCT_WARPS-th four of them, added up over the cluster's blocks.
template <typename C, class L, bool NORMED, typename J>
__device__ inline void finish(const J& job, const Place& place, int64_t first, int rows, int rank, int cluster, const float* sums, const float* squares) {
  const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, column = lane % 8 * RUN;
  for (int four = warp * cluster + rank; 4 * four < rows; four += PRODUCT_WARPS * cluster) {
    const int row = 4 * four + lane / 8;
    Run total[L::SUMS];
#pragma unroll
    for (int s = 0; s < L::SUMS; ++s) {
      const uint32_t from = address_of(sums + (s * L::ROWS + row) * STRIDE + column);
      float4 low = {}, high = {};
      for (int part = 0; part < cluster; ++part) {
        const float4 a = load_from(from, part), b = load_from(from + 16, part);
        low = {low.x + a.x, low.y + a.y, low.z + a.z, low.w + a.w}, high = {high.x + b.x, high.y + b.y, high.z + b.z, high.w + b.w};
      }
      total[s] = {{low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w}};
    }
    if constexpr (NORMED) {
      // A lane of the row's eight has the squares of one block of the cluster.
      float4 own = {};
      if (lane % 8 < cluster) own = load_from(address_of(squares + 4 * row), lane % 8);
      const float factor = rsqrtf(sum_of_lanes<8>(own.x + own.y + own.z) / float(job.k[0]) + job.norm.eps);
#pragma unroll
      for (int s = 0; s < L::SUMS; ++s)
#pragma unroll
        for (int j = 0; j < RUN; ++j) total[s][j] *= factor;
    }
    job.epilogues(place.side, place.group, first + row, int64_t(place.n) + column, row < rows ? max(0, min(RUN, job.n[place.side] - place.n - column)) : 0, total);
  }
}

template <typename C, int TILES, typename Norm, typename Epilogues>
__global__ void __launch_bounds__(THREADS, 2) few_rows_kernel(const __grid_constant__ Plan<Job<C, Norm, Epilogues>, C> plan, int cluster) {
  using L = Layout<C, TILES>;
  constexpr bool RAGGED = C::KIND == Kind::ragged_m, NORMED = Norm::NORMED;
  extern __shared__ __align__(16) unsigned char few_memory[];
  const auto& job = plan.job;
  if (!job.order.next_asks_early) next_may_begin();
  const int warp = threadIdx.x / WARP, rank = blockIdx.x % cluster;
  const uint32_t space = address_of(few_memory), stages = (space + 1023) & ~1023u, barriers = stages + L::STAGES * L::STAGE_BYTES + L::SQUARES_BYTES;
  const Ring ring{stages, barriers, barriers + 8 * L::STAGES};
  float* const sums = reinterpret_cast<float*>(few_memory + (stages - space));
  float* const squares = sums + L::STAGES * L::STAGE_BYTES / 4;
  if (threadIdx.x == 0) {
    // A stage is full when its weights are there and its rows, for which a lane arrives, or each one's copies; it is empty when the products are done with it.
    for (int i = 0; i < L::STAGES; ++i) barrier_init(ring.full + 8 * i, 1 + (NORMED ? 1 : WARP)), barrier_init(ring.empty + 8 * i, PRODUCT_WARPS);
    barrier_init_done();
  }
  __syncthreads();

  Place place(job, blockIdx.x / cluster);
  int begin = 0, end = job.m;
  if constexpr (RAGGED) {
    if (!job.order.offsets_are_old) inputs_ready();
    place.group = touched_group(job.offsets, job.groups, place.group);
    if (place.group < 0) {  // as for the whole cluster
      inputs_ready();
      return;
    }
    begin = job.offsets[place.group], end = job.offsets[place.group + 1];
  }
  const Steps<C::PRODUCTS> steps(job.k, rank, cluster);
  int before = 0;
  for (int first = begin; first < end; first += L::ROWS, before += steps.count) {
    const int rows = min(end - first, L::ROWS);
    if (warp == PRODUCT_WARPS) {
      if (threadIdx.x % WARP == 0) bring_weights<C, L>(plan, place, steps, before, ring);
      __syncwarp();
    } else if (warp > PRODUCT_WARPS) {
      inputs_ready();
      if (job.order.next_asks_early) next_may_begin();
      if constexpr (NORMED) bring_normed_rows<C, L>(job, place.group, steps, before, first, rows, ring, squares);
      else bring_rows<C, L>(job, place.group, steps, before, first, rows, ring);
    } else {
      multiply_steps<C, L, NORMED>(steps.count, before, ring, sums);
      inputs_ready();
    }
    if (cluster > 1) cluster_meet();
    else __syncthreads();
    if (warp < PRODUCT_WARPS) finish<C, L, NORMED>(job, place, first, rows, rank, cluster, sums, squares);
    // Others may still read this block's sums; and the ring takes their place again.
    fence_for_async_proxy();
    if (cluster > 1) cluster_meet();
    else if (first + L::ROWS < end) __syncthreads();
  }
}

/// job: without first_block. most_groups: groups that may have rows.
template <typename C, int TILES, typename Norm, typename Epilogues>
cudaError_t launch(cudaStream_t stream, Job<C, Norm, Epilogues> job, int64_t most_groups) {
  using L = Layout<C, TILES>;
  using J = Job<C, Norm, Epilogues>;
  job.count_blocks();
  Plan<J, C> plan{job, {}};
  int steps = 0;
  for (int p = 0; p < C::PRODUCTS; ++p) {
    steps += int(ceil_div(job.k[p], BK));
    for (int side = 0; side < J::SIDES; ++side)
      for (int s = 0; s < C::SUMS; ++s) {
        const Matrix& b = job.b[p][side][s];
        const bool by_k = C::B == Major::k;
        const cudaError_t error = make_map(&plan.weights[p][side][s], b.data, b.group_stride ? job.groups : 1, by_k ? job.n[side] : job.k[p], by_k ? job.k[p] : job.n[side],
                                           b.stride, b.group_stride, SPAN);
        if (error != cudaSuccess) return error;
      }
  }
  const int64_t places = job.column_blocks() * most_groups;
  const int cluster = int(max(int64_t(1), min(min(int64_t(MOST_CLUSTER), int64_t(steps)), WANTED_BLOCKS / places)));
  const auto kernel = few_rows_kernel<C, TILES, Norm, Epilogues>;
  const cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, L::BYTES);
  if (error != cudaSuccess) return error;
  return launch_overlapping(stream, kernel, unsigned(places * cluster), THREADS, L::BYTES, cluster, plan, cluster);
}

}  // namespace on_hopper
}  // namespace few
}  // namespace mlac
