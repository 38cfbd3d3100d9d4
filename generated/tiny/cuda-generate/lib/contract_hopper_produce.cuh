// Matrix products on Hopper: the producer, which fills the ring of stages by TMA or, for gathered rows, by ordinary copies.
#pragma once

#include "contract_hopper_plan.cuh"

namespace mlac {
namespace hopper {

/// One thread: the boxes of one stage that TMA loads. x, y of an operand: along m or n, and k.
template <typename C, typename S>
__device__ inline void load_boxes(const Block<C, S>& block, const Tile& tile, int product, int k, uint32_t stage, uint32_t full) {
  using L = Layout<C, S>;
  const Plan<C>& plan = block.plan;
  barrier_arrive_expect(full, L::TMA_BYTES);
  if constexpr (!C::GATHER_A) {
    const int group = plan.a_grouped[product] ? tile.group : 0;
    if constexpr (C::A == Major::k) {
      copy_box(stage, &plan.a[product], full, k, tile.m, group);
    } else {
#pragma unroll
      for (int atom = 0; atom < ROWS / 64; ++atom) copy_box(stage + atom * ATOM_BYTES, &plan.a[product], full, tile.m + atom * 64, k, group);
    }
  }
  const int group = plan.b_grouped[product] ? tile.group : 0;
  const auto load = [&](int sum, int n, int x, int y) {  // to the sum's columns from n on
    const uint32_t to = stage + L::A_BYTES + sum * L::B_BYTES + n * 128;
    if constexpr (L::CLUSTER == 1) copy_box(to, &plan.b[product][sum], full, x, y, group);
    else copy_box_to_all(to, &plan.b[product][sum], full, x, y, group, (1 << L::CLUSTER) - 1);
  };
#pragma unroll
  for (int sum = 0; sum < C::SUMS; ++sum) {
    if constexpr (C::B == Major::k) {
      load(sum, block.rank * L::SHARE, k, tile.n + block.rank * L::SHARE);
    } else {
#pragma unroll
      for (int atom = 0; atom < L::COLUMNS / 64; ++atom)
        if ((sum * (L::COLUMNS / 64) + atom) % L::CLUSTER == block.rank) load(sum, atom * 64, tile.n + atom * 64, k);
    }
  }
}

/// One thread's part of a gathered A that is k-major: sixteen bytes of every 16th row of the tile.
struct GatheredAcross {
  static constexpr int PARTS = ROWS / 16;
  const bf16* from[PARTS];
  uint32_t exist, to;
  int chunk;

  __device__ GatheredAcross(const Gather& gather, int first, int end, int thread) {
    const int row = thread / 8;
    chunk = thread % 8;
    to = row * 128 + ((chunk ^ (row & 7)) << 4);
    exist = 0;
#pragma unroll
    for (int i = 0; i < PARTS; ++i) {
      const int r = first + row + 16 * i;
      from[i] = gather.data;
      if (r < end) {
        from[i] = gather.data + gather.source(__ldg(gather.index + r)) * gather.columns + chunk * 8;
        exist |= 1u << i;
      }
    }
  }
  __device__ void copy(uint32_t operand, int k, int k_end) const {
    const bool inside = k + chunk * 8 < k_end;
#pragma unroll
    for (int i = 0; i < PARTS; ++i) {
      const bool exists = inside && (exist >> i & 1);
      copy_16_or_zero(operand + to + i * 2048, exists ? from[i] + k : from[i], exists);
    }
  }
};

/// The same of an A that is not: sixteen bytes of every 16th k of a stage, in each of its atoms. A warp needs 16 rows for each stage. It reads
/// their indices for two stages at once, two to four stages ahead: lane l has row l % 16 of stage l / 16 of the two.
struct GatheredAlong {
  static constexpr int PARTS = BK / 16, ATOMS = ROWS / 64;
  int rows, ahead;  // of this pair of stages; the indices of the next one's. -1: there is none
  int lane, own, to, column, first_lane;

