// Products with one or two tiles of rows: how a lane's part of A and B comes to its warp. contract_few_warps.cuh has the picture.
#pragma once

#include "contract_few_job.cuh"
#include "hopper.cuh"
#include "mma.cuh"

namespace mlac {
namespace few {
namespace by_warps {

using namespace hopper;

constexpr int STEP = 16, WARPS = 8, THREADS = WARPS * WARP, MOST_CLUSTER = 8;
constexpr int LINE = SPAN * 2;          // bytes of a row of B that a warp has
constexpr int SUM_BYTES = STEP * LINE;  // of a step
constexpr int RING_BYTES = 13 * 1024;   // of a warp, at most: eight of them are less than half a multiprocessor's shared memory
constexpr int PROCESSORS = 132;         // of the devices that this is tuned for

/// Into what parts k is divided, in steps: WARPS for each block of a cluster. The first `extra` have one more than `each`.
struct Parts {
  int cluster, each, extra;
  int inverse;  // of the cluster's blocks: a division by them would be more code than all that is divided
  __host__ __device__ int div(int row) const { return row * inverse >> 16; }
};

/// Where a block has what in its shared memory, in bytes: `stages` of a ring a warp, and what the cluster's blocks send.
template <typename C, int TILES, bool NORMED>
struct Layout {
  static constexpr int SUMS = C::SUMS, ROWS = TILE * TILES;
  // A stage: weights; eight bytes of each tile for every lane; the gains.
  static constexpr int ROWS_AT = SUMS * SUM_BYTES, GAINS_AT = ROWS_AT + TILES * WARP * 8, STAGE_BYTES = GAINS_AT + (NORMED ? STEP * 4 : 0), STAGES = RING_BYTES / STAGE_BYTES;
  static constexpr int OWN_BYTES = SUMS * ROWS * STRIDE * 4, FEWEST_STAGES = (OWN_BYTES + STAGE_BYTES - 1) / STAGE_BYTES;  // a warp's sums lie where its ring was
  static_assert(FEWEST_STAGES <= STAGES, "the ring is too short");
  int ring, received, barrier, all, local;
  __host__ __device__ Layout(int stages, const Parts& parts) {
    local = parts.div(ROWS + parts.cluster - 1);  // rows that a block of the cluster owns, at most: of row r it is block r % cluster
    ring = stages * STAGE_BYTES;
    received = WARPS * ring;
    barrier = received + (parts.cluster > 1 ? parts.cluster * SUMS * local * STRIDE * 4 : 0);
    all = barrier + 16;
  }
};

/// A lane's part of a warp's weights: 16 bytes of every fourth row of B; and of the gains. All by asynchronous copies.
template <typename C, class L>
struct Weights {
  const char* next[C::SUMS];
  int64_t stride;  // bytes
  int k_left;      // from this lane's first row on
  int columns;     // bytes of a row that exist here: 16 or none
  uint32_t to;     // where the first row lies in a stage, swizzled for ldmatrix

  template <typename J>
  __device__ Weights(const J& job, const Place& place, int step) {
    const int lane = threadIdx.x % WARP, row = lane / 8, chunk = lane % 8;
    const Matrix* const b = job.b[0][place.side];
    stride = b[0].stride * int64_t(sizeof(bf16));
    k_left = job.k[0] - step * STEP - row;
    columns = place.n + 8 * chunk < job.n[place.side] ? 16 : 0;
#pragma unroll
    for (int s = 0; s < C::SUMS; ++s)
      next[s] = reinterpret_cast<const char*>(b[s].data + place.group * b[s].group_stride + place.n + 8 * chunk) + (int64_t(step) * STEP + row) * stride;
    to = row * LINE + ((chunk ^ row % 2) << 4);
  }
  /// The next step's. gain: of its first k; nullptr where there are none.
  __device__ void copy(uint32_t stage, const float* gain) {
#pragma unroll
    for (int s = 0; s < C::SUMS; ++s) {
      const char* from = next[s];
#pragma unroll
      for (int j = 0; j < 4; ++j, from += 4 * stride) copy_async(stage + s * SUM_BYTES + 4 * j * LINE + (to ^ (2 * j << 4)), from, k_left > 4 * j ? columns : 0);
      next[s] += STEP * stride;
    }
    if (gain) {
      const int lane = threadIdx.x % WARP;
      if (lane < STEP / 4) copy_async(stage + L::GAINS_AT + 16 * lane, gain + 4 * lane, k_left + lane / 8 > 4 * lane ? 16 : 0);
    }
    k_left -= STEP;
  }
};

/// A lane's part of A's rows. Of the first steps it comes by registers, since asynchronous copies would be waited for together with the weights before them.
template <typename C, int TILES, class L>
struct Rows {
  const bf16* row[TILES];  // at this lane's k of the warp's first step
  float squares[TILES];
  int exist, k_left;  // rows from this lane's first on, k likewise

