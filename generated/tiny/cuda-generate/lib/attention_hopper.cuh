// Attention on Hopper: what its kernels need beside hopper.cuh. Tiles of heads by TMA, products whose left operand is in registers,
// turns between warpgroups. attention_hopper_forward.cuh has the picture.
#pragma once

#include "attention_mma.cuh"
#include "hopper.cuh"
#include "tensor_map.cuh"

namespace mlac::flash::warpgroups {

using namespace mlac::hopper;

constexpr int WARPGROUP = 128;

/// A tile lies in slabs of 64 columns: its rows follow each other, 128 swizzled bytes each.
constexpr int slab_bytes(int rows) { return rows * 128; }

// ------------------------------------------------------------------------------------------------------------- tensor maps

/// A tensor [batch length heads width] of bf16, read in boxes of 64 columns of `rows` tokens of one head. Tokens beyond the sequence are zeros,
/// never the next sequence's. `width` is a multiple of 64.
inline cudaError_t make_heads_map(CUtensorMap* map, const bf16* data, int64_t batch, int64_t length, int64_t heads, int width, int rows) {
  static const EncodeTiled encode = find_encode_tiled();
  if (!encode) return cudaErrorNotSupported;
  const cuuint64_t token = cuuint64_t(heads) * width * sizeof(bf16);
  const cuuint64_t size[4] = {cuuint64_t(width), cuuint64_t(heads), cuuint64_t(length), cuuint64_t(batch)};
  const cuuint64_t stride[3] = {cuuint64_t(width) * sizeof(bf16), token, token * cuuint64_t(length)};
  const cuuint32_t box[4] = {64, 1, cuuint32_t(rows), 1}, step[4] = {1, 1, 1, 1};
  const CUresult made = encode(map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 4, const_cast<bf16*>(data), size, stride, box, step, CU_TENSOR_MAP_INTERLEAVE_NONE,
                               CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  return made == CUDA_SUCCESS ? cudaSuccess : cudaErrorInvalidValue;
}

// ------------------------------------------------------------------------------------------------------------------ copies

/// Begins to load a slab: 64 columns, from `column`, of a box of tokens of one head; `barrier` hears of its bytes.
__device__ inline void load_slab(uint32_t to, const CUtensorMap* map, uint32_t barrier, int column, int token, int head, int sequence) {
  asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, %6}], [%2];" ::"r"(to),
               "l"(reinterpret_cast<uint64_t>(map)), "r"(barrier), "r"(column), "r"(head), "r"(token), "r"(sequence)
               : "memory");
}

/// Begins to load a tile of `ROWS` tokens of one head, all its columns.
template <int WIDTH, int ROWS>
__device__ inline void load_tile(uint32_t to, const CUtensorMap* map, uint32_t barrier, int token, int head, int sequence) {
#pragma unroll
  for (int slab = 0; slab < WIDTH / 64; ++slab) load_slab(to + slab * slab_bytes(ROWS), map, barrier, slab * 64, token, head, sequence);
}

/// A ring of tiles in shared memory with its barriers; `count`: tiles so far.
template <int TILE_BYTES, int STAGES>
struct TileRing {
  uint32_t tiles, full, empty;
  uint32_t count = 0;
  __device__ TileRing(uint32_t tiles, uint32_t barriers) : tiles(tiles), full(barriers), empty(barriers + 8 * STAGES) {}
  __device__ uint32_t stage() const { return count % STAGES; }
  __device__ uint32_t tile() const { return tiles + stage() * TILE_BYTES; }
  __device__ void wait_full() const { barrier_wait(full + stage() * 8, count / STAGES & 1); }
  /// Waits for room; the barrier of the tile to come is returned, which then waits for the tile's bytes.
  __device__ uint32_t wait_empty(uint32_t bytes = TILE_BYTES) const {
    barrier_wait(empty + stage() * 8, (count / STAGES & 1) ^ 1);
    barrier_arrive_expect(full + stage() * 8, bytes);
    return full + stage() * 8;
  }
  __device__ void release() {  // a warp does it together
    if (threadIdx.x % WARP == 0) barrier_arrive(empty + stage() * 8);
    ++count;
  }
};

// ------------------------------------------------------------------------------------------------------------------- turns

/// Arrives at a named barrier where others wait (`meet`), without waiting.
template <int THREADS>
__device__ inline void let_go(int number) {
  asm volatile("bar.arrive %0, %1;" ::"r"(number), "n"(THREADS) : "memory");
}

