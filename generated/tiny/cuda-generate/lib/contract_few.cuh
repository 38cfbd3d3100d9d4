/*
 * Matrix products with few rows (1 to 64; of an expert as many as come), as decoding has them: C[m, n] = sum over k of A[m, k] · B[k, n].
 * Each weight is read once and used for a handful of rows, so the bytes of B over the memory's bandwidth are the time. The interface is
 * contract.cuh's: the same operands, and the same epilogues but for those of whole rows.
 *
 * The tensor cores see the transpose: 16 columns of B are the rows of an mma.sync, eight rows of A its columns, so that one row wastes little.
 * Weights go from memory straight to registers, 16 bytes a lane, a ring of DEPTH loads ahead of the products; no shared memory, no barrier.
 *
 *   warp    64 columns of B, up to 32 rows, 32 k at a time, or 64 where k is contiguous
 *   block   the same columns: K_WARPS parts of k, and two warps with the same weights where there are more than 32 rows
 *   cluster as many parts of k again as it has blocks (1 to 8): as many as all run at once
 *
 * Sums meet in the order of k's parts: K_WARPS in the block's shared memory, then the blocks' in that of the block of the cluster that
 * owns the row. No atomics, one order: the same inputs give the same bits.
 *
 * How a lane (g, t) of a warp holds 32 k: x[8i + g][8t … 8t + 7], 16 bytes of a row of A. Of B, where n is contiguous: eight columns from 8g
 * of the rows k = 8t … 8t + 7, whose pairs of k are put together by byte permutes; where k is contiguous: 8t … 8t + 7 of the columns
 * g, g + 8, g + 16 … Which k of the 32 an mma calls its first does not matter as long as A and B agree. A step is taken in pieces of four loads
 * a sum: a half of its k where n is contiguous; else a quarter of its columns, twice 32 k of each, so that whole lines of 128 bytes are asked for.
 */
#pragma once

#include "contract_few_loads.cuh"
#include "overlap.cuh"

namespace mlac {
namespace few {

/// The touched-th group that has rows, or -1. All lanes of a warp call it.
__device__ inline int touched_group(const int32_t* offsets, int groups, int touched) {
  const int lane = threadIdx.x % WARP;
  for (int base = 0; base < groups; base += WARP) {
    const int e = base + lane;
    const unsigned has = __ballot_sync(0xffffffffu, e < groups && offsets[min(e + 1, groups)] > offsets[min(e, groups)]);
    const int count = __popc(has);
    if (touched < count) return base + __fns(has, 0, touched + 1);
    touched -= count;
  }
  return -1;
}

#ifdef MLAC_HOPPER
/// Meeting of a cluster's blocks, in two parts: what was written before the first is seen after the second.
__device__ inline void cluster_arrive() { asm volatile("barrier.cluster.arrive.release;" ::: "memory"); }
__device__ inline void cluster_wait() { asm volatile("barrier.cluster.wait.acquire;" ::: "memory"); }
__device__ inline void store_at(float* own, int rank, float4 x) {
  asm volatile(
      "{\n"
      ".reg .b32 there;\n"
      "mapa.shared::cluster.u32 there, %0, %1;\n"
      "st.shared::cluster.v4.f32 [there], {%2, %3, %4, %5};\n"
      "}" ::"r"(shared_address(own)),
      "r"(rank), "f"(x.x), "f"(x.y), "f"(x.z), "f"(x.w)
      : "memory");
}
#else
__device__ inline void cluster_arrive() {}
__device__ inline void cluster_wait() {}
__device__ inline void store_at(float* own, int, float4 x) { *reinterpret_cast<float4*>(own) = x; }
#endif

__device__ inline float4 operator+(float4 a, float4 b) { return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w); }

/// A warp's sums to shared memory, rows STRIDE floats apart. Where n is contiguous a lane has eight neighbours of the rows 2t and 2t + 1.
template <bool BY_N, int STRIDE, int TILES>
__device__ inline void store_sums(float* to, const float (&sums)[TILES][4][4]) {
  const int g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
#pragma unroll
  for (int i = 0; i < TILES; ++i)
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      float* const row = to + (TILE * i + 2 * t + e) * STRIDE;
      if constexpr (BY_N) {
        reinterpret_cast<float4*>(row + 8 * g)[0] = make_float4(sums[i][0][e], sums[i][0][2 + e], sums[i][1][e], sums[i][1][2 + e]);
        reinterpret_cast<float4*>(row + 8 * g)[1] = make_float4(sums[i][2][e], sums[i][2][2 + e], sums[i][3][e], sums[i][3][2 + e]);
      } else {
#pragma unroll
        for (int j = 0; j < 4; ++j) row[16 * j + g] = sums[i][j][e], row[16 * j + 8 + g] = sums[i][j][2 + e];
      }
    }
}

