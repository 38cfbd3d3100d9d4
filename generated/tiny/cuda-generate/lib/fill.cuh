// One number everywhere.
#pragma once

#include "kernel.cuh"

namespace mlac {

constexpr int FILL_THREADS = 256;

template <bool ALIGNED, typename T>
__global__ void __launch_bounds__(FILL_THREADS) fill_kernel(int64_t count, float value, T* __restrict__ out) {
  const int64_t at = (int64_t(blockIdx.x) * FILL_THREADS + threadIdx.x) * RUN;
  if (at >= count) return;
  const Run values{{value, value, value, value, value, value, value, value}};
  if (ALIGNED && count - at >= RUN)
    store<true>(out + at, values);
  else
    store<false>(out + at, values, int(min(int64_t(RUN), count - at)));
}

template <typename T>
void fill_with(cudaStream_t stream, int64_t count, double value, T* out) {
  const int64_t blocks = ceil_div(ceil_div(count, RUN), FILL_THREADS);
  if (reinterpret_cast<uintptr_t>(out) % 16 == 0)
    fill_kernel<true><<<blocks, FILL_THREADS, 0, stream>>>(count, float(value), out);
  else
    fill_kernel<false><<<blocks, FILL_THREADS, 0, stream>>>(count, float(value), out);
}

}  // namespace mlac
