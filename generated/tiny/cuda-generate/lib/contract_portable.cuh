/*
 * Matrix products on the tensor cores of sm_80 and up: ldmatrix and mma.sync, fed by cp.async. contract.cuh has the interface and includes this.
 *
 * A block computes one tile of C, 128 x 128 or (where those would be few, or mostly empty) 64 x 64; with two sums 128 x 64 or 64 x 64 of
 * each, which share A. Four warps, each with 64 columns of one sum. Shared memory, 48 KB at most, so that two blocks fit into an SM
 * everywhere, is first a ring of STAGES stages of A's and B's panels, 32 of k each (contract_panel.cuh):
 *
 *   step t:  wait for the own copies of stage t, then for all threads        (so everyone's copies are there, and everyone is done with t - 1)
 *            start to copy stage t + 2 into the place of t - 1
 *            multiply stage t
 *
 * The steps run over the k of all products. Afterwards the same memory takes the sums, 32 rows of each warp at a time, to where the
 * epilogue wants them: eight neighbours to a lane, 64 neighbours to eight lanes.
 *
 * Where m is ragged, no host knows how many tiles there are: as many blocks as there can be are launched, and each finds its group
 * from the offsets or returns. One order of additions, no atomics: the same inputs give the same bits.
 */
#pragma once

#include <cuda_runtime.h>

#include "contract_panel.cuh"

namespace mlac::portable {

constexpr int SPAN = 64;   // columns of a warp
constexpr int BLOCK = 16;  // rows of a multiply_add, columns of two
constexpr int BAND = 8;    // rows of tiles that run together, for the L2 cache's sake

/// ROW: of an epilogue of whole rows. Its tiles have 256 columns, of which those that whole rows fill are used, and stages for two.
template <int SUMS, bool LARGE, int ROW = 0>
struct Shape {
  static constexpr int ROWS = LARGE && !ROW ? 128 : 64, COLUMNS = ROW ? 256 : LARGE && SUMS == 1 ? 128 : 64;
  static constexpr int USED = ROW ? 256 / (ROW ? ROW : 1) * ROW : COLUMNS;
  static constexpr int STAGES = ROW ? 2 : 3;
  static constexpr int ACROSS = SUMS * COLUMNS / SPAN, DOWN = WARPS / ACROSS;  // warps
  static constexpr int WARP_ROWS = ROWS / DOWN, PASS = ROW ? 16 : WARP_ROWS < 32 ? WARP_ROWS : 32;
};

/// The sums on their way to the epilogue: rows of 64 columns. Even quarters of eight columns lie before the odd ones, 36 floats apart, so
/// that neither the pairs that lanes hold after multiply_add nor the quarters that they want meet in a bank.
constexpr int PATCH_ROW = 72, PATCH = 32 * PATCH_ROW;
__device__ inline int patch_at(int row, int column) { return row * PATCH_ROW + (column >> 2 & 1) * 36 + (column >> 3) * 4 + (column & 3); }
__device__ inline Run patch_run(const float* patch, int row, int run) {
  const float4 a = *reinterpret_cast<const float4*>(patch + patch_at(row, run * RUN)), b = *reinterpret_cast<const float4*>(patch + patch_at(row, run * RUN + 4));
  return {{a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w}};
}

template <typename C, typename Epilogue>
struct Job {
  Extent extent;
  Product<C::SUMS> products[C::PRODUCTS];
  Epilogue epilogue;
};

/// A block's tile: its first row and column, and where those of its group end. Rows count over all groups where m is ragged.
struct Tile {
  int group, m, m_end, n, n_end;
};

/// False where there is no such tile. All threads of a warp call it together.
template <typename C, typename S>
__device__ inline bool find_tile(const Extent& extent, Tile& tile) {
  const int n = int(extent.n), columns = (n + S::USED - 1) / S::USED, rows = int(gridDim.x) / columns;
  const int band = int(blockIdx.x) / (BAND * columns), inside = int(blockIdx.x) % (BAND * columns), height = min(BAND, rows - band * BAND);
  int row = band * BAND + inside % height;
  tile = {int(blockIdx.y), 0, int(extent.m), inside / height * S::USED, n};
  if (S::USED < S::COLUMNS) tile.n_end = min(n, tile.n + S::USED);
  if constexpr (C::KIND == Kind::ragged_m) {
    // Lane i counts the tiles of group 32j + i; the first group whose tiles end after `row` is the one.
    const int lane = int(threadIdx.x) % WARP;
    for (int first = 0; first < extent.groups; first += WARP) {
      const int group = first + lane;
      const int begin = group < extent.groups ? extent.offsets[group] : 0, end = group < extent.groups ? extent.offsets[group + 1] : 0;
      const int own = (end - begin + S::ROWS - 1) / S::ROWS;
      int up_to = own;
#pragma unroll
      for (int step = 1; step < WARP; step *= 2) {
        const int before = __shfl_up_sync(0xffffffffu, up_to, step);
        if (lane >= step) up_to += before;
      }
      const uint32_t after = __ballot_sync(0xffffffffu, row < up_to);
      if (after != 0) {
        const int found = __ffs(int(after)) - 1;
        tile.group = first + found;
        tile.m = __shfl_sync(0xffffffffu, begin + (row - (up_to - own)) * S::ROWS, found);
        tile.m_end = __shfl_sync(0xffffffffu, end, found);
        return true;
      }
      row -= __shfl_sync(0xffffffffu, up_to, WARP - 1);
    }
    return false;
  } else {
    tile.m = row * S::ROWS;
    return !C::SYMMETRIC || tile.m <= tile.n;
  }
}

/// Walks over the k of all products and copies the panels.
template <typename C, typename S>
struct Feeder {
  static constexpr bool RAGGED_K = C::KIND == Kind::ragged_k;
  // A group's first column may lie anywhere: no 16 bytes at once there.
  static constexpr bool VECTOR_A = C::ALIGNED && !(C::KIND == Kind::ragged_m && C::A == Major::own) && !(RAGGED_K && C::A == Major::k);
  static constexpr bool VECTOR_B = C::ALIGNED && !(RAGGED_K && C::B == Major::k);
  using PanelA = Panel<C::A, S::ROWS>;
  using PanelB = Panel<C::B, S::COLUMNS>;
  static constexpr int STAGE = PanelA::BYTES + C::SUMS * PanelB::BYTES;

