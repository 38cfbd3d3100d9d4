// The parts of an optimizer step that go element by element: the gradients' norm, AdamW, the expert-bias rule, the sums of loads.
//
// A step begins with measure_gradients, or between ranks with its parts. What it finds stays on the device: every later kernel reads the clipping factor there, and does
// nothing if the norm is not finite, so that such a gradient never reaches the weights and the host need not wait.
#pragma once

#include <cuda_runtime.h>

#include <cmath>
#include <vector>

#include "split.cuh"

namespace mlac {

/// What a step knows of its gradients, on the device. It lies at the start of the optimizer's workspace.
struct Gradients {
  static constexpr int PARTS = 1024;
  double squares[PARTS];  // of each part of the gradients
  float scale;            // what clipping multiplies them by
  int32_t finite;         // 0: nothing may be changed
};

/// Gradients that one rank owns, in runs: `first` counts the runs of the pieces before. Behind the last piece stands one that has only `first`.
struct OwnedGradients {
  const float* at;
  int64_t count, first;
};

namespace detail {

constexpr int OPTIMIZER_THREADS = 256;

__device__ inline bool is_aligned(const void* at) { return reinterpret_cast<uintptr_t>(at) % 16 == 0; }

// The sum over a block of 256 threads, in an order that is always the same. Every thread gets it.
__device__ inline double sum_of_block(double x) {
  __shared__ double warps[OPTIMIZER_THREADS / WARP];
#pragma unroll
  for (int step = WARP / 2; step > 0; step /= 2) x += __shfl_xor_sync(0xffffffffu, x, step);
  __syncthreads();
  if (threadIdx.x % WARP == 0) warps[threadIdx.x / WARP] = x;
  __syncthreads();
  double sum = 0;
#pragma unroll
  for (double part : warps) sum += part;
  return sum;
}

// Eight squares in float32: their sums go on in float64.
__device__ inline float squares_of(const Run& x) {
  float sum = 0;
#pragma unroll
  for (int j = 0; j < RUN; ++j) sum += x[j] * x[j];
  return sum;
}

// Part p takes the runs p·256 to p·256 + 255 of every round of all parts.
[[maybe_unused]] static __global__ void __launch_bounds__(OPTIMIZER_THREADS) sum_squares_kernel(const float* gradients, int64_t count, Gradients* found) {
  double sum = 0;
  const int64_t stride = int64_t(Gradients::PARTS) * OPTIMIZER_THREADS * RUN;
#pragma unroll 4
  for (int64_t i = (int64_t(blockIdx.x) * OPTIMIZER_THREADS + threadIdx.x) * RUN; i < count; i += stride) {
    const int64_t left = count - i;
    sum += squares_of(left >= RUN ? load_aligned(gradients + i) : load<false>(gradients + i, int(left)));
  }
  sum = sum_of_block(sum);
  if (threadIdx.x == 0) found->squares[blockIdx.x] = sum;
}

// Part p takes the runs from total·p / PARTS to total·(p + 1) / PARTS of all pieces together, one behind the other.
[[maybe_unused]] static __global__ void __launch_bounds__(OPTIMIZER_THREADS) sum_squares_of_pieces_kernel(const OwnedGradients* pieces, int count, Gradients* found) {
  const int64_t total = pieces[count].first;
  const int64_t begin = total * blockIdx.x / Gradients::PARTS, end = total * (blockIdx.x + 1) / Gradients::PARTS;
  int index = 0;
  while (index + 1 < count && pieces[index + 1].first <= begin) ++index;
  double sum = 0;
  for (; index < count && pieces[index].first < end; ++index) {
    const OwnedGradients piece = pieces[index];
    const bool aligned = is_aligned(piece.at);
    const int64_t last = min(end, pieces[index + 1].first);
    for (int64_t run = max(begin, piece.first) + threadIdx.x; run < last; run += OPTIMIZER_THREADS) {
      const int64_t at = (run - piece.first) * RUN, left = piece.count - at;
      sum += squares_of(aligned && left >= RUN ? load_aligned(piece.at + at) : load<false>(piece.at + at, int(min(left, int64_t{RUN}))));
    }
  }
  sum = sum_of_block(sum);
  if (threadIdx.x == 0) found->squares[blockIdx.x] = sum;
}

[[maybe_unused]] static __global__ void __launch_bounds__(OPTIMIZER_THREADS) finish_norm_kernel(Gradients* found, double clip, float* report) {
  double sum = 0;
  for (int part = threadIdx.x; part < Gradients::PARTS; part += OPTIMIZER_THREADS) sum += found->squares[part];
  sum = sum_of_block(sum);
  if (threadIdx.x > 0) return;
  const double norm = sqrt(sum);
  report[2] = float(norm);
  found->finite = isfinite(float(norm));
  found->scale = clip > 0 ? float(fmin(1.0, clip / (norm + 1e-6))) : 1.f;
}

}  // namespace detail

/// The squares of all `count` gradients, part by part, into found->squares.
inline void sum_squares(cudaStream_t stream, const float* gradients, int64_t count, Gradients* found) {
  detail::sum_squares_kernel<<<Gradients::PARTS, detail::OPTIMIZER_THREADS, 0, stream>>>(gradients, count, found);
}
/// The same of those that this rank owns. `pieces` lies on the device.
inline void sum_squares(cudaStream_t stream, const OwnedGradients* pieces, int count, Gradients* found) {
  detail::sum_squares_of_pieces_kernel<<<Gradients::PARTS, detail::OPTIMIZER_THREADS, 0, stream>>>(pieces, count, found);
}
/// Their norm, before clipping, into report[2]; `found` is for the rest of the step. clip 0: none.
inline void finish_norm(cudaStream_t stream, double clip, Gradients* found, float* report) {
  detail::finish_norm_kernel<<<1, detail::OPTIMIZER_THREADS, 0, stream>>>(found, clip, report);
}

/// Both, where one rank owns all gradients.
inline void measure_gradients(cudaStream_t stream, const float* gradients, int64_t count, double clip, Gradients* found, float* report) {
  sum_squares(stream, gradients, count, found);
  finish_norm(stream, clip, found, report);
}

/// AdamW (Loshchilov and Hutter, arXiv:1711.05101).
struct AdamW {
  double lr, beta1, beta2, eps, weight_decay;
};

/// A tensor that AdamW moves, or a part of one. It goes quicker where all pointers are 16-byte aligned.
struct AdamWTensor {
  Weight weight;
  const float* gradient;
  float *moment1, *moment2;
  int64_t count;
  AdamW rule;
};

namespace detail {

struct AdamWSegment {
  Weight weight;
  const float* gradient;
  float *moment1, *moment2;
  int64_t count;
  float keep1, take1, keep2, take2, rate, correction2, keep, eps;
};

// The tensors of one launch, as a kernel's argument: 4 KB is what every GPU takes. first[i] is the block that segment i begins with.
constexpr int MOST_SEGMENTS = 44;
struct AdamWSegments {
  int count;
  int first[MOST_SEGMENTS + 1];
  AdamWSegment segments[MOST_SEGMENTS];
};
static_assert(sizeof(AdamWSegments) + 16 <= 4096, "the segments do not fit a kernel's arguments");

constexpr int64_t ADAMW_BLOCK = 2 * OPTIMIZER_THREADS * RUN;  // elements of a block

template <bool WHOLE>
__device__ inline void adamw_run(const AdamWSegment& s, int64_t at, int count, float take1, float take2) {
  const Run g = load<WHOLE>(s.gradient + at, count);
  Run m = load<WHOLE>(s.moment1 + at, count), v = load<WHOLE>(s.moment2 + at, count), w = load_weight<WHOLE>(s.weight, at, count);
#pragma unroll
  for (int j = 0; j < RUN; ++j) {
    m[j] = s.keep1 * m[j] + take1 * g[j];
    v[j] = s.keep2 * v[j] + take2 * g[j] * g[j];
    w[j] = s.keep * w[j] - s.rate * m[j] / (sqrtf(v[j] * s.correction2) + s.eps);
  }
  store<WHOLE>(s.moment1 + at, m, count);
  store<WHOLE>(s.moment2 + at, v, count);
  store_weight<WHOLE>(s.weight, at, w, count);
}

[[maybe_unused]] static __global__ void __launch_bounds__(OPTIMIZER_THREADS) adamw_kernel(const __grid_constant__ AdamWSegments all, const Gradients* found) {
  if (!found->finite) return;
  const int block = int(blockIdx.x);
  int index = 0;
  while (index + 1 < all.count && all.first[index + 1] <= block) ++index;
  const AdamWSegment s = all.segments[index];
  const float scale = found->scale, take1 = s.take1 * scale, take2 = s.take2 * scale * scale;
  const int64_t begin = (block - all.first[index]) * ADAMW_BLOCK;
  const bool aligned = is_aligned(s.weight.high) && is_aligned(s.weight.remainder) && is_aligned(s.gradient) && is_aligned(s.moment1) && is_aligned(s.moment2);
#pragma unroll
  for (int i = 0; i < int(ADAMW_BLOCK / (OPTIMIZER_THREADS * RUN)); ++i) {
    const int64_t at = begin + (int64_t(i) * OPTIMIZER_THREADS + threadIdx.x) * RUN, left = s.count - at;
    if (aligned && left >= RUN) adamw_run<true>(s, at, RUN, take1, take2);
    else if (left > 0) adamw_run<false>(s, at, int(min(left, int64_t{RUN})), take1, take2);
  }
}

}  // namespace detail

/// Step number `step`, counted from 1, of all the tensors: one launch for every 44 of them.
inline void adamw(cudaStream_t stream, int64_t step, const Gradients* found, const AdamWTensor* tensors, int64_t count) {
  using namespace detail;
  AdamWSegments all{};
  const auto launch = [&] {
    if (all.first[all.count] > 0) adamw_kernel<<<all.first[all.count], OPTIMIZER_THREADS, 0, stream>>>(all, found);
    all.count = 0;
  };
  for (int64_t i = 0; i < count; ++i) {
    const AdamWTensor& t = tensors[i];
    if (all.count == MOST_SEGMENTS) launch();
    const AdamW& rule = t.rule;
    // Whatever can be computed once is, in double: 1 - beta2 would lose four of a float's digits.
    all.segments[all.count] = {t.weight,
                               t.gradient,
                               t.moment1,
                               t.moment2,
                               t.count,
                               float(rule.beta1),
                               float(1 - rule.beta1),
                               float(rule.beta2),
                               float(1 - rule.beta2),
                               float(rule.lr / (1 - std::pow(rule.beta1, double(step)))),
                               float(1 / (1 - std::pow(rule.beta2, double(step)))),
                               float(1 - rule.lr * rule.weight_decay),
                               float(rule.eps)};
    all.first[all.count + 1] = all.first[all.count] + int(ceil_div(t.count, ADAMW_BLOCK));
    ++all.count;
  }
  if (all.count > 0) launch();
}
inline void adamw(cudaStream_t stream, int64_t step, const Gradients* found, const std::vector<AdamWTensor>& tensors) {
  adamw(stream, step, found, tensors.data(), int64_t(tensors.size()));
}

namespace detail {

// A block is a layer. mean > load and mean < load are asked of experts · mean and experts · load, in integers: nothing is rounded.
[[maybe_unused]] static __global__ void move_expert_bias_kernel(float rate, int experts, const int32_t* load, float* bias, const Gradients* found) {
  if (!found->finite) return;
  load += int64_t(blockIdx.x) * experts;
  bias += int64_t(blockIdx.x) * experts;
  int64_t total = 0;
  for (int e = 0; e < experts; ++e) total += load[e];
  for (int e = threadIdx.x; e < experts; e += blockDim.x) {
    const int64_t own = int64_t(load[e]) * experts;
    bias[e] += rate * float((total > own) - (total < own));
  }
}

[[maybe_unused]] static __global__ void add_loads_kernel(const int32_t* load, int32_t* sum, int64_t count, bool first) {
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < count) sum[i] = (first ? 0 : sum[i]) + load[i];
}

}  // namespace detail

/// The expert-bias rule of DeepSeek-V3 (arXiv 2412.19437, section 2.1.2): b += rate · sign(mean load - load), for each layer.
inline void move_expert_bias(cudaStream_t stream, double rate, int64_t layers, int64_t experts, const int32_t* load, float* bias, const Gradients* found) {
  detail::move_expert_bias_kernel<<<unsigned(layers), 128, 0, stream>>>(float(rate), int(experts), load, bias, found);
}

/// Sums the tokens each expert got over the micro-steps of an accumulation.
inline void add_loads(cudaStream_t stream, const int32_t* load, int32_t* sum, int64_t count, bool first) {
  detail::add_loads_kernel<<<unsigned(ceil_div(count, 256)), 256, 0, stream>>>(load, sum, count, first);
}

}  // namespace mlac
