// Cross entropy and its gradients in one pass over the logits; how, is said in cross_entropy.cuh.
#pragma once

#include "cross_entropy.cuh"

namespace mlac {

/// One warp per token.
template <bool ALIGNED>
__global__ void __launch_bounds__(LOSS_THREADS) aim_kernel(int64_t tokens, int64_t width, const bf16* __restrict__ x, const bf16* __restrict__ head, const int32_t* __restrict__ targets,
                                                           Aim* __restrict__ aims) {
  const int64_t token = int64_t(blockIdx.x) * (LOSS_THREADS / WARP) + threadIdx.x / WARP;
  if (token >= tokens) return;
  const int32_t target = targets[token];
  const bf16 *a = x + token * width, *b = head + target * width;
  float sum = 0;
#pragma unroll 2
  for (int64_t column = threadIdx.x % WARP * RUN; column < width; column += WARP * RUN) {
    const int count = int(min(int64_t(RUN), width - column));
    const Run u = load<ALIGNED>(a + column, count), v = load<ALIGNED>(b + column, count);
#pragma unroll
    for (int j = 0; j < RUN; ++j) sum += u[j] * v[j];
  }
  sum = sum_of_lanes(sum);
  if (threadIdx.x % WARP == 0) aims[token] = Aim{(sum + SHIFT) * LOG2_E, target};
}

/// Rows whose sums of one slice lie side by side: a whole sector of memory, which one warp writes.
constexpr int ROWS_TOGETHER = 8;

/// 2^x, and the smaller of two numbers, of which a NaN stays one.
__device__ inline float power_of_2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
__device__ inline float smaller_or_nan(float a, float b) {
  float y;
  asm("min.NaN.f32 %0, %1, %2;" : "=f"(y) : "f"(a), "f"(b));
  return y;
}

/// w = exp(z − z[t] − SHIFT), 0 for the target, and each slice's sum of it: sums [rows / ROWS_TOGETHER, slices, ROWS_TOGETHER].
template <bool ALIGNED>
struct KeepWeights {
  int64_t vocabulary, slices;
  const Aim* aims;
  bf16* weights;
  float* sums;
  __device__ Aim fetch(int, int64_t m, int64_t, int count) const {
    if (count <= 0) return {0.f, -1};
    const int2 aim = __ldg(reinterpret_cast<const int2*>(aims + m));
    return {__int_as_float(aim.x), aim.y};
  }
  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&z)[1], const Aim& aim) const {
    Run w;
#pragma unroll
    for (int j = 0; j < RUN; ++j) {
      w[j] = power_of_2(smaller_or_nan(fmaf(z[0][j], LOG2_E, -aim.shift), LIMIT * LOG2_E));
      if (!ALIGNED && j >= count) w[j] = 0.f;
    }
    const int target = aim.target - int(n);
    if (unsigned(target) < unsigned(RUN)) {
#pragma unroll
      for (int j = 0; j < RUN; ++j) w[j] = j == target ? 0.f : w[j];
    }
    store<ALIGNED>(weights + m * vocabulary + n, w, count);
    const float sum = sum_of_lanes<8>(count > 0 ? ((w[0] + w[1]) + (w[2] + w[3])) + ((w[4] + w[5]) + (w[6] + w[7])) : 0.f);
    if (count > 0 && threadIdx.x % 8 == 0) sums[(m / ROWS_TOGETHER * slices + n / SLICE) * ROWS_TOGETHER + m % ROWS_TOGETHER] = sum;
  }
  __device__ void operator()(int group, int64_t m, int64_t n, int count, const Run (&z)[1]) const { (*this)(group, m, n, count, z, fetch(group, m, n, count)); }
};

constexpr int WEIGH_THREADS = 512;