  const Extent& extent;
  const Product<C::SUMS> (&products)[C::PRODUCTS];
  const Tile& tile;
  int product, k, end;
  Copier<C::A, S::ROWS, VECTOR_A, C::GATHER_A> a;
  Copier<C::B, S::COLUMNS, VECTOR_B, C::GATHER_B> b[C::SUMS];

  __device__ int first(int) const { return RAGGED_K ? extent.offsets[tile.group] : 0; }
  __device__ int last(int p) const { return RAGGED_K ? extent.offsets[tile.group + 1] : int(products[p].k); }

  /// How many stages there are.
  __device__ int steps() const {
    int sum = 0;
    for (int p = 0; p < C::PRODUCTS; ++p) sum += (last(p) - first(p) + DEPTH - 1) / DEPTH;
    return sum;
  }
  __device__ void start() {
    product = 0, k = first(0), end = last(0);
    settle(true);
  }
  /// Copies one stage (there must be one) and steps on.
  __device__ void copy(uint32_t stage) {
    const Product<C::SUMS>& from = products[product];
    a.copy(stage, from.a, tile.group, tile.m, tile.m_end, k, end);
#pragma unroll
    for (int s = 0; s < C::SUMS; ++s) b[s].copy(stage + PanelA::BYTES + s * PanelB::BYTES, from.b[s], tile.group, tile.n, tile.n_end, k, end);
    k += DEPTH;
    settle(false);
  }

