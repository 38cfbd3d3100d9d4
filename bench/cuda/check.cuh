// What the checks and timings of the CUDA library share: random data on the device, errors by relative norm, medians of timings.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "lib/kernel.cuh"

namespace check {

#define CUDA_OK(call)                                                                                     \
  do {                                                                                                    \
    const cudaError_t error_ = (call);                                                                    \
    if (error_ != cudaSuccess) {                                                                          \
      std::printf("FAIL %s:%d: %s: %s\n", __FILE__, __LINE__, #call, cudaGetErrorString(error_));         \
      std::exit(1);                                                                                       \
    }                                                                                                     \
  } while (0)

/// Device memory that is freed with its owner. New memory is poisoned with NaN.
template <typename T>
struct Device {
  T* data = nullptr;
  int64_t count = 0;
  explicit Device(int64_t n) : count(n) {
    CUDA_OK(cudaMalloc(&data, std::max<int64_t>(1, n) * sizeof(T)));
    poison();
  }
  explicit Device(const std::vector<T>& host) : Device(int64_t(host.size())) { set(host); }
  Device(const Device&) = delete;
  ~Device() { cudaFree(data); }
  void set(const std::vector<T>& host) { CUDA_OK(cudaMemcpy(data, host.data(), count * sizeof(T), cudaMemcpyHostToDevice)); }
  void poison() { CUDA_OK(cudaMemset(data, 0xff, count * sizeof(T))); }
  void zero() { CUDA_OK(cudaMemset(data, 0, count * sizeof(T))); }
  std::vector<T> host() const {
    std::vector<T> out(count);
    CUDA_OK(cudaMemcpy(out.data(), data, count * sizeof(T), cudaMemcpyDeviceToHost));
    return out;
  }
  operator T*() const { return data; }
};

/// A hash of a counter: the same numbers on the host and the device.
__host__ __device__ inline float uniform(uint64_t seed, uint64_t i) {
  uint64_t x = (seed + 1) * 0x9e3779b97f4a7c15ull + i * 0xbf58476d1ce4e5b9ull;
  x ^= x >> 31; x *= 0x94d049bb133111ebull; x ^= x >> 29; x *= 0xbf58476d1ce4e5b9ull; x ^= x >> 32;
  return float(uint32_t(x >> 40)) * (2.f / 16777216.f) - 1.f;  // [-1, 1)
}
template <typename T>
__global__ void fill_kernel(T* out, int64_t n, uint64_t seed, float scale) {
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < n; i += int64_t(gridDim.x) * blockDim.x) out[i] = mlac::from_float<T>(scale * uniform(seed, i));
}
template <typename T>
void fill(Device<T>& out, uint64_t seed, float scale = 1.f) {
  fill_kernel<<<1024, 256>>>(out.data, out.count, seed, scale);
  CUDA_OK(cudaGetLastError());
}

inline int failures = 0;

/// ‖got − wanted‖ / ‖wanted‖; NaN or infinity in `got` never passes.
template <typename T, typename W>
double relative_error(const std::vector<T>& got, const std::vector<W>& wanted) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const double g = double(float(got[i])), w = double(float(wanted[i]));
    if (!std::isfinite(g)) return INFINITY;
    difference += (g - w) * (g - w);
    norm += w * w;
  }
  return std::sqrt(difference) / (std::sqrt(norm) + 1e-30);
}
inline void report(const std::string& name, double error, double limit) {
  const bool ok = error <= limit;
  if (!ok) ++failures;
  std::printf("%s %-70s error %.2e (limit %.0e)\n", ok ? "PASS" : "FAIL", name.c_str(), error, limit);
}

/// Milliseconds of one call, the median of `rounds`.
inline double milliseconds(const std::function<void()>& work, int rounds = 15) {
  cudaEvent_t begin, end;
  CUDA_OK(cudaEventCreate(&begin));
  CUDA_OK(cudaEventCreate(&end));
  for (int i = 0; i < 3; ++i) work();
  std::vector<float> times(rounds);
  for (float& time : times) {
    CUDA_OK(cudaEventRecord(begin));
    work();
    CUDA_OK(cudaEventRecord(end));
    CUDA_OK(cudaEventSynchronize(end));
    CUDA_OK(cudaEventElapsedTime(&time, begin, end));
  }
  std::sort(times.begin(), times.end());
  return times[rounds / 2];
}

inline bool wants(int argc, char** argv, const char* part) { return argc < 2 || std::strcmp(argv[1], part) == 0; }

}  // namespace check
