// The logits after one position of each sequence: so few rows that the head is read once and every row is met on the way.
#pragma once

#include "kernel.cuh"

namespace mlac {

constexpr int NEXT_WARPS = 8;
/// Sequences that a warp has under way at a time.
constexpr int NEXT_SEQUENCES = 4;

/// One warp per entry of the vocabulary.
template <bool ALIGNED, typename T>
__global__ void __launch_bounds__(NEXT_WARPS* WARP) next_logits_kernel(int64_t batch, int64_t length, int64_t width, int64_t vocabulary, const bf16* __restrict__ x,
                                                                       const bf16* __restrict__ head, const int32_t* __restrict__ at, T* __restrict__ logits) {
  const int lane = threadIdx.x % WARP;
  const int64_t v = int64_t(blockIdx.x) * NEXT_WARPS + threadIdx.x / WARP;
  if (v >= vocabulary) return;
  const bf16* entry = head + v * width;
  for (int64_t b = 0; b < batch; b += NEXT_SEQUENCES) {
    const bf16* row[NEXT_SEQUENCES];
    float sum[NEXT_SEQUENCES];
#pragma unroll
    for (int i = 0; i < NEXT_SEQUENCES; ++i) {
      const int64_t sequence = min(b + i, batch - 1);
      row[i] = x + (sequence * length + (at ? at[sequence] : 0)) * width;
      sum[i] = 0;
    }
    for (int64_t column = lane * RUN; column < width; column += WARP * RUN) {
      const int count = int(min(int64_t(RUN), width - column));
      const Run of_head = load<ALIGNED>(entry + column, count);
#pragma unroll
      for (int i = 0; i < NEXT_SEQUENCES; ++i) {
        const Run of_row = load<ALIGNED>(row[i] + column, count);
#pragma unroll
        for (int j = 0; j < RUN; ++j) sum[i] += of_head[j] * of_row[j];
      }
    }
#pragma unroll
    for (int i = 0; i < NEXT_SEQUENCES; ++i) {
      const float whole = sum_of_lanes(sum[i]);
      if (lane == i && b + i < batch) logits[(b + i) * vocabulary + v] = from_float<T>(whole);
    }
  }
}

/// logits[b, v] = ⟨x[b, at[b]], head[v]⟩. x [batch, length, width]; head [vocabulary, width]; at [batch], or null for the
/// first of each; logits [batch, vocabulary].
/// ALIGNED: the width is a multiple of 8.
template <bool ALIGNED, typename T>
void logits_after(cudaStream_t stream, int64_t batch, int64_t length, int64_t width, int64_t vocabulary, const bf16* x, const bf16* head, const int32_t* at, T* logits) {
  next_logits_kernel<ALIGNED><<<ceil_div(vocabulary, NEXT_WARPS), NEXT_WARPS * WARP, 0, stream>>>(batch, length, width, vocabulary, x, head, at, logits);
}

}  // namespace mlac
