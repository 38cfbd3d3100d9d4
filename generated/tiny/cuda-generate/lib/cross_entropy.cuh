/*
 * The mean cross entropy of softmax(x · headᵀ), its gradients, and the logits themselves. Logits of all tokens never exist: at most `rows`
 * of them at a time, in bf16. Everything large is a matrix product (contract.cuh); what is done to logits is done in its epilogue.
 *
 * Logits z of a row, its target t, sums over the vocabulary v. Eight lanes of an epilogue hold a SLICE of 64 neighbouring logits.
 *
 * cross_entropy                 each slice leaves its largest logit and its sum of exponentials; join_kernel joins a row's slices
 * cross_entropy_and_gradients   (cross_entropy_train.cuh) loss and gradients in three products and no pass over the logits between them:
 *   aim_kernel      the logit of each token's target, z[t], as a product of its own
 *   product 1       w[v] = exp(z[v] − z[t] − SHIFT), but 0 for the target, as bf16; each slice leaves its sum of w
 *   weigh_kernel    a row's R = Σ w and S = R + exp(−SHIFT): the loss is ln S + SHIFT, and d z[v] = scale · w[v] / S, d z[t] = −scale · R / S: so w[t]
 *                   becomes −R (which is p − 1 without its cancellation) and the row's common factor scale / S goes to the other operands
 *   product 2       dx = factor · (w · head), the vocabulary in so many parts that the tiles of their sums fill a GPU; add_parts_kernel adds them up
 *   product 3       d head += wᵀ · (factor · x)
 *                   Numbers of bf16 have the exponents of float32: a factor costs no precision. A logit that is more than LIMIT + SHIFT = 110 nats above its
 *                   target's counts as 110.
 * cross_entropy_gradients       (cross_entropy_gradients.cuh) the same from the kept log-sum-exp: product 1 leaves d z itself
 */
#pragma once

#include "contract.cuh"
#include "kernel.cuh"
#include "workspace.cuh"

namespace mlac {

constexpr int SLICE = 64;
constexpr float LOG2_E = 1.4426950408890f;
constexpr float SHIFT = 40.f, EXP_SHIFT = 2.3538526683702e17f, EXP_MINUS_SHIFT = 4.2483542552916e-18f;
constexpr float LIMIT = 70.f;

/// x [tokens, width], head [vocabulary, width], bf16; `rows` tokens' logits exist at a time.
struct LossSizes {
  int64_t tokens, width, vocabulary, rows;
  __host__ __device__ constexpr int64_t slices() const { return ceil_div(vocabulary, SLICE); }
  /// Into how many parts product 2 cuts the vocabulary: until there are three rounds of tiles of 128 x 256. compiler/emit/cuda/own.ts counts the same.
  __host__ __device__ constexpr int64_t parts() const {
    int64_t parts = 1;
    while (parts < 8 && parts * ceil_div(rows, 128) * ceil_div(width, 256) < 320 && vocabulary % (128 * parts) == 0 && vocabulary / (2 * parts) >= 1024) parts *= 2;
    return parts;
  }
};

/// What the epilogue of the logits knows of its row: (z[t] + SHIFT) · log2 e, and t.
struct alignas(8) Aim {
  float shift;
  int32_t target;
};

constexpr int LOSS_THREADS = 128;

/// The sum over a block of LOSS_THREADS; all threads get the same bits.
__device__ inline float sum_of_block(float x, float (&of_warp)[LOSS_THREADS / WARP]) {
  x = sum_of_lanes(x);
  if (threadIdx.x % WARP == 0) of_warp[threadIdx.x / WARP] = x;
  __syncthreads();
  float sum = 0;
#pragma unroll
  for (int warp = 0; warp < LOSS_THREADS / WARP; ++warp) sum += of_warp[warp];
  return sum;
}

/// One block; the losses in a fixed order, in float64.
template <typename T>
__global__ void __launch_bounds__(1024) mean_kernel(int64_t count, const T* __restrict__ losses, float* __restrict__ loss) {
  __shared__ double of_warp[1024 / WARP];
  double sum = 0;
#pragma unroll 8
  for (int64_t i = threadIdx.x; i < count; i += 1024) sum += double(to_float(losses[i]));
#pragma unroll
  for (int step = WARP / 2; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
  if (threadIdx.x % WARP == 0) of_warp[threadIdx.x / WARP] = sum;
  __syncthreads();
  if (threadIdx.x > 0) return;
  double whole = 0;
  for (int warp = 0; warp < 1024 / WARP; ++warp) whole += of_warp[warp];
  loss[0] = float(whole / double(count));
}

/// z = x · headᵀ of `rows` tokens.
template <bool ALIGNED, typename Epilogue>
cudaError_t logits_of(cudaStream_t stream, const LossSizes& sizes, int64_t rows, const bf16* x, const bf16* head, const Epilogue& epilogue) {
  using Shape = Contraction<Kind::dense, Major::k, Major::k, 1, 1, ALIGNED>;
  const Product<1> products[] = {{sizes.width, {x, rows, sizes.width}, {{head, sizes.vocabulary, sizes.width}}}};
  return contract<Shape>(stream, Extent{1, rows, sizes.vocabulary, nullptr}, products, epilogue);
}

/// to[m, n] = factor[m] · sum
template <bool ALIGNED, bool SCALED, typename T>
struct StoreRows {
  T* to;
  int64_t columns;
  const float* factor;
  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count <= 0) return;
    Run row = sums[0];
    if constexpr (SCALED) {
      const float scale = __ldg(factor + m);
#pragma unroll
      for (int j = 0; j < RUN; ++j) row[j] *= scale;
    }
    store<ALIGNED>(to + m * columns + n, row, count);
  }
};