/// One block for ROWS_TOGETHER of the `rows`. `share` = 1 / tokens.
template <bool ALIGNED>
__global__ void __launch_bounds__(WEIGH_THREADS) weigh_kernel(LossSizes sizes, int64_t rows, float share, const float* __restrict__ d_loss, const Aim* __restrict__ aims,
                                                              const float* __restrict__ sums, const bf16* __restrict__ x, bf16* __restrict__ weights, float* __restrict__ factor,
                                                              bf16* __restrict__ x_scaled, float* __restrict__ losses) {
  __shared__ float of_warp[WEIGH_THREADS / WARP][ROWS_TOGETHER], scales[ROWS_TOGETHER];
  const int64_t first = int64_t(blockIdx.x) * ROWS_TOGETHER, slices = sizes.slices();
  const int exist = int(min(int64_t(ROWS_TOGETHER), rows - first)), thread = int(threadIdx.x), lane = thread % WARP;
  float others = 0;
  if (thread % ROWS_TOGETHER < exist)
#pragma unroll 8
    for (int64_t i = thread; i < slices * ROWS_TOGETHER; i += WEIGH_THREADS) others += sums[first * slices + i];
#pragma unroll
  for (int step = WARP / 2; step >= ROWS_TOGETHER; step /= 2) others += __shfl_xor_sync(0xffffffffu, others, step);
  if (lane < ROWS_TOGETHER) of_warp[thread / WARP][lane] = others;
  __syncthreads();
  if (thread < exist) {
    const int64_t row = first + thread;
    others = 0;
    for (int warp = 0; warp < WEIGH_THREADS / WARP; ++warp) others += of_warp[warp][thread];
    const float whole = others + EXP_MINUS_SHIFT, against = others * EXP_SHIFT;  // Σ over the others of exp(z − z[t])
    losses[row] = against < 1.f ? log1pf(against) : logf(whole) + SHIFT;
    weights[row * sizes.vocabulary + aims[row].target] = from_float<bf16>(-others);
    factor[row] = scales[thread] = d_loss[0] * share / whole;
  }
  __syncthreads();
  const int64_t runs = ceil_div(sizes.width, RUN);
  for (int64_t i = thread; i < exist * runs; i += WEIGH_THREADS) {
    const int64_t row = i / runs, column = i % runs * RUN, at = (first + row) * sizes.width + column;
    const int count = int(min(int64_t(RUN), sizes.width - column));
    Run part = load<ALIGNED>(x + at, count);
#pragma unroll
    for (int j = 0; j < RUN; ++j) part[j] *= scales[row];
    store<ALIGNED>(x_scaled + at, part, count);
  }
}

constexpr int64_t cross_entropy_and_gradients_workspace(const LossSizes& sizes) {
  return room(sizes.rows * sizes.vocabulary, sizeof(bf16)) + room(ceil_div(sizes.rows, ROWS_TOGETHER) * ROWS_TOGETHER * sizes.slices(), sizeof(float)) +
         room(sizes.rows * sizes.width, sizeof(bf16)) + room(sizes.rows, sizeof(float)) + room(sizes.tokens, sizeof(Aim)) + room(sizes.tokens, sizeof(float)) +
         (sizes.parts() > 1 ? room(sizes.parts() * sizes.rows * sizes.width, sizeof(float)) : 0);
}

/// loss []; dx [tokens, width]; d_head [vocabulary, width], += if ADDS; d_loss [], on the device, is the factor of both gradients.
template <bool ALIGNED, bool ADDS, typename Dx, typename Dhead>
cudaError_t cross_entropy_and_gradients(cudaStream_t stream, const LossSizes& sizes, const bf16* x, const bf16* head, const int32_t* targets, const float* d_loss, float* loss, Dx* dx,
                                        Dhead* d_head, char* workspace) {
  Workspace rest{workspace};
  bf16* weights = rest.take<bf16>(sizes.rows * sizes.vocabulary);
  float* sums = rest.take<float>(ceil_div(sizes.rows, ROWS_TOGETHER) * ROWS_TOGETHER * sizes.slices());
  bf16* x_scaled = rest.take<bf16>(sizes.rows * sizes.width);
  float* factor = rest.take<float>(sizes.rows);
  Aim* aims = rest.take<Aim>(sizes.tokens);
  float* losses = rest.take<float>(sizes.tokens);
  float* partial = sizes.parts() > 1 ? rest.take<float>(sizes.parts() * sizes.rows * sizes.width) : nullptr;

  aim_kernel<ALIGNED><<<ceil_div(sizes.tokens, LOSS_THREADS / WARP), LOSS_THREADS, 0, stream>>>(sizes.tokens, sizes.width, x, head, targets, aims);
  for (int64_t begin = 0; begin < sizes.tokens; begin += sizes.rows) {
    const int64_t rows = sizes.tokens - begin < sizes.rows ? sizes.tokens - begin : sizes.rows;
    const bf16* x_rows = x + begin * sizes.width;
    const KeepWeights<ALIGNED> epilogue{sizes.vocabulary, sizes.slices(), aims + begin, weights, sums};
    cudaError_t error = logits_of<ALIGNED>(stream, sizes, rows, x_rows, head, epilogue);
    if (error != cudaSuccess) return error;
    weigh_kernel<ALIGNED><<<ceil_div(rows, ROWS_TOGETHER), WEIGH_THREADS, 0, stream>>>(sizes, rows, float(1. / double(sizes.tokens)), d_loss, aims + begin, sums, x_rows, weights, factor,
                                                                                         x_scaled, losses + begin);
    Dx* const dx_rows = dx + begin * sizes.width;
    if (partial) error = hidden_gradient_in_parts<ALIGNED>(stream, sizes, rows, weights, factor, head, dx_rows, partial);
    else error = hidden_gradient<ALIGNED, true>(stream, sizes, rows, weights, factor, head, dx_rows);
    if (error == cudaSuccess) error = head_gradient<ALIGNED>(stream, sizes, rows, weights, x_scaled, d_head, !ADDS && begin == 0);
    if (error != cudaSuccess) return error;
  }
  mean_kernel<<<1, 1024, 0, stream>>>(sizes.tokens, losses, loss);
  return cudaGetLastError();
}

}  // namespace mlac
