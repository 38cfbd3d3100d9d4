/*
 * Matrix products with few rows (1 to 64; of an expert as many as come), as decoding has them: C[m, n] = sum over k of A[m, k] · B[k, n].
 * Each weight is read once and used for a handful of rows, so the bytes of B over the memory's bandwidth are the time. The interface is
 * contract.cuh's: the same operands, and the same epilogues but for those of whole rows.
 *
 * The tensor cores see the transpose: 16 columns of B are the rows of an mma.sync, eight rows of A its columns, so that one row wastes little.
 * Weights go from memory straight to registers, 16 bytes a lane, a ring of DEPTH loads ahead of the products; no shared memory, no barrier.
 *
 *   warp    64 columns of B, STEP = 32 k at a time, up to 32 rows
 *   block   COLUMN_WARPS times 64 columns; ROW_WARPS that share the weights (where there are more than 32 rows); K_WARPS parts of k
 *   cluster as many parts of k again as it has blocks (1 to 8): as many as all run at once
 *
 * Sums meet in the order of k's parts: K_WARPS in the block's shared memory, then the blocks' in that of the block of the cluster that
 * owns the row. No atomics, one order: the same inputs give the same bits.
 *
 * How a lane (g, t) of a warp holds STEP k: x[8i + g][8t … 8t + 7], 16 bytes of a row of A. Of B, where n is contiguous: eight columns from 8g
 * of the rows k = 8t … 8t + 7, whose pairs of k are put together by byte permutes; where k is contiguous: 8t … 8t + 7 of the columns
 * g, g + 8, g + 16 … Which k of the 32 an mma calls its first does not matter as long as A and B agree.
 */
#pragma once

#include "contract.cuh"
#include "overlap.cuh"

