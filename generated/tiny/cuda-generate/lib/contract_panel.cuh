/*
 * One operand's part of a stage of the portable matrix product: a panel of EXTENT of its own index (m or n) by DEPTH of k in shared
 * memory, with its lines in the order of the global matrix (no transposition on the way):
 *   Major::k    EXTENT lines of DEPTH elements, 4 chunks of 16 bytes each
 *   Major::own  DEPTH lines of EXTENT elements, 8 or 16 chunks each
 * The chunks of a line are permuted by exclusive or with bits of the line's number, so that the eight lines of an 8 x 8 matrix lie in
 * different banks, and so do the eight chunks that neighbouring threads write.
 */
#pragma once

#include "mma.cuh"

namespace mlac::portable {

constexpr int WARPS = 4, THREADS = WARPS * WARP;
constexpr int DEPTH = 32;  // k of a stage

template <Major MAJOR, int EXTENT>
struct Panel {
  static constexpr int LINES = MAJOR == Major::k ? EXTENT : DEPTH, LENGTH = MAJOR == Major::k ? DEPTH : EXTENT;
  static constexpr int CHUNKS = LENGTH / RUN;
  static constexpr int BYTES = EXTENT * DEPTH * int(sizeof(bf16));

  /// Bytes from the panel's start to a chunk.
  __device__ static uint32_t at(int line, int chunk) { return uint32_t(line * CHUNKS + (chunk ^ (MAJOR == Major::k ? line >> 1 & 3 : line & 7))) * 16; }

  // What this lane names to load_matrices, for 16 of the own index from `own` on and the first 16 of k.
  /// As the `a` of multiply_add. Matrices: (own, k), (own + 8, k), (own, k + 8), (own + 8, k + 8).
  __device__ static uint32_t a_rows(int own, int lane) {
    return MAJOR == Major::k ? at(own + lane % 16, lane / 16) : at(lane / 16 * 8 + lane % 8, own / RUN + lane / 8 % 2);
  }
  /// As the `b` of two multiply_adds. Matrices: (own, k), (own, k + 8), (own + 8, k), (own + 8, k + 8).
  __device__ static uint32_t b_rows(int own, int lane) {
    return MAJOR == Major::k ? at(own + lane / 16 * 8 + lane % 8, lane / 8 % 2) : at(lane % 16, own / RUN + lane / 16);
  }
  /// The same `i` times 16 further in the own index and `j` times 16 further in k. Right where the first `own` is a multiple of 16 times
  /// how many `i` there are (a power of two): then the lines' bits that permute stay, and the chunk's number has zeros where 2i goes.
  __device__ static uint32_t further(uint32_t rows, int i, int j) {
    return MAJOR == Major::k ? (rows ^ j * 32) + i * (16 * DEPTH * 2) : (rows ^ i * 32) + j * (16 * EXTENT * 2);
  }
};

/// Copies panels of one operand from global to shared memory, zeros where the matrix ends. Rows and columns are counted in 32 bits,
/// elements in 64. VECTOR: 16 bytes at once, asynchronously; else element by element.
template <Major MAJOR, int EXTENT, bool VECTOR, bool GATHER>
struct Copier {
  using To = Panel<MAJOR, EXTENT>;
  static constexpr int COPIES = To::LINES * To::CHUNKS / THREADS, STEP = THREADS / To::CHUNKS;
  /// Where the lines of the next copy are gathered from (not yet divided, so that nobody waits for them before that copy); -1: nowhere.
  int32_t chosen[GATHER ? COPIES : 1];

  /// Before the first copy, and before each one whose lines are others than the last one's.
  __device__ void locate(const Operand& from, int own, int own_end, int k, int k_end) {
    if constexpr (GATHER) {
      const int first = MAJOR == Major::k ? own : k, end = MAJOR == Major::k ? own_end : k_end;
#pragma unroll
      for (int i = 0; i < COPIES; ++i) {
        const int row = first + int(threadIdx.x) / To::CHUNKS + i * STEP;
        chosen[i] = row < end ? from.index[row] : -1;
      }
    }
  }

  __device__ void copy(uint32_t to, const Operand& from, int group, int own, int own_end, int k, int k_end) const {
    const int chunk = int(threadIdx.x) % To::CHUNKS, line = int(threadIdx.x) / To::CHUNKS;
    const int first = MAJOR == Major::k ? own : k, end = MAJOR == Major::k ? own_end : k_end;
    const int column = (MAJOR == Major::k ? k : own) + chunk * RUN;
    const int count = min(RUN, max(0, (MAJOR == Major::k ? k_end : own_end) - column));
    const bf16* const matrix = from.data + group * from.group_stride + column;
    const int columns = int(from.columns);
#pragma unroll
    for (int i = 0; i < COPIES; ++i) {
      int row = first + line + i * STEP;
      bool exists = row < end && count > 0;
      if constexpr (GATHER) {
        exists = chosen[i] >= 0 && count > 0;
        row = from.divisor == 1 ? chosen[i] : int(uint32_t(chosen[i]) / uint32_t(from.divisor));
      }
      const bf16* const source = exists ? matrix + int64_t(row) * columns : from.data;
      const uint32_t target = to + To::at(line + i * STEP, chunk);
      if constexpr (VECTOR)
        copy_async(target, source, exists ? count * int(sizeof(bf16)) : 0);
      else
        store_shared(target, elements(source, exists ? count : 0));
    }
  }

 private:
  __device__ static uint4 elements(const bf16* from, int count) {
    const uint16_t* const bits = reinterpret_cast<const uint16_t*>(from);
    uint32_t x[RUN];
#pragma unroll
    for (int j = 0; j < RUN; ++j) x[j] = j < count ? bits[j] : 0;
    return make_uint4(x[0] | x[1] << 16, x[2] | x[3] << 16, x[4] | x[5] << 16, x[6] | x[7] << 16);
  }
};

}  // namespace mlac::portable
