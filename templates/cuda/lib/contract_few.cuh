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

#include "contract.cuh"
#include "overlap.cuh"

namespace mlac {
namespace few {

constexpr int SPAN = 64, CHUNK = 32, TILE = 8;  // columns of a warp; k that lanes hold 16 bytes of; rows of a tile
/// MOST_TILES: of two sums, for which there are registers. PROCESSORS: of the devices that this is tuned for.
#ifdef MLAC_HOPPER
constexpr int MOST_CLUSTER = 8, PROCESSORS = 132, SMALLEST_BLOCKS = 4, MOST_TILES = 8;
#else
constexpr int MOST_CLUSTER = 1, PROCESSORS = 108, SMALLEST_BLOCKS = 3, MOST_TILES = 4;
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
  static constexpr bool BY_N = C::B == Major::own;
  static constexpr int CHUNKS = BY_N ? 1 : 2, STEP = CHUNKS * CHUNK, PIECES = BY_N ? 2 : 4;  // of a step
  // Small blocks, several on a multiprocessor, so that one begins while another adds up.
  static constexpr int WARPS = 4, THREADS = WARPS * WARP, ROW_WARPS = TILES > 4 ? 2 : 1, K_WARPS = WARPS / ROW_WARPS;
  static constexpr int WARP_TILES = (TILES + ROW_WARPS - 1) / ROW_WARPS;
  static constexpr int ROWS = TILE * WARP_TILES * ROW_WARPS;
  static constexpr int DEPTH = SUMS == 2 ? 2 : 4;  // pieces that are under way
  static constexpr int STRIDE = SPAN + 4;               // floats from a row of sums to the next
  static constexpr int FOURS = ROWS / 4;                // rows that an epilogue's call has
  /// Floats of shared memory: what each part of k comes to; and what the cluster's blocks have of the rows that this one owns.
  static constexpr int OWN = K_WARPS * SUMS * ROWS * STRIDE;
  static constexpr int received(int cluster) { return cluster * int(ceil_div(FOURS, cluster)) * 4 * SUMS * STRIDE; }
  static constexpr int bytes(int cluster) { return 4 * (OWN + received(cluster)); }
  static constexpr int BLOCKS = TILES > 2 || SUMS * TILES > 2 ? 2 : SUMS * TILES == 1 && BY_N ? SMALLEST_BLOCKS : 3;  // of a multiprocessor
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

/// A warp's share of B, as its lane goes through it, a piece of a step at a time.
template <class L>
struct Weights {
  static constexpr bool BY_N = L::BY_N;
  const char* next[L::SUMS];
  int stride;          // bytes from a row, as stored, to the next: the sums' matrices are of one shape
  int n_left, k_left;  // columns from this lane's first on, and k

  __device__ Weights(const Part<L::SUMS>& part, int group, int n, int n_end, int step) {
    const int g = threadIdx.x % WARP / 4, t = threadIdx.x % 4, k = step * L::STEP + 8 * t;
    n_left = n_end - n - (BY_N ? 8 * g : g);
    k_left = part.k - k;
    stride = int(part.b[0].stride * sizeof(bf16));
#pragma unroll
    for (int s = 0; s < L::SUMS; ++s) {
      const int64_t row = BY_N ? k : n + g, column = BY_N ? n + 8 * g : k;
      next[s] = reinterpret_cast<const char*>(part.b[s].data + group * part.b[s].group_stride + column) + row * stride;
    }
  }
  /// Calls use(sum, i, address, whether it exists) for the four 16 bytes of each sum, and goes on. piece: 0 to PIECES − 1 by turns.
  template <typename Use>
  __device__ void piece(int piece, const Use& use) {
#pragma unroll
    for (int s = 0; s < L::SUMS; ++s) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if (BY_N) use(s, i, next[s] + i * stride, k_left > 0 && n_left > 0);
        else use(s, i, next[s] + 8 * (i / 2) * stride + 2 * CHUNK * (i % 2), k_left > CHUNK * (i % 2) && n_left > 16 * piece + 8 * (i / 2));
      }
      const bool last = piece == L::PIECES - 1;
      if (BY_N) next[s] += (last ? L::STEP - 4 : 4) * stride;
      else next[s] += (last ? -48 : 16) * stride + (last ? 2 * L::STEP : 0);
    }
    if (piece == L::PIECES - 1) k_left -= L::STEP;
  }
  __device__ void load(uint4 (&to)[L::SUMS][4], int number) {
    piece(number, [&](int s, int i, const char* from, bool exists) { to[s][i] = fetch<L::ROW_WARPS == 1>(from, exists); });
  }
  /// Towards the second-level cache only. Where n is contiguous one lane asks for its row's 128 bytes.
  __device__ void prefetch(int number) {
    const bool asks = !BY_N || threadIdx.x % WARP < 4;
    piece(number, [&](int, int, const char* from, bool exists) {
      if (asks && exists) asm volatile("prefetch.global.L2 [%0];" ::"l"(from));
    });
  }
};