  __device__ GatheredAlong(const Gather& gather, int first, int k, int k_end, int thread) : lane(thread % WARP), first_lane(lane / 8) {
    const int row = thread / 8, chunk = thread % 8;
    own = lane / 16 * BK + thread / WARP * 4 + lane % 4 + lane % 16 / 4 * 16;
    to = row * 128 + ((chunk ^ (row & 7)) << 4);
    column = first + chunk * 8;
    rows = row_of(gather, look_up(gather, k, k_end));
    ahead = look_up(gather, k + 2 * BK, k_end);
  }
  __device__ int look_up(const Gather& gather, int k, int k_end) const { return k + own < k_end ? __ldg(gather.index + k + own) : -1; }
  __device__ static int row_of(const Gather& gather, int chosen) { return chosen < 0 ? -1 : gather.source(chosen); }
  __device__ void copy(const Gather& gather, uint32_t operand, int k, int k_end) {
#pragma unroll
    for (int i = 0; i < PARTS; ++i) {
      const int row = __shfl_sync(0xffffffffu, rows, first_lane + 4 * i);
      const bf16* const from = gather.data + row * gather.columns + column;
#pragma unroll
      for (int atom = 0; atom < ATOMS; ++atom) {
        const bool exists = row >= 0 && column + atom * 64 < gather.columns;
        copy_16_or_zero(operand + to + atom * ATOM_BYTES + i * 2048, exists ? from + atom * 64 : gather.data, exists);
      }
    }
    if (first_lane >= 16) {
      rows = row_of(gather, ahead);
      ahead = look_up(gather, k + 3 * BK, k_end);
    }
    first_lane ^= 16;
  }
};

/// `fill(stage, full, k)` for every stage of one product of a tile, once it is empty.
template <typename C, typename S, typename Fill>
__device__ inline void fill_stages(const Block<C, S>& block, int begin, int end, Ring<Layout<C, S>::STAGES>& ring, const Fill& fill) {
  for (int k = begin; k < end; k += BK, ring.next()) {
    barrier_wait(block.empty + ring.stage * 8, ring.phase ^ 1);
    fill(block.stages + ring.stage * Layout<C, S>::STAGE_BYTES, block.full + ring.stage * 8, k);
  }
}

template <typename C, typename S>
__device__ inline void produce(const Block<C, S>& block, int first, int stride) {
  using L = Layout<C, S>;
  const int thread = threadIdx.x % WARPGROUP;
  const bool works = L::GATHERS || thread == 0;
  Ring<L::STAGES> ring;
  for (int i = first, count = works ? block.tiles.count() : 0; i < count; i += stride) {
    const Tile tile = block.tiles[i];
    for (int product = 0; product < C::PRODUCTS; ++product) {
      const int begin = block.k_begin(tile, product), end = block.k_end(tile, product);
      if constexpr (!L::GATHERS) {
        fill_stages(block, begin, end, ring, [&](uint32_t stage, uint32_t full, int k) { load_boxes(block, tile, product, k, stage, full); });
      } else {
        const Gather& gather = block.plan.gather[product];
        const auto fill = [&](const auto& copy) {
          fill_stages(block, begin, end, ring, [&](uint32_t stage, uint32_t full, int k) {
            if (thread == 0) load_boxes(block, tile, product, k, stage, full);
            __syncwarp();
            copy(stage, k);
            barrier_arrive_after_copies(full);
          });
        };
        if constexpr (C::A == Major::k) {
          const GatheredAcross rows(gather, tile.m, tile.m_end, thread);
          fill([&](uint32_t stage, int k) { rows.copy(stage, k, end); });
        } else {
          GatheredAlong rows(gather, tile.m, begin, end, thread);
          fill([&](uint32_t stage, int k) { rows.copy(gather, stage, k, end); });
        }
      }
    }
  }
  if constexpr (L::GATHERS) copies_wait();
  __syncwarp();
}

}  // namespace hopper
}  // namespace mlac