  template <typename J>
  __device__ Rows(const J& job, int group, int64_t first, int rows, int step) {
    const int g = threadIdx.x % WARP / 4, k = step * STEP + 4 * int(threadIdx.x % 4);
    exist = rows - g, k_left = job.k[0] - k;
#pragma unroll
    for (int i = 0; i < TILES; ++i) {
      const Matrix& a = job.a[0];
      int64_t r = first + g + TILE * i;
      if constexpr (C::GATHER_A) r = exist > TILE * i ? a.index[r] / a.divisor : 0;
      row[i] = a.data + group * a.group_stride + r * a.stride + k;
      squares[i] = 0;
    }
  }
  __device__ bool has(int i, int step) const { return exist > TILE * i && k_left > step * STEP; }
  static __device__ uint32_t place(uint32_t stage, int i) { return stage + L::ROWS_AT + (i * WARP + threadIdx.x % WARP) * 8; }

  /// The first `count` steps of the warp, at most as many as there are stages.
  __device__ void load(uint32_t ring, int count) const {
    uint2 x[L::STAGES][TILES];
#pragma unroll
    for (int step = 0; step < L::STAGES; ++step)
#pragma unroll
      for (int i = 0; i < TILES; ++i) x[step][i] = step < count && has(i, step) ? *reinterpret_cast<const uint2*>(row[i] + step * STEP) : make_uint2(0, 0);
#pragma unroll
    for (int step = 0; step < L::STAGES; ++step)
#pragma unroll
      for (int i = 0; i < TILES; ++i)
        if (step < count) asm volatile("st.shared.v2.b32 [%0], {%1, %2};" ::"r"(place(ring + step * L::STAGE_BYTES, i)), "r"(x[step][i].x), "r"(x[step][i].y) : "memory");
  }
  __device__ void copy(uint32_t stage, int step) const {
#pragma unroll
    for (int i = 0; i < TILES; ++i)
      asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" ::"r"(place(stage, i)), "l"(row[i] + step * STEP), "r"(has(i, step) ? 8 : 0) : "memory");
  }
  /// A stage's, as the products see it.
  template <bool NORMED>
  __device__ uint2 seen(uint32_t stage, int i) {
    uint2 x;
    asm volatile("ld.shared.v2.b32 {%0, %1}, [%2];" : "=r"(x.x), "=r"(x.y) : "r"(place(stage, i)) : "memory");
    if constexpr (!NORMED) return x;
    float4 gain;
    asm volatile("ld.shared.v4.f32 {%0, %1, %2, %3}, [%4];" : "=f"(gain.x), "=f"(gain.y), "=f"(gain.z), "=f"(gain.w) : "r"(stage + L::GAINS_AT + 16 * (threadIdx.x % 4)) : "memory");
    const float a = low_half(x.x), b = high_half(x.x), c = low_half(x.y), d = high_half(x.y);
    squares[i] += a * a + b * b + (c * c + d * d);
    return make_uint2(pair_of(a * gain.x, b * gain.y), pair_of(c * gain.z, d * gain.w));
  }
};

}  // namespace by_warps
}  // namespace few
}  // namespace mlac
