// Products with few rows on Hopper: how weights and rows come to the ring. contract_few_hopper.cuh has the picture.
#pragma once

#include "contract_few_job.cuh"
#include "hopper.cuh"
#include "mma.cuh"

namespace mlac {
namespace few {
namespace on_hopper {

using namespace hopper;

constexpr int BK = 64, PRODUCT_WARPS = 4, ROW_WARPS = 3, WARPS = PRODUCT_WARPS + 1 + ROW_WARPS, THREADS = WARPS * WARP;
constexpr int WEIGHT_BYTES = BK * SPAN * 2;
constexpr int RING_BYTES = 96 * 1024;
constexpr int MOST_CLUSTER = 8;
/// Blocks that are wanted: all multiprocessors of the devices that this is tuned for have one, and some of them a second one.
constexpr int WANTED_BLOCKS = 152;

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

}  // namespace on_hopper
}  // namespace few
}  // namespace mlac
