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
constexpr int RING_BYTES = 12 * 1024;   // of a warp, at most: eight of them are less than half a multiprocessor's shared memory
constexpr int PROCESSORS = 132;         // of the devices that this is tuned for

/// Where a block has what in its shared memory, in bytes: `stages` of a ring a warp, and what `cluster` blocks send.
template <typename C, int TILES>
struct Layout {
  static constexpr int SUMS = C::SUMS, ROWS = TILE * TILES, STAGE_BYTES = SUMS * SUM_BYTES, STAGES = RING_BYTES / STAGE_BYTES;
  static constexpr int OWN_BYTES = SUMS * ROWS * STRIDE * 4, FEWEST_STAGES = (OWN_BYTES + STAGE_BYTES - 1) / STAGE_BYTES;  // a warp's sums lie where its ring was
  static_assert(FEWEST_STAGES <= STAGES, "the ring is too short");
  int ring, received, barrier, all;
  __host__ __device__ Layout(int stages, int cluster) {
    ring = stages * STAGE_BYTES;
    received = WARPS * ring;
    barrier = received + (cluster > 1 ? cluster * SUMS * local(cluster) * STRIDE * 4 : 0);
    all = barrier + 16;
  }
  /// Rows that a block of the cluster owns, at most: of row r it is block r % cluster.
  __host__ __device__ static constexpr int local(int cluster) { return (ROWS + cluster - 1) / cluster; }
};

/// A lane's part of a warp's weights: 16 bytes of every fourth row of B, by asynchronous copies.
template <typename C>
struct Weights {
  const char* next[C::SUMS];
  int64_t stride;  // bytes
  int k_left;      // from this lane's first row on
  bool exists;     // these columns
  uint32_t to[4];  // where the rows lie in a stage, swizzled for ldmatrix

  template <typename J>
  __device__ Weights(const J& job, const Place& place, int step) {
    const int lane = threadIdx.x % WARP, row = lane / 8, chunk = lane % 8;
    const Matrix* const b = job.b[0][place.side];
    stride = b[0].stride * int64_t(sizeof(bf16));
    k_left = job.k[0] - step * STEP - row;
    exists = place.n + 8 * chunk < job.n[place.side];
#pragma unroll
    for (int s = 0; s < C::SUMS; ++s)
      next[s] = reinterpret_cast<const char*>(b[s].data + place.group * b[s].group_stride + place.n + 8 * chunk) + (int64_t(step) * STEP + row) * stride;
#pragma unroll
    for (int j = 0; j < 4; ++j) to[j] = (4 * j + row) * LINE + ((chunk ^ (2 * j + row % 2)) << 4);
  }
  /// The next step's.
  __device__ void copy(uint32_t stage) {
#pragma unroll
    for (int s = 0; s < C::SUMS; ++s) {
#pragma unroll
      for (int j = 0; j < 4; ++j) copy_async(stage + s * SUM_BYTES + to[j], next[s] + 4 * j * stride, exists && k_left > 4 * j ? 16 : 0);
      next[s] += STEP * stride;
    }
    k_left -= STEP;
  }
};

/// A lane's part of A's rows, and of their gains.
template <typename C, int TILES, typename Norm>
struct Rows {
  struct Piece {
    uint2 x[TILES];
    float4 gain;
  };
  const bf16* row[TILES];
  float squares[TILES];
  int exist;  // of the rows from this lane's first on

  template <typename J>
  __device__ Rows(const J& job, int group, int64_t first, int rows) {
    const int g = threadIdx.x % WARP / 4;
    exist = rows - g;
#pragma unroll
    for (int i = 0; i < TILES; ++i) {
      const Matrix& a = job.a[0];
      int64_t r = first + g + TILE * i;
      if constexpr (C::GATHER_A) r = exist > TILE * i ? a.index[r] / a.divisor : 0;
      row[i] = a.data + group * a.group_stride + r * a.stride;
      squares[i] = 0;
    }
  }
  __device__ void load(Piece& to, int k, int end) const {
#pragma unroll
    for (int i = 0; i < TILES; ++i) to.x[i] = k < end && exist > TILE * i ? *reinterpret_cast<const uint2*>(row[i] + k) : make_uint2(0, 0);
  }
  /// As the products see it.
  __device__ uint2 seen(const Piece& piece, int i) {
    const uint2 x = piece.x[i];
    if constexpr (!Norm::NORMED) return x;
    const float a = low_half(x.x), b = high_half(x.x), c = low_half(x.y), d = high_half(x.y);
    squares[i] += a * a + b * b + (c * c + d * d);
    return make_uint2(pair_of(a * piece.gain.x, b * piece.gain.y), pair_of(c * piece.gain.z, d * piece.gain.w));
  }
};

}  // namespace by_warps
}  // namespace few
}  // namespace mlac