/// sums += a piece of a step. `x`: a lane's 16 bytes of each chunk of each tile's rows.
template <bool BY_N, int CHUNKS, int TILES>
__device__ inline void multiply_piece(float (&sums)[TILES][4][4], const uint4 (&w)[4], const uint4 (&x)[CHUNKS][TILES], int piece) {
  if constexpr (BY_N) {
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const uint32_t a[4] = {__byte_perm(word(w[0], j), word(w[1], j), 0x5410), __byte_perm(word(w[0], j), word(w[1], j), 0x7632),
                             __byte_perm(word(w[2], j), word(w[3], j), 0x5410), __byte_perm(word(w[2], j), word(w[3], j), 0x7632)};
#pragma unroll
      for (int i = 0; i < TILES; ++i) multiply_add(sums[i][j], a, word(x[0][i], 2 * piece), word(x[0][i], 2 * piece + 1));
    }
  } else {
#pragma unroll
    for (int chunk = 0; chunk < CHUNKS; ++chunk)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const uint32_t a[4] = {word(w[chunk], 2 * half), word(w[2 + chunk], 2 * half), word(w[chunk], 2 * half + 1), word(w[2 + chunk], 2 * half + 1)};
#pragma unroll
        for (int i = 0; i < TILES; ++i) multiply_add(sums[i][piece], a, word(x[chunk][i], 2 * half), word(x[chunk][i], 2 * half + 1));
      }
  }
}

/// A lane's rows of A: row 8i + g of the warp's, 16 bytes of each chunk at each step. rows: how many the warp has.
template <typename C, class L>
struct Rows {
  static constexpr int TILES = L::WARP_TILES;
  const bf16* next[C::GATHER_A ? TILES : 1];
  int k_left, rows, stride;  // rows: from this lane's first on

  __device__ Rows(const Part<C::SUMS>& part, int group, int64_t first, int count, int step) {
    const int g = threadIdx.x % WARP / 4, k = step * L::STEP + 8 * int(threadIdx.x % 4);
    k_left = part.k - k, rows = count - g, stride = int(part.a.stride);
    const bf16* const from = part.a.data + group * part.a.group_stride + k;
    if constexpr (!C::GATHER_A) next[0] = from + (first + g) * stride;
    else
#pragma unroll
      for (int i = 0; i < TILES; ++i) next[i] = from + int64_t(rows > TILE * i ? part.a.index[first + g + TILE * i] / part.a.divisor : 0) * stride;
  }
  __device__ void load(uint4 (&to)[L::CHUNKS][TILES]) {
#pragma unroll
    for (int i = 0; i < TILES; ++i) {
      const bf16* const from = C::GATHER_A ? next[C::GATHER_A ? i : 0] : next[0] + TILE * i * stride;
#pragma unroll
      for (int chunk = 0; chunk < L::CHUNKS; ++chunk) {
        to[chunk][i] = make_uint4(0, 0, 0, 0);
        if (rows > TILE * i && k_left > CHUNK * chunk) to[chunk][i] = *reinterpret_cast<const uint4*>(from + CHUNK * chunk);
      }
    }
#pragma unroll
    for (const bf16*& at : next) at += L::STEP;
    k_left -= L::STEP;
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