// What an epilogue has to read it reads in `fetch`, which a product may call for several runs ahead.

/// to[m, n] += sum, or = if this is the first.
template <bool ALIGNED, typename T>
struct AddRows {
  T* to;
  int64_t columns;
  bool first;
  __device__ Run fetch(int, int64_t m, int64_t n, int count) const { return first || count <= 0 ? Run{} : load<ALIGNED>(to + m * columns + n, count); }
  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1], const Run& before) const {
    if (count <= 0) return;
    Run row = sums[0];
#pragma unroll
    for (int j = 0; j < RUN; ++j) row[j] += before[j];
    store<ALIGNED>(to + m * columns + n, row, count);
  }
  __device__ void operator()(int group, int64_t m, int64_t n, int count, const Run (&sums)[1]) const { (*this)(group, m, n, count, sums, fetch(group, m, n, count)); }
};

/// to[part, m, n] = sum
template <bool ALIGNED>
struct StorePart {
  float* to;
  int64_t rows, columns;
  __device__ void operator()(int part, int64_t m, int64_t n, int count, const Run (&sums)[1]) const { store<ALIGNED>(to + (part * rows + m) * columns + n, sums[0], count); }
};

/// to[m, n] = factor[m] · Σ of from[part, m, n]. A thread for each run.
template <bool ALIGNED, typename T>
__global__ void __launch_bounds__(LOSS_THREADS) add_parts_kernel(int64_t rows, int64_t columns, int parts, const float* __restrict__ from, const float* __restrict__ factor, T* __restrict__ to) {
  const int64_t runs = ceil_div(columns, RUN), i = int64_t(blockIdx.x) * LOSS_THREADS + threadIdx.x;
  if (i >= rows * runs) return;
  const int64_t m = i / runs, n = i % runs * RUN, at = m * columns + n;
  const int count = int(min(int64_t(RUN), columns - n));
  Run sum{};
#pragma unroll 4
  for (int part = 0; part < parts; ++part) {
    const Run x = load<ALIGNED>(from + part * rows * columns + at, count);
#pragma unroll
    for (int j = 0; j < RUN; ++j) sum[j] += x[j];
  }
  const float scale = factor[m];
#pragma unroll
  for (int j = 0; j < RUN; ++j) sum[j] *= scale;
  store<ALIGNED>(to + at, sum, count);
}

/// Product 2 of `rows` tokens, in parts: `partial` [parts, rows, width].
template <bool ALIGNED, typename Dx>
cudaError_t hidden_gradient_in_parts(cudaStream_t stream, const LossSizes& sizes, int64_t rows, const bf16* weights, const float* factor, const bf16* head, Dx* dx, float* partial) {
  using InParts = Contraction<Kind::batched, Major::k, Major::own, 1, 1, ALIGNED>;
  const int64_t parts = sizes.parts(), part = sizes.vocabulary / parts;
  const Product<1> products[] = {{part, {weights, rows, sizes.vocabulary, part}, {{head, part, sizes.width, part * sizes.width}}}};
  const cudaError_t error = contract<InParts>(stream, Extent{int(parts), rows, sizes.width, nullptr}, products, StorePart<ALIGNED>{partial, rows, sizes.width});
  if (error != cudaSuccess) return error;
  const int64_t blocks = ceil_div(rows * ceil_div(sizes.width, RUN), LOSS_THREADS);
  add_parts_kernel<ALIGNED><<<blocks, LOSS_THREADS, 0, stream>>>(rows, sizes.width, int(parts), partial, factor, dx);
  return cudaGetLastError();
}

/// Product 2 of `rows` tokens. `weights` [rows, vocabulary]; `factor` [rows], or null where SCALED is false.
template <bool ALIGNED, bool SCALED, typename Dx>
cudaError_t hidden_gradient(cudaStream_t stream, const LossSizes& sizes, int64_t rows, const bf16* weights, const float* factor, const bf16* head, Dx* dx) {
  using ToHidden = Contraction<Kind::dense, Major::k, Major::own, 1, 1, ALIGNED>;
  const Product<1> to_hidden[] = {{sizes.vocabulary, {weights, rows, sizes.vocabulary}, {{head, sizes.vocabulary, sizes.width}}}};
  return contract<ToHidden>(stream, Extent{1, rows, sizes.width, nullptr}, to_hidden, StoreRows<ALIGNED, SCALED, Dx>{dx, sizes.width, factor});
}

