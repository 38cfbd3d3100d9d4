/*
 * Rows of experts back to their tokens. Both kernels move each row once and do next to nothing with it, so what counts is how many
 * 16-byte loads are under way: a thread asks for its part of all TOP rows before it adds anything.
 */
#pragma once

#include "kernel.cuh"
#include "overlap.cuh"

namespace mlac {

constexpr int COMBINE_THREADS = 256;

/// Eight columns of the sum of the TOP rows that one token has chosen, each times its gate if they are GATED: Σ_k gates[k] · rows[slot[k]], of which
/// the first `count` exist. `rows` begins at these columns of the first row; rows are `width` apart.
template <bool ALIGNED, bool GATED, int TOP, typename T>
__device__ inline Run sum_of_chosen(const T* rows, int64_t width, const int32_t* slot, const float* gates, int count = RUN) {
  Run row[TOP];
#pragma unroll
  for (int k = 0; k < TOP; ++k) row[k] = load<ALIGNED>(rows + slot[k] * width, count);
  Run sum{};
#pragma unroll
  for (int k = 0; k < TOP; ++k) {
    const float gate = GATED ? gates[k] : 1.f;
#pragma unroll
    for (int j = 0; j < RUN; ++j) sum[j] += gate * row[k][j];
  }
  return sum;
}

/// One thread per token and eight columns. OVERLAPS: with the kernel ahead of it (overlap.cuh).
template <bool ALIGNED, bool GATED, int TOP, int WIDTH, bool OVERLAPS, typename From, typename To>
__global__ void __launch_bounds__(COMBINE_THREADS) sum_chosen_kernel(int64_t tokens, const From* rows, const int32_t* slot, const float* gates, To* y) {
  if constexpr (OVERLAPS) {
    next_may_begin();
    inputs_ready();
  }
  constexpr int RUNS = (WIDTH + RUN - 1) / RUN;
  const int64_t first = int64_t(blockIdx.x) * COMBINE_THREADS;
  const int behind = int(first % RUNS) + threadIdx.x;  // runs after the first of the block's first token
  const int64_t token = first / RUNS + behind / RUNS;
  const int column = behind % RUNS * RUN;
  if (token >= tokens) return;

  const Run sum = sum_of_chosen<ALIGNED, GATED, TOP>(rows + column, WIDTH, slot + token * TOP, gates + token * TOP, WIDTH - column);
  store<ALIGNED>(y + token * WIDTH + column, sum, WIDTH - column);
}

/// y[t] = Σ_k gates[t, k] · rows[slot[t, k]], or the plain sum if gates is null. rows [rows, WIDTH]; slot, gates [tokens, TOP]; y [tokens, WIDTH].
/// ALIGNED: WIDTH is a multiple of 8.
template <bool ALIGNED, bool GATED, int TOP, int WIDTH, bool OVERLAPS = false, typename From, typename To>
void sum_chosen_rows(cudaStream_t stream, int64_t tokens, const From* rows, const int32_t* slot, const float* gates, To* y) {
  const int64_t threads = tokens * ((WIDTH + RUN - 1) / RUN);
  const auto kernel = sum_chosen_kernel<ALIGNED, GATED, TOP, WIDTH, OVERLAPS, From, To>;
  const unsigned blocks = unsigned(ceil_div(threads, COMBINE_THREADS));
  if constexpr (OVERLAPS) launched(launch_overlapping(stream, kernel, blocks, COMBINE_THREADS, 0, 1, tokens, rows, slot, gates, y));
  else kernel<<<blocks, COMBINE_THREADS, 0, stream>>>(tokens, rows, slot, gates, y);
}

/// One warp per token.
template <bool ALIGNED, int TOP, int WIDTH, typename From, typename Row, typename To>
__global__ void __launch_bounds__(COMBINE_THREADS) dot_chosen_kernel(int64_t tokens, const From* __restrict__ dy, const Row* __restrict__ rows, const int32_t* __restrict__ slot,
                                                                     To* __restrict__ d_gates) {
  const int lane = threadIdx.x % WARP;
  const int64_t token = int64_t(blockIdx.x) * (COMBINE_THREADS / WARP) + threadIdx.x / WARP;
  if (token >= tokens) return;
  const Row* row[TOP];
  float sum[TOP];
#pragma unroll
  for (int k = 0; k < TOP; ++k) {
    row[k] = rows + int64_t(slot[token * TOP + k]) * WIDTH;
    sum[k] = 0;
  }
  for (int column = lane * RUN; column < WIDTH; column += WARP * RUN) {
    const Run d = load<ALIGNED>(dy + token * WIDTH + column, WIDTH - column);
    Run other[TOP];
#pragma unroll
    for (int k = 0; k < TOP; ++k) other[k] = load<ALIGNED>(row[k] + column, WIDTH - column);
#pragma unroll
    for (int k = 0; k < TOP; ++k)
#pragma unroll
      for (int j = 0; j < RUN; ++j) sum[k] += d[j] * other[k][j];
  }
#pragma unroll
  for (int k = 0; k < TOP; ++k) {
    const float whole = sum_of_lanes(sum[k]);
    if (lane == k % WARP) d_gates[token * TOP + k] = from_float<To>(whole);
  }
}

/// d_gates[t, k] = ⟨dy[t], rows[slot[t, k]]⟩. dy [tokens, WIDTH]; rows [rows, WIDTH]; slot, d_gates [tokens, TOP].
template <bool ALIGNED, int TOP, int WIDTH, typename From, typename Row, typename To>
void dot_chosen_rows(cudaStream_t stream, int64_t tokens, const From* dy, const Row* rows, const int32_t* slot, To* d_gates) {
  dot_chosen_kernel<ALIGNED, TOP, WIDTH><<<ceil_div(tokens, COMBINE_THREADS / WARP), COMBINE_THREADS, 0, stream>>>(tokens, dy, rows, slot, d_gates);
}

}  // namespace mlac