namespace mlac {
namespace few {

constexpr int SPAN = 64, STEP = 32, TILE = 8;  // columns of a warp; k of a step; rows of a tile
constexpr int MOST_CLUSTER = 8;
#ifdef MLAC_HOPPER
constexpr int PROCESSORS = 132;
#else
constexpr int PROCESSORS = 108;
#endif

/// A matrix of one group: rows `stride` elements apart, groups `group_stride`. index, divisor: as Operand's.
struct Matrix {
  const bf16* data;
  int64_t stride, group_stride;
  const int32_t* index;
  int divisor;
};

template <int SUMS>
struct Part {
  int k;
  Matrix a, b[SUMS];
};

/// C: a Contraction. TILES: tiles of eight rows that are computed at a time.
template <typename C, int TILES>
struct Layout {
  static_assert(TILES >= 1 && TILES <= 8 && C::SUMS <= 2 && C::ALIGNED && C::A == Major::k && !C::GATHER_B && !C::SYMMETRIC && C::KIND != Kind::ragged_k);
  static constexpr int SUMS = C::SUMS;
  // Up to 16 rows: small blocks, several on a multiprocessor, so that one begins while another adds up.
  static constexpr int ROW_WARPS = TILES > 4 ? 2 : 1, COLUMN_WARPS = TILES > 2 ? 2 : 1, K_WARPS = TILES > 4 ? 2 : 4;
  static constexpr int WARPS = ROW_WARPS * COLUMN_WARPS * K_WARPS, THREADS = WARPS * WARP;
  static constexpr int WARP_TILES = (TILES + ROW_WARPS - 1) / ROW_WARPS;
  static constexpr int ROWS = TILE * WARP_TILES * ROW_WARPS, COLUMNS = SPAN * COLUMN_WARPS;
  static constexpr int DEPTH = SUMS == 2 ? 2 : 4;  // halves of a step that are under way
  static constexpr int STRIDE = COLUMNS + 4;            // floats from a row of sums to the next
  static constexpr int FOURS = ROWS / 4;                // rows that an epilogue's call has
  /// Floats of shared memory: what each part of k comes to; and what the cluster's blocks have of the rows that this one owns.
  static constexpr int OWN = K_WARPS * SUMS * ROWS * STRIDE;
  static constexpr int received(int cluster) { return cluster * int(ceil_div(FOURS, cluster)) * 4 * SUMS * STRIDE; }
  static constexpr int bytes(int cluster) { return 4 * (OWN + received(cluster)); }
  static constexpr int BLOCKS = TILES > 2 ? 1 : SUMS * TILES == 1 ? 4 : 3;  // of a multiprocessor
};

template <typename C, typename Epilogue>
struct Job {
  Part<C::SUMS> parts[C::PRODUCTS];
  int groups, m, n, column_blocks;
  const int32_t* offsets;
  Epilogue epilogue;
};

/// 16 bytes that are read once; ONCE: by one warp, so that they pass by this multiprocessor's cache.
template <bool ONCE>
__device__ inline uint4 fetch(const char* from, bool exists) {
  uint4 x = make_uint4(0, 0, 0, 0);
  if (exists) {
    if constexpr (ONCE)
      asm volatile("ld.global.nc.L1::no_allocate.L2::256B.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(x.x), "=r"(x.y), "=r"(x.z), "=r"(x.w) : "l"(from));
    else
      asm volatile("ld.global.nc.L2::256B.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(x.x), "=r"(x.y), "=r"(x.z), "=r"(x.w) : "l"(from));
  }
  return x;
}

/// The four 32-bit registers of 16 bytes, by a number that is known when this is compiled.
__device__ inline uint32_t word(const uint4& x, int i) { return i == 0 ? x.x : i == 1 ? x.y : i == 2 ? x.z : x.w; }

/// A warp's share of B, as its lane goes through it: half a step at a time, of its k where n is contiguous, else of its columns.
template <typename C, bool ONCE>
struct Weights {
  static constexpr bool BY_N = C::B == Major::own;
  const char* next[C::SUMS];
  int stride[C::SUMS];  // bytes from a row, as stored, to the next
  int n_left, k_left;   // columns from this lane's first on, and k

  __device__ Weights(const Part<C::SUMS>& part, int group, int n, int n_end, int step) {
    const int g = threadIdx.x % WARP / 4, t = threadIdx.x % 4, k = step * STEP + 8 * t;
    n_left = n_end - n - (BY_N ? 8 * g : g);
    k_left = part.k - k;
#pragma unroll
    for (int s = 0; s < C::SUMS; ++s) {
      stride[s] = int(part.b[s].stride * sizeof(bf16));
      const int64_t row = BY_N ? k : n + g, column = BY_N ? n + 8 * g : k;
      next[s] = reinterpret_cast<const char*>(part.b[s].data + group * part.b[s].group_stride + column) + row * stride[s];
    }
  }
  /// Calls use(sum, i, address, whether it exists) for the four 16 bytes of each sum, and goes on. `half`: 0 and 1 by turns.
  template <typename Use>
  __device__ void half_step(int half, const Use& use) {
    const bool exists = k_left > 0 && (!BY_N || n_left > 0);
#pragma unroll
    for (int s = 0; s < C::SUMS; ++s) {
#pragma unroll
      for (int i = 0; i < 4; ++i) use(s, i, next[s] + (BY_N ? i : 8 * i) * stride[s], exists && (BY_N || n_left > 32 * half + 8 * i));
      if (BY_N) next[s] += (half == 0 ? 4 : STEP - 4) * stride[s];
      else next[s] += half == 0 ? 32 * stride[s] : int(STEP * sizeof(bf16)) - 32 * stride[s];
    }
    if (half == 1) k_left -= STEP;
  }
  __device__ void load(uint4 (&to)[C::SUMS][4], int half) {
    half_step(half, [&](int s, int i, const char* from, bool exists) { to[s][i] = fetch<ONCE>(from, exists); });
  }
  /// Towards the second-level cache only. Where n is contiguous one lane asks for its row's 128 bytes.
  __device__ void prefetch(int half) {
    const bool asks = !BY_N || threadIdx.x % WARP < 4;
    half_step(half, [&](int, int, const char* from, bool exists) {
      if (asks && exists) asm volatile("prefetch.global.L2 [%0];" ::"l"(from));
    });
  }
};

/// sums += half a step. `x`: a lane's 16 bytes of each tile's rows.
template <bool BY_N, int TILES>
__device__ inline void multiply_half(float (&sums)[TILES][4][4], const uint4 (&w)[4], const uint4 (&x)[TILES], int half) {
  if constexpr (BY_N) {
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const uint32_t a[4] = {__byte_perm(word(w[0], j), word(w[1], j), 0x5410), __byte_perm(word(w[0], j), word(w[1], j), 0x7632),
                             __byte_perm(word(w[2], j), word(w[3], j), 0x5410), __byte_perm(word(w[2], j), word(w[3], j), 0x7632)};
#pragma unroll
      for (int i = 0; i < TILES; ++i) multiply_add(sums[i][j], a, half ? x[i].z : x[i].x, half ? x[i].w : x[i].y);
    }
  } else {
#pragma unroll
    for (int j = 0; j < 2; ++j)
#pragma unroll
      for (int part = 0; part < 2; ++part) {
        const uint32_t a[4] = {word(w[2 * j], 2 * part), word(w[2 * j + 1], 2 * part), word(w[2 * j], 2 * part + 1), word(w[2 * j + 1], 2 * part + 1)};
#pragma unroll
        for (int i = 0; i < TILES; ++i) multiply_add(sums[i][2 * half + j], a, part ? x[i].z : x[i].x, part ? x[i].w : x[i].y);
      }
  }
}

/// A lane's rows of A: row 8i + g of the warp's, 16 bytes of it at each step. rows: how many the warp has.
template <typename C, int TILES>
struct Rows {
  const bf16* next[TILES];
  int k_left;
  bool exists[TILES];
  __device__ Rows(const Part<C::SUMS>& part, int group, int64_t first, int rows, int step) {
    const int g = threadIdx.x % WARP / 4, k = step * STEP + 8 * int(threadIdx.x % 4);
    k_left = part.k - k;
#pragma unroll
    for (int i = 0; i < TILES; ++i) {
      exists[i] = TILE * i + g < rows;
      int64_t row = first + TILE * i + g;
      if constexpr (C::GATHER_A) row = exists[i] ? part.a.index[row] / part.a.divisor : 0;
      next[i] = part.a.data + group * part.a.group_stride + row * part.a.stride + k;
    }
  }
  __device__ void load(uint4 (&to)[TILES]) {
#pragma unroll
    for (int i = 0; i < TILES; ++i) {
      to[i] = make_uint4(0, 0, 0, 0);
      if (exists[i] && k_left > 0) to[i] = *reinterpret_cast<const uint4*>(next[i]);
      next[i] += STEP;
    }
    k_left -= STEP;
  }
};

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
  constexpr bool RAGGED = C::KIND == Kind::ragged_m, BY_N = C::B == Major::own;
  constexpr int SUMS = C::SUMS, MT = L::WARP_TILES, DEPTH = L::DEPTH, THREADS = L::THREADS;
  extern __shared__ __align__(16) float few_memory[];
  float* const received = few_memory + L::OWN;
  next_may_begin();

  const int rank = blockIdx.x % cluster, place = blockIdx.x / cluster;
  const int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
  const int row_warp = warp % L::ROW_WARPS, column_warp = warp / L::ROW_WARPS % L::COLUMN_WARPS, k_warp = warp / L::ROW_WARPS / L::COLUMN_WARPS;
  const int first_column = place % job.column_blocks * L::COLUMNS, n = first_column + column_warp * SPAN;
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
      const int steps = (part.k + STEP - 1) / STEP, step = steps * share / shares, halves = 2 * (steps * (share + 1) / shares - step);
      Weights<C, L::ROW_WARPS == 1> weights(part, group, n, job.n, step);
      uint4 w[DEPTH][SUMS][4], x[2][MT];
#pragma unroll
      for (int i = 0; i < DEPTH; ++i)
        if (i < halves) weights.load(w[i], i % 2);
      if (!RAGGED && p == 0) {
        auto ahead = weights;
        for (int i = DEPTH; i < halves; i += 2) ahead.prefetch(0), ahead.prefetch(1);
        inputs_ready();
      }
      Rows<C, MT> rows(part, group, first + row_warp * MT * TILE, end - first - row_warp * MT * TILE, step);
      if (halves > 0) rows.load(x[0]);
      for (int base = 0; base < halves; base += 4)
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const int half = base + i;
          if (half >= halves) break;
          if (i % 2 == 0 && half + 2 < halves) rows.load(x[(i / 2 + 1) % 2]);
#pragma unroll
          for (int s = 0; s < SUMS; ++s) multiply_half<BY_N>(sums[s], w[i % DEPTH][s], x[i / 2 % 2], i % 2);
          if (half + DEPTH < halves) weights.load(w[i % DEPTH], i % 2);
        }
    }

#pragma unroll
    for (int s = 0; s < SUMS; ++s)
      store_sums<BY_N, L::STRIDE>(few_memory + ((k_warp * SUMS + s) * L::ROWS + row_warp * MT * TILE) * L::STRIDE + column_warp * SPAN, sums[s]);
    if (cluster > 1 && first == begin) cluster_wait();  // all blocks of the cluster are there
    __syncthreads();
    const int exist = min(end - first, L::ROWS), owned = (L::FOURS + cluster - 1) / cluster * 4;
    constexpr int QUADS = L::COLUMNS / 4;
    for (int i = threadIdx.x; i < SUMS * L::ROWS * QUADS; i += THREADS) {
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

    for (int call = warp; call < owned / 4 * L::COLUMN_WARPS; call += L::WARPS) {
      const int four = call / L::COLUMN_WARPS, row = (four * cluster + rank) * 4 + lane / 8, column = call % L::COLUMN_WARPS * SPAN + lane % 8 * RUN;
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
      job.epilogue(group, int64_t(first) + row, int64_t(first_column) + column, row < exist ? max(0, min(RUN, job.n - first_column - column)) : 0, total);
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
  job.column_blocks = int(ceil_div(job.n, L::COLUMNS));
  const int64_t places = job.column_blocks * most_groups;
  int steps = 0, cluster = 1;
  for (const auto& part : job.parts) steps = max(steps, int(ceil_div(part.k, STEP)));
#ifdef MLAC_HOPPER
  while (cluster < MOST_CLUSTER && 2 * places * cluster <= PROCESSORS * L::BLOCKS && steps >= 2 * cluster * L::K_WARPS) cluster *= 2;
#endif
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
  constexpr int TILES = C::KIND == Kind::ragged_m ? (M <= 8 ? 1 : 2) : int(ceil_div(M, few::TILE));
  const int64_t most_groups = C::KIND == Kind::ragged_m && extent.m < extent.groups ? extent.m : extent.groups;
  return few::launch<C, TILES>(stream, job, most_groups);
}

}  // namespace mlac
