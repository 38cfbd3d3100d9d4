// Products with few rows, for any device: the shape of blocks, and how a lane's part of A and B comes to its registers. contract_few_portable.cuh has the picture.
#pragma once

#include "contract_few_job.cuh"
#include "mma.cuh"

namespace mlac {
namespace few {
namespace portable {

constexpr int CHUNK = 32;  // k that lanes hold 16 bytes of
constexpr int MOST_TILES = 4;  // of two sums, for which there are registers

/// C: a Contraction. TILES: tiles of eight rows that are computed at a time.
template <typename C, int TILES>
struct Layout {
  static_assert(TILES >= 1 && TILES <= 8);
  static constexpr int SUMS = C::SUMS;
  static constexpr bool BY_N = C::B == Major::own;
  static constexpr int CHUNKS = BY_N ? 1 : 2, STEP = CHUNKS * CHUNK, PIECES = BY_N ? 2 : 4;  // of a step
  // Small blocks, several on a multiprocessor, so that one begins while another adds up.
  static constexpr int WARPS = 4, THREADS = WARPS * WARP, ROW_WARPS = TILES > 4 ? 2 : 1, K_WARPS = WARPS / ROW_WARPS;
  static constexpr int WARP_TILES = (TILES + ROW_WARPS - 1) / ROW_WARPS;
  static constexpr int ROWS = TILE * WARP_TILES * ROW_WARPS;
  static constexpr int DEPTH = SUMS == 2 ? 2 : 4;  // pieces that are under way
  static constexpr int FOURS = ROWS / 4;           // rows that an epilogue's call has
  /// Floats of shared memory: what each part of k comes to, and the parts' squares of each row.
  static constexpr int OWN = K_WARPS * SUMS * ROWS * STRIDE, SQUARES = K_WARPS * ROWS;
  static constexpr int BYTES = 4 * (OWN + SQUARES);
  static constexpr int BLOCKS = TILES > 2 || SUMS * TILES > 2 ? 2 : 3;  // of a multiprocessor
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

  __device__ Weights(const Matrix (&b)[L::SUMS], int k_end, int group, int n, int n_end, int step) {
    const int g = threadIdx.x % WARP / 4, t = threadIdx.x % 4, k = step * L::STEP + 8 * t;
    n_left = n_end - n - (BY_N ? 8 * g : g);
    k_left = k_end - k;
    stride = int(b[0].stride * sizeof(bf16));
#pragma unroll
    for (int s = 0; s < L::SUMS; ++s) {
      const int64_t row = BY_N ? k : n + g, column = BY_N ? n + 8 * g : k;
      next[s] = reinterpret_cast<const char*>(b[s].data + group * b[s].group_stride + column) + row * stride;
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
template <typename C, class L, bool NORMED>
struct Rows {
  static constexpr int TILES = L::WARP_TILES;
  const bf16* next[C::GATHER_A ? TILES : 1];
  const float* gain;
  float squares[TILES];
  int k_left, rows, stride;  // rows: from this lane's first on

  __device__ Rows(const Matrix& a, const float* gains, int k_end, int group, int64_t first, int count, int step) : squares{} {
    const int g = threadIdx.x % WARP / 4, k = step * L::STEP + 8 * int(threadIdx.x % 4);
    k_left = k_end - k, rows = count - g, stride = int(a.stride), gain = gains + k;
    const bf16* const from = a.data + group * a.group_stride + k;
    if constexpr (!C::GATHER_A) next[0] = from + (first + g) * stride;
    else
#pragma unroll
      for (int i = 0; i < TILES; ++i) next[i] = from + int64_t(rows > TILE * i ? a.index[first + g + TILE * i] / a.divisor : 0) * stride;
  }
  __device__ void load(uint4 (&to)[L::CHUNKS][TILES]) {
#pragma unroll
    for (int chunk = 0; chunk < L::CHUNKS; ++chunk) {
      const bool inside = k_left > CHUNK * chunk;
      Run gains = {};
      if (NORMED && inside) gains = load_aligned(gain + CHUNK * chunk);
#pragma unroll
      for (int i = 0; i < TILES; ++i) {
        const bf16* const from = C::GATHER_A ? next[C::GATHER_A ? i : 0] : next[0] + TILE * i * stride;
        to[chunk][i] = make_uint4(0, 0, 0, 0);
        if (rows > TILE * i && inside) to[chunk][i] = *reinterpret_cast<const uint4*>(from + CHUNK * chunk);
        if constexpr (NORMED) to[chunk][i] = with_gain(to[chunk][i], gains, squares[i]);
      }
    }
#pragma unroll
    for (const bf16*& at : next) at += L::STEP;
    gain += L::STEP;
    k_left -= L::STEP;
  }
};

}  // namespace portable
}  // namespace few
}  // namespace mlac