template <typename C, int TILES, typename Epilogue>
__global__ void __launch_bounds__(Layout<C, TILES>::THREADS, Layout<C, TILES>::BLOCKS) few_rows_kernel(const Job<C, Epilogue> job, int cluster) {
  using L = Layout<C, TILES>;
  constexpr bool RAGGED = C::KIND == Kind::ragged_m;
  constexpr int SUMS = C::SUMS, MT = L::WARP_TILES, DEPTH = L::DEPTH, PIECES = L::PIECES;
  extern __shared__ __align__(16) float few_memory[];
  float* const received = few_memory + L::OWN;
  next_may_begin();

  const int rank = blockIdx.x % cluster, place = blockIdx.x / cluster;
  const int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
  const int row_warp = warp % L::ROW_WARPS, k_warp = warp / L::ROW_WARPS, n = place % job.column_blocks * SPAN;
  int group = place / job.column_blocks, begin = 0, end = job.m;
  if constexpr (RAGGED) {
    inputs_ready();
    group = touched_group(job.offsets, job.groups, group);
    if (group < 0) return;
    begin = job.offsets[group], end = job.offsets[group + 1];
  }
  if (cluster > 1) cluster_arrive();

  // A warp's part of the steps: of each product from steps(p) · share / shares on.
  const int share = rank * L::K_WARPS + k_warp, shares = cluster * L::K_WARPS;
  for (int first = begin; first < end; first += L::ROWS) {
    float sums[SUMS][MT][4][4] = {};
#pragma unroll
    for (int p = 0; p < C::PRODUCTS; ++p) {
      const Part<SUMS>& part = job.parts[p];
      const int steps = (part.k + L::STEP - 1) / L::STEP, step = steps * share / shares, pieces = PIECES * (steps * (share + 1) / shares - step);
      Weights<L> weights(part, group, n, job.n, step);
      uint4 w[DEPTH][SUMS][4], x[2][L::CHUNKS][MT];
#pragma unroll
      for (int i = 0; i < DEPTH; ++i)
        if (i < pieces) weights.load(w[i], i % PIECES);
      if (!RAGGED && p == 0) {
        auto ahead = weights;
        for (int i = DEPTH; i < pieces; i += PIECES)
#pragma unroll
          for (int j = 0; j < PIECES; ++j) ahead.prefetch((DEPTH + j) % PIECES);
        inputs_ready();
      }
      Rows<C, L> rows(part, group, first + row_warp * MT * TILE, end - first - row_warp * MT * TILE, step);
      if (pieces > 0) rows.load(x[0]);
      // Two steps a round, so that every register is known by its number.
      for (int base = 0; base < pieces; base += 2 * PIECES)
#pragma unroll
        for (int i = 0; i < 2 * PIECES; ++i) {
          if (base + i >= pieces) break;
          if (i % PIECES == 0 && base + i + PIECES < pieces) rows.load(x[(i / PIECES + 1) % 2]);
#pragma unroll
          for (int s = 0; s < SUMS; ++s) multiply_piece<L::BY_N>(sums[s], w[i % DEPTH][s], x[i / PIECES], i % PIECES);
          if (base + i + DEPTH < pieces) weights.load(w[i % DEPTH], (i + DEPTH) % PIECES);
        }
    }

#pragma unroll
    for (int s = 0; s < SUMS; ++s)
      store_sums<L::BY_N, L::STRIDE>(few_memory + ((k_warp * SUMS + s) * L::ROWS + row_warp * MT * TILE) * L::STRIDE, sums[s]);
    if (cluster > 1 && first == begin) cluster_wait();  // all blocks of the cluster are there
    __syncthreads();
    const int exist = min(end - first, L::ROWS), owned = (L::FOURS + cluster - 1) / cluster * 4;
    constexpr int QUADS = SPAN / 4;
    for (int i = threadIdx.x; i < SUMS * L::ROWS * QUADS; i += L::THREADS) {
      const int row = i / QUADS % L::ROWS, s = i / QUADS / L::ROWS, column = i % QUADS * 4;
      if (row >= exist) continue;
      float4 sum = {};
#pragma unroll
      for (int part = 0; part < L::K_WARPS; ++part)
        sum = sum + *reinterpret_cast<const float4*>(few_memory + ((part * SUMS + s) * L::ROWS + row) * L::STRIDE + column);
      // Fours of rows go round the cluster's blocks.
      const int owner = row / 4 % cluster, there = row / 4 / cluster * 4 + row % 4;
      float* const to = received + ((rank * SUMS + s) * owned + there) * L::STRIDE + column;
      if (cluster > 1) store_at(to, owner, sum);
      else *reinterpret_cast<float4*>(to) = sum;
    }
    if (cluster > 1) cluster_arrive(), cluster_wait();
    else __syncthreads();

    for (int four = warp; four < owned / 4; four += L::WARPS) {
      const int row = (four * cluster + rank) * 4 + lane / 8, column = lane % 8 * RUN;
      if ((four * cluster + rank) * 4 >= exist) continue;
      Run total[SUMS];
#pragma unroll
      for (int s = 0; s < SUMS; ++s) {
        float4 low = {}, high = {};
        for (int part = 0; part < cluster; ++part) {
          const auto* from = reinterpret_cast<const float4*>(received + ((part * SUMS + s) * owned + four * 4 + lane / 8) * L::STRIDE + column);
          low = low + from[0], high = high + from[1];
        }
        total[s] = {{low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w}};
      }
      job.epilogue(group, int64_t(first) + row, int64_t(n) + column, row < exist ? max(0, min(RUN, job.n - n - column)) : 0, total);
    }
    if (first + L::ROWS < end) {  // another round overwrites what others may still read
      if (cluster > 1) cluster_arrive(), cluster_wait();
      else __syncthreads();
    }
  }
}

