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

#include "contract_few_job.cuh"
#include "hopper.cuh"
#include "mma.cuh"
#include "tensor_map.cuh"

namespace mlac {
namespace few {
namespace on_hopper {

using namespace hopper;

constexpr int BK = 64, PRODUCT_WARPS = 4, ROW_WARPS = 3, WARPS = PRODUCT_WARPS + 1 + ROW_WARPS, THREADS = WARPS * WARP;
constexpr int WEIGHT_BYTES = BK * SPAN * 2;
#ifndef FEW_RING
#define FEW_RING 96
#endif
#ifndef FEW_BLOCKS
#define FEW_BLOCKS 152
#endif
constexpr int RING_BYTES = FEW_RING * 1024;
constexpr int MOST_CLUSTER = 8;
/// Blocks that are wanted: all multiprocessors of the devices that this is tuned for have one, and some of them a second one.
constexpr int WANTED_BLOCKS = FEW_BLOCKS;

template <typename C, int TILES>
struct Layout {
  static constexpr int SUMS = C::SUMS, ROWS = TILE * TILES;
  static constexpr int ROW_BYTES = ROWS * BK * 2, STAGE_BYTES = SUMS * WEIGHT_BYTES + ROW_BYTES, STAGES = RING_BYTES / STAGE_BYTES;
  static constexpr int SUMS_BYTES = 4 * SUMS * ROWS * STRIDE;  // where the ring was
  static constexpr int SQUARES_BYTES = 16 * ROWS;  // of each row warp
  static constexpr int BYTES = 1024 + STAGES * STAGE_BYTES + SQUARES_BYTES + 16 * STAGES;  // the ring begins at a multiple of 1024
  static_assert(!C::GATHER_A || C::PRODUCTS == 1, "rows are gathered for one product");
  static_assert(STAGES >= 3 && SUMS_BYTES <= STAGES * STAGE_BYTES, "the ring is too short");
};

template <typename J, typename C>
struct Plan {
  J job;
  CUtensorMap weights[C::PRODUCTS][J::SIDES][C::SUMS];
};

/// A block's steps: 64 k each, of all products behind one another; its cluster's blocks share them out evenly.
template <int PRODUCTS>
struct Steps {
  int begin[PRODUCTS + 1];  // of each product
  int first, count;         // this block's
  __device__ Steps(const int (&k)[PRODUCTS], int rank, int cluster) {
    begin[0] = 0;
#pragma unroll
    for (int p = 0; p < PRODUCTS; ++p) begin[p + 1] = begin[p] + (k[p] + BK - 1) / BK;
    first = begin[PRODUCTS] * rank / cluster;
    count = begin[PRODUCTS] * (rank + 1) / cluster - first;
  }
  /// use(product, k) of this block's step i.
  template <typename Use>
  __device__ void at(int i, const Use& use) const {
    const int step = first + i;
#pragma unroll
    for (int p = 0; p < PRODUCTS; ++p)
      if (step >= begin[p] && step < begin[p + 1]) use(p, (step - begin[p]) * BK);
  }
};

/// A stage of the ring and the parity of its round.
template <int STAGES>
struct Turn {
  int stage;
  uint32_t phase;
  __device__ explicit Turn(int number) : stage(number % STAGES), phase(number / STAGES & 1) {}
};

/// Addresses in shared memory: stages, and their barriers.
struct Ring {
  uint32_t stages, full, empty;
};

/// One thread: the weights of the block's steps. `before`: steps that went through the ring earlier.
template <typename C, class L, typename P, int PRODUCTS>
__device__ inline void bring_weights(const P& plan, const Place& place, const Steps<PRODUCTS>& steps, int before, const Ring& ring) {
  for (int i = 0; i < steps.count; ++i) {
    const Turn<L::STAGES> turn(before + i);
    const uint32_t stage = ring.stages + turn.stage * L::STAGE_BYTES, arrived = ring.full + 8 * turn.stage;
    barrier_wait(ring.empty + 8 * turn.stage, turn.phase ^ 1);
    barrier_arrive_expect(arrived, L::SUMS * WEIGHT_BYTES);
    steps.at(i, [&](int p, int k) {
#pragma unroll
      for (int s = 0; s < L::SUMS; ++s) {
        const CUtensorMap* const map = &plan.weights[p][place.side][s];
        if constexpr (C::B == Major::k) copy_box(stage + s * WEIGHT_BYTES, map, arrived, k, place.n, place.group);
        else copy_box(stage + s * WEIGHT_BYTES, map, arrived, place.n, k, place.group);
      }
    });
  }
}

/// Sixteen bytes of every fourth row: a lane's part of A's rows at a step. first, rows: of the group that the block computes at a time.
template <typename C, class L, typename J>
struct RowPart {
  static constexpr int PARTS = L::ROWS / 4;
  const J& job;
  int group, rows, row, chunk;
  int64_t source[C::GATHER_A ? PARTS : 1];

