// What the backward pass of attention knows of each query before it begins.
#pragma once

#include "attention_tiles.cuh"

namespace mlac::flash {

/// Of a query: its lse · log2(e), or infinity where there is no query, and its D.
struct Statistics {
  float lse, d;
};

/// LANES neighbouring threads make one query's statistics. All turns and tickets are set to zero.
template <int U, int LANES>
__global__ void __launch_bounds__(256) statistics_kernel(int length, int heads, int64_t padded_length, int64_t rows, const bf16* dout, const bf16* out,
                                                         const float* lse, Statistics* statistics, int* turns, int64_t turn_count) {
  const int64_t thread = blockIdx.x * int64_t(256) + threadIdx.x, row = thread / LANES;  // of [batch padded_length heads]
  if (thread < turn_count) turns[thread] = 0;
  const int head = row % heads, column = thread % LANES * RUN;
  const int64_t t = row / heads % padded_length, sequence = row / heads / padded_length;
  const bool exists = row < rows && t < length;
  const int64_t at = (sequence * length + t) * heads + head;
  float d = 0.f;
  if (exists) {
    const Run a = load<U % RUN == 0>(dout + at * U + column, U - column), b = load<U % RUN == 0>(out + at * U + column, U - column);
#pragma unroll
    for (int i = 0; i < RUN; ++i) d += a[i] * b[i];
  }
  d = sum_of_lanes<LANES>(d);
  if (column == 0 && row < rows) statistics[(sequence * heads + head) * padded_length + t] = {exists ? lse[at] * LOG2_E : INFINITY, d};
}

/// Makes the statistics of `rows` queries; `padded_length`: a sequence's, in whole tiles.
template <int U>
void make_statistics(cudaStream_t stream, int64_t length, int64_t heads, int64_t padded_length, int64_t rows, const bf16* dout, const bf16* out, const float* lse,
                     Statistics* statistics, int* turns, int64_t turn_count) {
  constexpr int LANES = U <= 16 ? 2 : U <= 32 ? 4 : U <= 64 ? 8 : U <= 128 ? 16 : 32;
  statistics_kernel<U, LANES><<<unsigned(ceil_div(rows * LANES, 256)), 256, 0, stream>>>(int(length), int(heads), padded_length, rows, dout, out, lse, statistics,
                                                                                         turns, turn_count);
}

}  // namespace mlac::flash