 private:
  /// Past the end of a product: on to the next that has any k. Then looks up where the next stage's lines are gathered from.
  __device__ void settle(bool moved) {
    if constexpr (C::PRODUCTS > 1)
      while (k >= end && product < C::PRODUCTS - 1) ++product, k = first(product), end = last(product), moved = true;
    const Product<C::SUMS>& from = products[product];
    if (C::A == Major::own || moved) a.locate(from.a, tile.m, tile.m_end, k, end);
#pragma unroll
    for (int s = 0; s < C::SUMS; ++s)
      if (C::B == Major::own || moved) b[s].locate(from.b[s], tile.n, tile.n_end, k, end);
  }
};

template <typename C, bool LARGE, typename Epilogue>
__global__ void __launch_bounds__(THREADS, LARGE ? 2 : C::SUMS == 2 ? 3 : 4) contract_kernel(const __grid_constant__ Job<C, Epilogue> job) {
  using Whole = WholeRows<Epilogue>;
  using S = Shape<C::SUMS, LARGE, Whole::ROW>;
  constexpr int STAGES = S::STAGES;
  using Feed = Feeder<C, S>;
  using PanelA = typename Feed::PanelA;
  using PanelB = typename Feed::PanelB;
  static_assert(C::SUMS <= 2 && !(C::SYMMETRIC && (C::SUMS > 1 || C::KIND == Kind::ragged_m)));
  constexpr int STRIDE = S::USED + STAGE_PAD, WHOLE = S::PASS * STRIDE + WARPS * 4 * Whole::ROOM;  // of staged whole rows
  constexpr int RING = STAGES * Feed::STAGE, PATCHES = (Whole::ROW ? WHOLE : WARPS * PATCH) * int(sizeof(float));
  __shared__ __align__(1024) unsigned char memory[RING > PATCHES ? RING : PATCHES];

  Tile tile;
  if (!find_tile<C, S>(job.extent, tile)) return;
  const int lane = int(threadIdx.x) % WARP, warp = int(threadIdx.x) / WARP;
  const int down = warp / S::ACROSS, across = warp % S::ACROSS;

  // sums[i][j]: rows 16i to 16i + 15, columns 8j to 8j + 7 of this warp's part, as multiply_add holds them.
  constexpr int HIGH = S::WARP_ROWS / BLOCK, WIDE = SPAN / BLOCK;
  float sums[HIGH][2 * WIDE][4] = {};
  {
    Feed feed{job.extent, job.products, tile};
    const int steps = feed.steps();
    const uint32_t ring = shared_address(memory);
    const uint32_t a_rows = ring + PanelA::a_rows(down * S::WARP_ROWS, lane);
    const uint32_t b_rows = ring + PanelA::BYTES + (C::SUMS == 1 ? PanelB::b_rows(across * SPAN, lane) : across * PanelB::BYTES + PanelB::b_rows(0, lane));
    feed.start();
#pragma unroll 1
    for (int t = 0; t < STAGES - 1; ++t) {
      if (t < steps) feed.copy(ring + t * Feed::STAGE);
      commit_copies();
    }
    uint32_t now = 0, free = (STAGES - 1) * Feed::STAGE;  // bytes from the ring's start
#pragma unroll 1
    for (int t = 0; t < steps; ++t) {
      copies_done<STAGES - 2>();
      __syncthreads();
      uint32_t a[2][HIGH][4], b[2][WIDE][4];
      const auto read = [&](int half) {
#pragma unroll
        for (int i = 0; i < HIGH; ++i) load_matrices<C::A == Major::own>(a[half][i], now + PanelA::further(a_rows, i, half));
#pragma unroll
        for (int j = 0; j < WIDE; ++j) load_matrices<C::B == Major::own>(b[half][j], now + PanelB::further(b_rows, j, half));
      };
      read(0);
      if (t + STAGES - 1 < steps) feed.copy(ring + free);
      commit_copies();  // one group a step, so that copies_done counts the same to the end
      read(1);
#pragma unroll
      for (int half = 0; half < 2; ++half)
#pragma unroll
        for (int i = 0; i < HIGH; ++i)
#pragma unroll
          for (int j = 0; j < WIDE; ++j) {
            multiply_add(sums[i][2 * j], a[half][i], b[half][j][0], b[half][j][1]);
            multiply_add(sums[i][2 * j + 1], a[half][i], b[half][j][2], b[half][j][3]);
          }
      free = now;
      now = now + Feed::STAGE < RING ? now + Feed::STAGE : 0;
    }
    copies_done<0>();
  }

  float* const patches = reinterpret_cast<float*>(memory);
  const int g = lane / 4, pair = lane % 4 * 2, run = lane % 8;
  if constexpr (Whole::ROW > 0) {
    static_assert(C::KIND == Kind::dense && C::SUMS == 1 && !C::SYMMETRIC && S::DOWN == 1);
    float* const own = patches + warp * 4 * STRIDE;
#pragma unroll
    for (int pass = 0; pass < HIGH; ++pass) {
      __syncthreads();  // the ring, or the last pass, has been read
#pragma unroll
      for (int j = 0; j < 2 * WIDE; ++j) {
        const int column = across * SPAN + j * 8 + pair;
        if (column >= S::USED) continue;
        *reinterpret_cast<float2*>(patches + g * STRIDE + column) = staged_pair<Epilogue>(sums[pass][j][0], sums[pass][j][1]);
        *reinterpret_cast<float2*>(patches + (g + 8) * STRIDE + column) = staged_pair<Epilogue>(sums[pass][j][2], sums[pass][j][3]);
      }
      __syncthreads();
      const int m = tile.m + pass * BLOCK + warp * 4;
#pragma unroll 1
      for (int n = tile.n; n < tile.n_end && m < tile.m_end; n += Whole::ROW) {
        store_four_rows(job.epilogue, m, n / Whole::ROW, own + n - tile.n, STRIDE, patches + S::PASS * STRIDE + warp * 4 * Whole::ROOM, min(4, tile.m_end - m));
        __syncwarp();  // the room is read
      }
    }
    return;
  } else {
#pragma unroll 1
    for (int pass = 0; pass < S::WARP_ROWS / S::PASS; ++pass) {
      __syncthreads();  // the ring, or the last pass, has been read
#pragma unroll
      for (int i = 0; i < HIGH; ++i)
        if (i * BLOCK / S::PASS == pass) {
#pragma unroll
          for (int j = 0; j < 2 * WIDE; ++j) {
            float* const to = patches + warp * PATCH + patch_at(i * BLOCK % S::PASS + g, j * 8 + pair);
            *reinterpret_cast<float2*>(to) = make_float2(sums[i][j][0], sums[i][j][1]);
            *reinterpret_cast<float2*>(to + 8 * PATCH_ROW) = make_float2(sums[i][j][2], sums[i][j][3]);
          }
        }
      __syncthreads();
      // With two sums, neighbouring warps hold one each of the same rows: each takes half of the rows.
      const int begin = C::SUMS == 1 ? 0 : across * (S::PASS / 2);
      const int m = tile.m + down * S::WARP_ROWS + pass * S::PASS, n = tile.n + (C::SUMS == 1 ? across * SPAN : 0);
      if (n >= tile.n_end) continue;  // the same for a whole warp
      const int columns = min(RUN, max(0, tile.n_end - (n + run * RUN)));
#pragma unroll 1
      for (int row = begin; row < begin + S::PASS / C::SUMS && m + row < tile.m_end; row += 4) {
        const int own = row + lane / 8;
        Run runs[C::SUMS];
#pragma unroll
        for (int s = 0; s < C::SUMS; ++s) runs[s] = patch_run(patches + (C::SUMS == 1 ? warp : down * C::SUMS + s) * PATCH, own, run);
        job.epilogue(tile.group, m + own, n + run * RUN, m + own < tile.m_end ? columns : 0, runs);
      }
    }

    // The tile that is this one's mirror image: 32 of its rows (columns here) at a time, for 64 of its columns (rows here, of SHARE warps).
    if constexpr (C::SYMMETRIC) {
      if (tile.n == tile.m) return;
      constexpr int SHARE = SPAN / S::WARP_ROWS, MIRRORED = 32;
      float* const patch = patches + (down / SHARE * S::ACROSS + across) * PATCH;
#pragma unroll 1
      for (int pass = 0; pass < SPAN / MIRRORED; ++pass) {
        __syncthreads();
#pragma unroll
        for (int j = 0; j < 2 * WIDE; ++j)
          if (j * 8 / MIRRORED == pass) {
#pragma unroll
            for (int i = 0; i < HIGH; ++i)
#pragma unroll
              for (int e = 0; e < 4; ++e)
                patch[patch_at(j * 8 % MIRRORED + pair + e % 2, down % SHARE * S::WARP_ROWS + i * BLOCK + e / 2 * 8 + g)] = sums[i][j][e];
          }
        __syncthreads();
        const int begin = down % SHARE * (MIRRORED / SHARE);
        const int m = tile.n + across * SPAN + pass * MIRRORED, n = tile.m + down / SHARE * SPAN;
        const int columns = min(RUN, max(0, tile.m_end - (n + run * RUN)));
#pragma unroll 1
        for (int row = begin; row < begin + MIRRORED / SHARE && m + row < tile.n_end; row += 4) {
          const int own = row + lane / 8;
          const Run runs[1] = {patch_run(patch, own, run)};
          job.epilogue.mirror(tile.group, m + own, n + run * RUN, m + own < tile.n_end ? columns : 0, runs);
        }
      }
    }
  }
}

/// Tiles of one shape. Returns what the launch returned.
template <bool LARGE, typename C, typename Epilogue>
cudaError_t launch(cudaStream_t stream, const Job<C, Epilogue>& job) {
  using S = Shape<C::SUMS, LARGE, WholeRows<Epilogue>::ROW>;
  const Extent& extent = job.extent;
  // Each group's last tile may be partly empty: at most one more tile a group.
  const int64_t rows = ceil_div(extent.m, S::ROWS) + (C::KIND == Kind::ragged_m ? extent.groups : 0), columns = ceil_div(extent.n, S::USED);
  const bool each = C::KIND == Kind::batched || C::KIND == Kind::ragged_k;
  contract_kernel<C, LARGE><<<dim3(unsigned(rows * columns), each ? unsigned(extent.groups) : 1u), THREADS, 0, stream>>>(job);
  return cudaGetLastError();
}

template <typename C, typename Epilogue>
cudaError_t contract(cudaStream_t stream, const Extent& extent, const Product<C::SUMS> (&products)[C::PRODUCTS], const Epilogue& epilogue) {
  if ((C::KIND != Kind::dense && extent.groups <= 0) || extent.m <= 0 || extent.n <= 0) return cudaSuccess;
  Job<C, Epilogue> job{extent, {}, epilogue};
  for (int p = 0; p < C::PRODUCTS; ++p) job.products[p] = products[p];
  if constexpr (WholeRows<Epilogue>::ROW > 0) {
    return launch<true>(stream, job);
  } else {
    using S = Shape<C::SUMS, true>;
    const int64_t rows = C::KIND == Kind::ragged_m ? extent.m / extent.groups : extent.m;  // of a group, more or less
    const int64_t tiles = ceil_div(rows, S::ROWS) * ceil_div(extent.n, S::COLUMNS) * (C::KIND == Kind::dense ? 1 : extent.groups) / (C::SYMMETRIC ? 2 : 1);
    const bool large = rows > 64 && extent.n > S::COLUMNS / 2 && tiles >= 72;  // fewer leave most of a GPU idle
    return large ? launch<true>(stream, job) : launch<false>(stream, job);
  }
}

}  // namespace mlac::portable