/// Product 3. `x_scaled` [rows, width].
template <bool ALIGNED, typename Dhead>
cudaError_t head_gradient(cudaStream_t stream, const LossSizes& sizes, int64_t rows, const bf16* weights, const bf16* x_scaled, Dhead* d_head, bool first) {
  using ToHead = Contraction<Kind::dense, Major::own, Major::own, 1, 1, ALIGNED>;
  const Product<1> to_head[] = {{rows, {weights, rows, sizes.vocabulary}, {{x_scaled, rows, sizes.width}}}};
  return contract<ToHead>(stream, Extent{1, sizes.vocabulary, sizes.width, nullptr}, to_head, AddRows<ALIGNED, Dhead>{d_head, sizes.width, first});
}

// ---- The loss alone ----

/// Each slice's largest logit and its sum of exponentials beside it; the target's logit.
struct KeepSlices {
  int64_t slices;
  const int32_t* targets;
  float2* tops;
  float* wanted;
  __device__ int32_t fetch(int, int64_t m, int64_t, int count) const { return count > 0 ? __ldg(targets + m) : -1; }
  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&z)[1], int32_t target_of_row) const {
    float top = -INFINITY, sum = 0;
#pragma unroll
    for (int j = 0; j < RUN; ++j)
      if (j < count) top = fmaxf(top, z[0][j]);
    top = max_of_lanes<8>(top);
#pragma unroll
    for (int j = 0; j < RUN; ++j)
      if (j < count) sum += exp(z[0][j] - top);
    sum = sum_of_lanes<8>(sum);
    if (count <= 0) return;
    const int64_t target = target_of_row - n;
#pragma unroll
    for (int j = 0; j < RUN; ++j)
      if (j < count && j == target) wanted[m] = z[0][j];
    if (threadIdx.x % 8 == 0) tops[m * slices + n / SLICE] = make_float2(top, sum);
  }
  __device__ void operator()(int group, int64_t m, int64_t n, int count, const Run (&z)[1]) const { (*this)(group, m, n, count, z, fetch(group, m, n, count)); }
};

template <typename T>
__global__ void __launch_bounds__(LOSS_THREADS) join_kernel(int64_t slices, const float2* __restrict__ tops, const float* __restrict__ wanted, T* __restrict__ lse, float* __restrict__ losses) {
  __shared__ float of_warp[2][LOSS_THREADS / WARP];
  const float2* row = tops + blockIdx.x * slices;
  float top = -INFINITY;
#pragma unroll 4
  for (int64_t i = threadIdx.x; i < slices; i += LOSS_THREADS) top = fmaxf(top, row[i].x);
  top = max_of_lanes(top);
  if (threadIdx.x % WARP == 0) of_warp[0][threadIdx.x / WARP] = top;
  __syncthreads();
#pragma unroll
  for (int warp = 0; warp < LOSS_THREADS / WARP; ++warp) top = fmaxf(top, of_warp[0][warp]);

  float sum = 0;
#pragma unroll 4
  for (int64_t i = threadIdx.x; i < slices; i += LOSS_THREADS) sum += row[i].y * exp(row[i].x - top);
  sum = sum_of_block(sum, of_warp[1]);
  if (threadIdx.x > 0) return;
  const float log_sum = top + logf(sum);
  lse[blockIdx.x] = from_float<T>(log_sum);
  losses[blockIdx.x] = log_sum - wanted[blockIdx.x];
}

constexpr int64_t cross_entropy_workspace(const LossSizes& sizes) {
  return room(sizes.rows * sizes.slices(), sizeof(float2)) + room(sizes.rows, sizeof(float)) + room(sizes.tokens, sizeof(float));
}

/// loss [] = mean(lse − z[target]); lse [tokens] = ln Σ exp z. targets [tokens], 0 … vocabulary − 1. ALIGNED: width and vocabulary are multiples of 8.
template <bool ALIGNED, typename Lse>
cudaError_t cross_entropy(cudaStream_t stream, const LossSizes& sizes, const bf16* x, const bf16* head, const int32_t* targets, float* loss, Lse* lse, char* workspace) {
  Workspace rest{workspace};
  float2* tops = rest.take<float2>(sizes.rows * sizes.slices());
  float* wanted = rest.take<float>(sizes.rows);
  float* losses = rest.take<float>(sizes.tokens);
  for (int64_t begin = 0; begin < sizes.tokens; begin += sizes.rows) {
    const int64_t rows = sizes.tokens - begin < sizes.rows ? sizes.tokens - begin : sizes.rows;
    const KeepSlices epilogue{sizes.slices(), targets + begin, tops, wanted};
    const cudaError_t error = logits_of<ALIGNED>(stream, sizes, rows, x + begin * sizes.width, head, epilogue);
    if (error != cudaSuccess) return error;
    join_kernel<<<rows, LOSS_THREADS, 0, stream>>>(sizes.slices(), tops, wanted, lse + begin, losses + begin);
  }
  mean_kernel<<<1, 1024, 0, stream>>>(sizes.tokens, losses, loss);
  return cudaGetLastError();
}

}  // namespace mlac