// ---------------------------------------------------------------------------------------------------------------- products

#define MLAC_SUMS_8(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), "+f"(d[i + 7])
#define MLAC_SUMS_32(i) MLAC_SUMS_8(i), MLAC_SUMS_8(i + 8), MLAC_SUMS_8(i + 16), MLAC_SUMS_8(i + 24)
#define MLAC_NAMES_0 "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define MLAC_NAMES_1 "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define MLAC_NAMES_2 "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95"

/// d (64 x N) += A · B, for 16 of k. A in registers: a lane's sums of an earlier product (see `multiply`), 16 columns of them rounded and in
/// pairs. B's tile is not k-major: its rows are k.
template <int N>
__device__ inline void multiply_registers(float (&d)[N / 2], const uint32_t (&a)[4], uint64_t b) {
  static_assert(N == 64 || N == 128 || N == 192, "widths of heads");
  if constexpr (N == 64)
    asm volatile("wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {" MLAC_NAMES_0 "}, {%32, %33, %34, %35}, %36, 1, 1, 1, 1;"
                 : MLAC_SUMS_32(0)
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
  else if constexpr (N == 128)
    asm volatile("wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {" MLAC_NAMES_0 ", " MLAC_NAMES_1 "}, {%64, %65, %66, %67}, %68, 1, 1, 1, 1;"
                 : MLAC_SUMS_32(0), MLAC_SUMS_32(32)
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
  else
    asm volatile("wgmma.mma_async.sync.aligned.m64n192k16.f32.bf16.bf16 {" MLAC_NAMES_0 ", " MLAC_NAMES_1 ", " MLAC_NAMES_2 "}, {%96, %97, %98, %99}, %100, 1, 1, 1, 1;"
                 : MLAC_SUMS_32(0), MLAC_SUMS_32(32), MLAC_SUMS_32(64)
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}
#undef MLAC_SUMS_8
#undef MLAC_SUMS_32
#undef MLAC_NAMES_0
#undef MLAC_NAMES_1
#undef MLAC_NAMES_2

/// sums (64 x RIGHT) = left · rightᵀ, over WIDTH columns. Tiles of LEFT and of RIGHT rows, k-major in shared memory; `left`: descriptor of the
/// warpgroup's first row.
template <int WIDTH, int LEFT, int RIGHT>
__device__ inline void multiply_transposed(float (&sums)[RIGHT / 2], uint64_t left, uint64_t right) {
#pragma unroll
  for (int step = 0; step < WIDTH / 16; ++step) {
    const uint32_t within = step % 4 * descriptor_step(true);
    hopper::multiply<RIGHT, 0, 0>(sums, left + (step / 4 * slab_bytes(LEFT) >> 4) + within, right + (step / 4 * slab_bytes(RIGHT) >> 4) + within, step > 0);
  }
}

/// sums (64 x WIDTH) += left · right. `left` in registers, 64 rows of ROWS columns; `right`: a tile of ROWS rows in shared memory.
template <int WIDTH, int ROWS>
__device__ inline void multiply_rows(float (&sums)[WIDTH / 2], const uint32_t (&left)[ROWS / 16][4], uint64_t right) {
#pragma unroll
  for (int step = 0; step < ROWS / 16; ++step) multiply_registers<WIDTH>(sums, left[step], right + step * descriptor_step(false));
}

/// Operands in registers are not to be overwritten before this point.
template <int STEPS>
__device__ inline void pin(uint32_t (&p)[STEPS][4]) {
#pragma unroll
  for (int step = 0; step < STEPS; ++step)
#pragma unroll
    for (int r = 0; r < 4; ++r) asm volatile("" : "+r"(p[step][r])::"memory");
}

/// Four lanes with four registers each exchange them: lane t's register i becomes lane i's register t.
__device__ inline void transpose_quad(uint32_t (&x)[4]) {
  const bool odd = threadIdx.x & 1, high = threadIdx.x & 2;
#pragma unroll
  for (int i = 0; i < 4; i += 2) {
    const uint32_t got = __shfl_xor_sync(0xffffffffu, odd ? x[i] : x[i + 1], 1);
    (odd ? x[i] : x[i + 1]) = got;
  }
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const uint32_t got = __shfl_xor_sync(0xffffffffu, high ? x[i] : x[i + 2], 2);
    (high ? x[i] : x[i + 2]) = got;
  }
}

}  // namespace mlac::flash::warpgroups
