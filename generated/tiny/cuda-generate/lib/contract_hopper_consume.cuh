// Matrix products on Hopper: the consumers, which multiply the ring's stages and hand finished sums to the epilogue.
#pragma once

#include "contract_hopper_plan.cuh"

namespace mlac {
namespace hopper {

/// Overwrites the rows of a stage from `rows` on with zeros, in every atom of A and B; all who multiply with the stage do it together.
template <typename C, typename S>
__device__ inline void zero_tail(uint32_t stage, int rows, int consumer) {
  using L = Layout<C, S>;
  constexpr int TOGETHER = S::ALTERNATE ? WARPGROUP : CONSUMERS * WARPGROUP;
  for (uint32_t atom = stage; atom < stage + L::STAGE_BYTES; atom += ATOM_BYTES)
    for (int chunk = rows * 8 + threadIdx.x % TOGETHER; chunk < BK * 8; chunk += TOGETHER)
      asm volatile("st.shared.v4.b32 [%0], {%1, %1, %1, %1};" ::"r"(atom + chunk * 16), "r"(0) : "memory");
  fence_for_async_proxy();
  meet<TOGETHER>(S::ALTERNATE ? 1 + consumer : 1);
}

/// All products of a tile.
template <typename C, typename S>
__device__ inline void multiply_tile(const Block<C, S>& block, const Tile& tile, int steps, int consumer, Ring<Layout<C, S>::STAGES>& ring,
                                     float (&sums)[Layout<C, S>::BLOCKS_OF_64][Layout<C, S>::WIDTH / 2]) {
  using L = Layout<C, S>;
  constexpr bool A_BY_K = C::A == Major::k, B_BY_K = C::B == Major::k;
  const int lane = threadIdx.x % WARP;
  const uint32_t first_row = S::ALTERNATE ? 0 : consumer * 64 * 128;  // bytes; also one atom
  const auto release = [&](int stage) {
    if (lane < L::CLUSTER) {
      if constexpr (L::CLUSTER > 1) barrier_arrive_at(block.empty + stage * 8, lane);
      else barrier_arrive(block.empty + stage * 8);
    }
  };
  // Where k is ragged, every product has the same k, and each one's last stage may have a tail.
  int in_product = 0, last = 0, tail = 0;
  if constexpr (C::KIND == Kind::ragged_k) {
    last = block.steps(tile, 0) - 1;
    tail = (block.k_end(tile, 0) - block.k_begin(tile, 0)) % BK;
  }
  int before = 0;
  for (int step = 0; step < steps; ++step) {
    const uint32_t stage = block.stages + ring.stage * L::STAGE_BYTES;
    barrier_wait(block.full + ring.stage * 8, ring.phase);
    if constexpr (L::GATHERS) fence_for_async_proxy();
    if constexpr (C::KIND == Kind::ragged_k) {
      if (in_product == last) {
        if (tail) zero_tail<C, S>(stage, tail, consumer);
        in_product = 0;
      } else {
        ++in_product;
      }
    }
    const uint64_t a = matrix_descriptor(A_BY_K, ATOM_BYTES) + descriptor_address(stage + first_row);
    const uint64_t b = matrix_descriptor(B_BY_K, ATOM_BYTES) + descriptor_address(stage + L::A_BYTES);
    products_begin();
#pragma unroll
    for (int k16 = 0; k16 < BK / 16; ++k16)
#pragma unroll
      for (int rows = 0; rows < L::BLOCKS_OF_64; ++rows)
        multiply<L::WIDTH, !A_BY_K, !B_BY_K>(sums[rows], a + (rows * 64 * 128 >> 4) + k16 * descriptor_step(A_BY_K), b + k16 * descriptor_step(B_BY_K),
                                             step > 0 || k16 > 0);
    products_commit();
    // The products before these are done: their stage may be filled again.
    if (step > 0) {
      products_wait<1>();
      release(before);
    }
    before = ring.stage;
    ring.next();
  }
  if (S::ALTERNATE && lane == 0) barrier_arrive(block.turn + (consumer ^ 1) * 8);
  products_wait<0>();
  if (steps > 0) release(before);
#pragma unroll
  for (int rows = 0; rows < L::BLOCKS_OF_64; ++rows) {
    pin(sums[rows]);
    if (steps == 0)
#pragma unroll
      for (int i = 0; i < L::WIDTH / 2; ++i) sums[rows][i] = 0.f;
  }
}

/// Places in a patch of rows of 64 numbers, chosen so that neither fragments nor runs of eight meet in a bank.
__device__ inline int place(int row, int column, int twist) { return row * 64 + (column ^ (twist & 3) * 8 ^ (column >> 5 & 1) * 4); }
__device__ inline Run run_at(const float* patch, int row, int column, int twist) {
  const float* at = patch + row * 64 + (column ^ (twist & 3) * 8);
  const int swapped = column >> 5 & 1;
  const float4 low = reinterpret_cast<const float4*>(at)[swapped], high = reinterpret_cast<const float4*>(at)[swapped ^ 1];
  return {{low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w}};
}

/// Optional: an epilogue that reads what it adds to may have `Fetched fetch(int group, int64_t m, int64_t n, int count) const`, called for several
/// runs before the first is stored, and then takes what it gave as its last argument. It hides the memory's latency.
template <typename Epilogue, typename = void>
struct Fetches {
  static constexpr bool value = false;
};
template <typename Epilogue>
struct Fetches<Epilogue, decltype(void(&Epilogue::fetch))> {
  static constexpr bool value = true;
};

__device__ inline int exist(int64_t begin, int64_t end) { return begin >= end ? 0 : end - begin < RUN ? int(end - begin) : RUN; }

/// A warpgroup's 64 rows of sums, 64 columns of them from 64 * part on, go to `call(row, runs)` as 64 rows, one for each column: lanes 8i to
/// 8i + 7 have one row's eight runs. All warps of the warpgroup do it together.
template <typename S, typename Call>
__device__ inline void with_turned_square(int part, float* group_patch, int consumer, const float (&sums)[S::COLUMNS / 2], const Call& call) {
  static_assert(4 * PATCH_BYTES == 64 * 64 * 4, "a square fills the warpgroup's patches");
  const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP % 4, quad = lane / 4, pair = lane % 4;
  meet<WARPGROUP>(3 + consumer);
#pragma unroll
  for (int j = 0; j < 8; ++j)
#pragma unroll
    for (int h = 0; h < 2; ++h)
#pragma unroll
      for (int e = 0; e < 2; ++e) group_patch[place(j * 8 + pair * 2 + e, warp * 16 + h * 8 + quad, pair)] = sums[(part * 8 + j) * 4 + h * 2 + e];
  meet<WARPGROUP>(3 + consumer);
#pragma unroll 1
  for (int step = 0; step < 4; ++step) {
    const int row = warp * 16 + step * 4 + lane / 8;
    const Run runs[1] = {run_at(group_patch, row, lane % 8 * RUN, row >> 1)};
    call(row, runs);
  }
  meet<WARPGROUP>(3 + consumer);
}

/// One run to the epilogue, which fetches what it wants right before.
template <typename Epilogue, int SUMS>
__device__ inline void store_run(const Epilogue& epilogue, int group, int64_t m, int64_t n, int count, const Run (&runs)[SUMS]) {
  if constexpr (Fetches<Epilogue>::value) epilogue(group, m, n, count, runs, epilogue.fetch(group, m, n, count));
  else epilogue(group, m, n, count, runs);
}

/// 64 rows of sums, from row m on, to the epilogue, 64 columns at a time.
template <typename C, typename S, typename Epilogue>
__device__ inline void store_64_rows(const Block<C, S>& block, const Tile& tile, int m, int consumer, const float (&sums)[Layout<C, S>::WIDTH / 2],
                                     const Epilogue& epilogue) {
  constexpr int HEIGHT = 16 / C::SUMS;  // rows in a patch
  const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP % 4, quad = lane / 4, pair = lane % 4;
  float* const group_patch = block.patches + consumer * 4 * (PATCH_BYTES / 4);
  float* const patch = group_patch + warp * (PATCH_BYTES / 4);
  const int column = lane % 8 * RUN;
#pragma unroll
  for (int part = 0; part < S::COLUMNS / 64; ++part) {
    const int n = tile.n + part * 64;
    if constexpr (IS_SWAPPED<C>) {
      // The product's rows are the caller's columns.
      if (n >= block.plan.n || m >= tile.m_end) continue;
      with_turned_square<S>(part, group_patch, consumer, sums, [&](int row, const Run(&runs)[1]) {
        store_run(epilogue, tile.group, n + row, m + column, n + row < block.plan.n ? exist(m + column, tile.m_end) : 0, runs);
      });
      continue;
    }
    // Symmetric: the 128 x 128 squares above the diagonal are stored twice, those on it as they are, those below it not at all.
    if (C::SYMMETRIC && n / ROWS < tile.m / ROWS) continue;
    if (n >= block.plan.n) continue;
#pragma unroll
    for (int half = 0; half < 16 / HEIGHT; ++half) {
      const int first = m + warp * 16 + half * HEIGHT;
      if (first >= tile.m_end) continue;
      __syncwarp();
#pragma unroll
      for (int sum = 0; sum < C::SUMS; ++sum)
#pragma unroll
        for (int h = 0; h < HEIGHT / 8; ++h)
#pragma unroll
          for (int j = 0; j < 8; ++j) {
            const int i = sum * (S::COLUMNS / 2) + (part * 8 + j) * 4 + (half * (HEIGHT / 8) + h) * 2;
            *reinterpret_cast<float2*>(patch + sum * HEIGHT * 64 + place(h * 8 + quad, j * 8 + pair * 2, quad)) = make_float2(sums[i], sums[i + 1]);
          }
      __syncwarp();
      const int exists = exist(n + column, block.plan.n);
      const auto sums_of = [&](int row, Run(&runs)[C::SUMS]) {
#pragma unroll
        for (int sum = 0; sum < C::SUMS; ++sum) runs[sum] = run_at(patch + sum * HEIGHT * 64, row, column, row);
      };
      if constexpr (Fetches<Epilogue>::value) {
        decltype(epilogue.fetch(0, int64_t(0), int64_t(0), 0)) fetched[HEIGHT / 4];
#pragma unroll
        for (int step = 0; step < HEIGHT / 4; ++step) {
          const int row = step * 4 + lane / 8;
          fetched[step] = epilogue.fetch(tile.group, int64_t(first + row), int64_t(n + column), first + row < tile.m_end ? exists : 0);
        }
#pragma unroll
        for (int step = 0; step < HEIGHT / 4; ++step) {
          const int row = step * 4 + lane / 8;
          Run runs[C::SUMS];
          sums_of(row, runs);
          epilogue(tile.group, int64_t(first + row), int64_t(n + column), first + row < tile.m_end ? exists : 0, runs, fetched[step]);
        }
      } else {
#pragma unroll 1
        for (int step = 0; step < HEIGHT / 4; ++step) {
          const int row = step * 4 + lane / 8;
          Run runs[C::SUMS];
          sums_of(row, runs);
          epilogue(tile.group, int64_t(first + row), int64_t(n + column), first + row < tile.m_end ? exists : 0, runs);
        }
      }
    }
    if constexpr (C::SYMMETRIC) {
      if (n / ROWS == tile.m / ROWS) continue;
      with_turned_square<S>(part, group_patch, consumer, sums, [&](int row, const Run(&runs)[1]) {
        epilogue.mirror(tile.group, int64_t(n + row), int64_t(m + column), n + row < block.plan.n ? exist(m + column, tile.m_end) : 0, runs);
      });
    }
  }
}

/// The same to an epilogue of whole rows, eight of a warp's rows at a time.
template <typename C, typename S, typename Epilogue>
__device__ inline void store_64_whole_rows(const Block<C, S>& block, const Tile& tile, int m, int consumer, const float (&sums)[Layout<C, S>::WIDTH / 2],
                                           const Epilogue& epilogue) {
  static_assert(C::KIND == Kind::dense && C::SUMS == 1 && !C::SYMMETRIC && !S::SPLIT && !IS_SWAPPED<C> && S::COLUMNS % S::ROW == 0);
  constexpr int ROW = S::ROW, STRIDE = S::COLUMNS + STAGE_PAD;
  const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP % 4, quad = lane / 4, pair = lane % 4;
  float* const patch = block.patches + (consumer * 4 + warp) * (Layout<C, S>::PATCH / 4);
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int first = m + warp * 16 + half * 8;
    if (first >= tile.m_end) continue;
    __syncwarp();
#pragma unroll
    for (int j = 0; j < S::COLUMNS / 8; ++j) {
      const int i = j * 4 + half * 2;
      *reinterpret_cast<float2*>(patch + quad * STRIDE + j * 8 + pair * 2) = staged_pair<Epilogue>(sums[i], sums[i + 1]);
    }
    __syncwarp();
#pragma unroll 1
    for (int n = 0; n < S::COLUMNS && tile.n + n < block.plan.n; n += ROW)
#pragma unroll 1
      for (int row = 0; row < 8 && first + row < tile.m_end; row += 4)
        store_four_rows(epilogue, first + row, (tile.n + n) / ROW, patch + row * STRIDE + n, STRIDE, patch + 8 * STRIDE, min(4, tile.m_end - first - row));
  }
}

template <typename C, typename S, typename Epilogue>
__device__ inline void consume(const Block<C, S>& block, int first, int stride, int consumer, const Epilogue& epilogue) {
  using L = Layout<C, S>;
  Ring<L::STAGES> ring;
  bool mine = !S::ALTERNATE || consumer == 0;
  uint32_t turn = consumer ^ 1;  // the parity to wait for; consumer 0 begins
  for (int i = first, count = block.tiles.count(); i < count; i += stride) {
    const Tile tile = block.tiles[i];
    int steps = 0;
#pragma unroll
    for (int product = 0; product < C::PRODUCTS; ++product) steps += block.steps(tile, product);
    if (mine) {
      if (S::ALTERNATE) barrier_wait(block.turn + consumer * 8, turn), turn ^= 1;
      float sums[L::BLOCKS_OF_64][L::WIDTH / 2];
      multiply_tile<C, S>(block, tile, steps, consumer, ring, sums);
#pragma unroll
      for (int rows = 0; rows < L::BLOCKS_OF_64; ++rows) {
        const int m = tile.m + (S::ALTERNATE ? rows : consumer) * 64;
        if constexpr (S::ROW > 0) store_64_whole_rows<C, S>(block, tile, m, consumer, sums[rows], epilogue);
        else store_64_rows<C, S>(block, tile, m, consumer, sums[rows], epilogue);
      }
    } else {
      ring.skip(steps);
    }
    if (S::ALTERNATE) mine = !mine;
  }
}

}  // namespace hopper
}  // namespace mlac