template <typename C, int TILES, typename Epilogue>
cudaError_t launch(cudaStream_t stream, Job<C, Epilogue> job, int64_t most_groups) {
  using L = Layout<C, TILES>;
  job.column_blocks = int(ceil_div(job.n, SPAN));
  const int64_t places = job.column_blocks * most_groups;
  int steps = 0, cluster = 1;
  for (const auto& part : job.parts) steps = max(steps, int(ceil_div(part.k, L::STEP)));
  while (cluster < MOST_CLUSTER && 2 * places * cluster <= PROCESSORS * L::BLOCKS && steps >= 2 * cluster * L::K_WARPS) cluster *= 2;
  const auto kernel = few_rows_kernel<C, TILES, Epilogue>;
  const cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, L::bytes(cluster));
  if (error != cudaSuccess) return error;
  return launch_overlapping(stream, kernel, unsigned(places * cluster), L::THREADS, L::bytes(cluster), cluster, job, cluster);
}

}  // namespace few

/// As contract(), where C has few rows: M of them at most, or in all where m is ragged. B is a weight: no kernel of the stream writes it.
template <typename C, int M, typename Epilogue>
cudaError_t contract_few(cudaStream_t stream, const Extent& extent, const Product<C::SUMS> (&products)[C::PRODUCTS], const Epilogue& epilogue) {
  static_assert(M <= 8 * 8 || C::KIND == Kind::ragged_m, "these are not few rows");
  static_assert(WholeRows<Epilogue>::ROW == 0, "few rows have no epilogue of whole rows");
  if (extent.groups <= 0 || extent.m <= 0 || extent.n <= 0) return cudaSuccess;
  few::Job<C, Epilogue> job{{}, extent.groups, int(extent.m), int(extent.n), 0, extent.offsets, epilogue};
  const auto matrix = [](const Operand& x) { return few::Matrix{x.data, x.columns, x.group_stride, x.index, x.divisor}; };
  for (int p = 0; p < C::PRODUCTS; ++p) {
    job.parts[p].k = int(products[p].k);
    job.parts[p].a = matrix(products[p].a);
    for (int s = 0; s < C::SUMS; ++s) job.parts[p].b[s] = matrix(products[p].b[s]);
  }
  // Of an expert's rows there are rarely many more than the mean; the others take a second round.
  constexpr int TILES = C::KIND == Kind::ragged_m ? (M <= 8 ? 1 : 2) : C::SUMS == 2 && M > few::TILE * few::MOST_TILES ? few::MOST_TILES : int(ceil_div(M, few::TILE));
  const int64_t most_groups = C::KIND == Kind::ragged_m && extent.m < extent.groups ? extent.m : extent.groups;
  return few::launch<C, TILES>(stream, job, most_groups);
}

}  // namespace mlac