  __device__ RowPart(const J& job, int group, int64_t first, int rows) : job(job), group(group), rows(rows), row(threadIdx.x % WARP / 8), chunk(threadIdx.x % 8) {
    if constexpr (C::GATHER_A)
#pragma unroll
      for (int j = 0; j < PARTS; ++j) source[j] = row + 4 * j < rows ? job.a[0].index[first + row + 4 * j] / job.a[0].divisor : 0;
    else source[0] = first + row;
  }
  /// use(j, address, whether it exists) for each part; those that do not exist have an address all the same.
  template <typename Use>
  __device__ void at(int p, int k, const Use& use) const {
    const Matrix& a = job.a[p];
    const bf16* const from = a.data + group * a.group_stride + k + 8 * chunk;
    const bool inside = k + 8 * chunk < job.k[p];
#pragma unroll
    for (int j = 0; j < PARTS; ++j) {
      const int64_t r = C::GATHER_A ? source[C::GATHER_A ? j : 0] : source[0] + 4 * j;
      const bool exists = inside && row + 4 * j < rows;
      use(j, exists ? from + r * a.stride : a.data, exists);
    }
  }
  /// Where a part lies in a stage, swizzled.
  __device__ uint32_t place(int j) const {
    const int r = row + 4 * j;
    return r * 128 + ((chunk ^ (r & 7)) << 4);
  }
};

/// A warp: A's rows of every ROW_WARPS-th step, by copies that go on by themselves.
template <typename C, class L, typename J, int PRODUCTS>
__device__ inline void bring_rows(const J& job, int group, const Steps<PRODUCTS>& steps, int before, int64_t first, int rows, const Ring& ring) {
  const RowPart<C, L, J> part(job, group, first, rows);
  for (int i = threadIdx.x / WARP - PRODUCT_WARPS - 1; i < steps.count; i += ROW_WARPS) {
    const Turn<L::STAGES> turn(before + i);
    const uint32_t to = ring.stages + turn.stage * L::STAGE_BYTES + L::SUMS * WEIGHT_BYTES;
    barrier_wait(ring.empty + 8 * turn.stage, turn.phase ^ 1);
    steps.at(i, [&](int p, int k) { part.at(p, k, [&](int j, const bf16* from, bool exists) { copy_16_or_zero(to + part.place(j), from, exists); }); });
    barrier_arrive_after_copies(ring.full + 8 * turn.stage);
  }
}

/// The same with gains, through registers: loads of DEEP steps are under way together. squares: 4 floats a row, one of each row warp.
template <typename C, class L, typename J>
__device__ inline void bring_normed_rows(const J& job, int group, const Steps<1>& steps, int before, int64_t first, int rows, const Ring& ring, float* squares) {
  constexpr int PARTS = L::ROWS / 4, DEEP = PARTS < 8 ? 8 / PARTS : 1;
  const int lane = threadIdx.x % WARP, own = threadIdx.x / WARP - PRODUCT_WARPS - 1;
  const RowPart<C, L, J> part(job, group, first, rows);
  float sum[PARTS] = {};
  for (int base = own; base < steps.count; base += DEEP * ROW_WARPS) {
    uint4 x[DEEP][PARTS];
    Run gain[DEEP] = {};
#pragma unroll
    for (int d = 0; d < DEEP; ++d)
      if (base + d * ROW_WARPS < steps.count) {
        const int k = (steps.first + base + d * ROW_WARPS) * BK;
        part.at(0, k, [&](int j, const bf16* from, bool exists) { x[d][j] = exists ? *reinterpret_cast<const uint4*>(from) : make_uint4(0, 0, 0, 0); });
        if (k + 8 * part.chunk < job.k[0]) gain[d] = load_aligned(job.norm.gain + k + 8 * part.chunk);
      }
#pragma unroll
    for (int d = 0; d < DEEP; ++d) {
      if (base + d * ROW_WARPS >= steps.count) break;
      const Turn<L::STAGES> turn(before + base + d * ROW_WARPS);
      const uint32_t to = ring.stages + turn.stage * L::STAGE_BYTES + L::SUMS * WEIGHT_BYTES;
      barrier_wait(ring.empty + 8 * turn.stage, turn.phase ^ 1);
#pragma unroll
      for (int j = 0; j < PARTS; ++j) store_shared(to + part.place(j), with_gain(x[d][j], gain[d], sum[j]));
      fence_for_async_proxy();
      __syncwarp();
      if (lane == 0) barrier_arrive(ring.full + 8 * turn.stage);
    }
  }
#pragma unroll
  for (int j = 0; j < PARTS; ++j) {
    const float total = sum_of_lanes<8>(sum[j]);
    if (part.chunk == 0) squares[4 * (part.row + 4 * j) + own] = total;
  }
}

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
  next_may_begin();
  const auto& job = plan.job;
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
    inputs_ready();
    place.group = touched_group(job.offsets, job.groups, place.group);
    if (place.group < 0) return;  // and so does the whole cluster
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
      if (!RAGGED) inputs_ready();
      if constexpr (NORMED) bring_normed_rows<C, L>(job, place.group, steps, before, first, rows, ring, squares);
      else bring_rows<C, L>(job, place.group, steps, before, first, rows, ring);
    } else {
      multiply_steps<C, L, NORMED>(steps.count, before, ring, sums);
      if (!RAGGED) inputs_ready();
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
