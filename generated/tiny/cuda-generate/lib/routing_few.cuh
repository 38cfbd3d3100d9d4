// Routing of few tokens to experts, as decoding has them: one block does what takes routing.cuh three kernels.
#pragma once

#include "overlap.cuh"
#include "routing.cuh"

namespace mlac {

constexpr int FEW_WARPS = 32, FEW_THREADS = FEW_WARPS * WARP;

/// Whether it is for so many: each choice has a thread, and what warps know of experts lies in shared memory.
constexpr bool routes_few(int64_t tokens, int64_t experts, int64_t top) { return tokens * top <= FEW_THREADS && experts <= 128; }

template <Score SCORE, int EXPERTS, int TOP, typename T>
__global__ void __launch_bounds__(FEW_THREADS) route_few_kernel(int tokens, float scale, double factor, const T* logits, const float* bias, float* gates, int32_t* choice, int32_t* slot,
                                                                int32_t* source, int32_t* offsets, int32_t* load, float* probabilities, float* balance) {
  __shared__ int32_t count[EXPERTS], first[EXPERTS], of_warp[FEW_WARPS][EXPERTS];
  __shared__ float share[FEW_WARPS][EXPERTS];
  __shared__ double uneven[EXPERTS];
  const int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
  next_may_begin();
  for (int e = threadIdx.x; e < EXPERTS; e += FEW_THREADS) count[e] = 0;
  for (int i = threadIdx.x; i < FEW_WARPS * EXPERTS; i += FEW_THREADS) of_warp[i / EXPERTS][i % EXPERTS] = 0;
  __syncthreads();
  inputs_ready();
  choose_chunk<SCORE, EXPERTS, TOP, FEW_WARPS>(0, tokens, scale, logits, bias, gates, choice, probabilities, count, share[warp]);
  __syncthreads();

  // Where each expert's rows begin; how many there are; the balance loss.
  if (warp == 0) {
    int32_t before = 0;
    for (int base = 0; base < EXPERTS; base += WARP) {
      const int32_t n = base + lane < EXPERTS ? count[base + lane] : 0;
      int32_t through = n;
#pragma unroll
      for (int step = 1; step < WARP; step *= 2) {
        const int32_t left = __shfl_up_sync(0xffffffffu, through, step);
        if (lane >= step) through += left;
      }
      if (base + lane < EXPERTS) first[base + lane] = offsets[base + lane] = before + through - n, load[base + lane] = n;
      before += __shfl_sync(0xffffffffu, through, WARP - 1);
    }
    if (lane == 0) offsets[EXPERTS] = before;
  }
  for (int e = threadIdx.x; e < EXPERTS; e += FEW_THREADS) {
    double sum = 0;
    for (int w = 0; w < FEW_WARPS; ++w) sum += double(share[w][e]);
    uneven[e] = sum * double(count[e]);
  }

  // A choice's row: after its expert's of earlier warps, and of earlier lanes of its own.
  const int i = threadIdx.x;
  const int32_t expert = i < tokens * TOP ? choice[i] : -1;
  const unsigned equals = __match_any_sync(0xffffffffu, expert);
  const int rank = __popc(equals & ((1u << lane) - 1));
  if (expert >= 0 && rank == 0) of_warp[warp][expert] = __popc(equals);
  __syncthreads();
  if (expert >= 0) {
    int32_t row = first[expert] + rank;
    for (int w = 0; w < warp; ++w) row += of_warp[w][expert];
    slot[i] = row;
    source[row] = i;
  }
  if (threadIdx.x == 0) {
    double sum = 0;
    for (int e = 0; e < EXPERTS; ++e) sum += uneven[e];
    balance[0] = float(factor * sum);
  }
}

/// As choose_experts, for tokens of which routes_few says so. No workspace.
template <Score SCORE, int EXPERTS, int TOP, typename T>
cudaError_t choose_experts_of_few(cudaStream_t stream, int64_t tokens, double scale, double aux, const T* logits, const float* bias, float* gates, int32_t* choice, int32_t* slot,
                                  int32_t* source, int32_t* offsets, int32_t* load, float* probabilities, float* balance) {
  const double factor = aux * EXPERTS / (double(tokens) * TOP) / double(tokens);
  return launch_overlapping(stream, route_few_kernel<SCORE, EXPERTS, TOP, T>, 1, FEW_THREADS, 0, 1, int(tokens), float(scale), factor, logits, bias, gates, choice, slot, source, offsets, load,
                            probabilities, balance);
}

}  // namespace mlac
