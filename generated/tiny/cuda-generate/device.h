// The GPU a session runs on: finding it, and every CUDA failure as a sentence.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <stdexcept>
#include <string>

/// A sentence for the caller.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// A CUDA call failed: what the device holds can no longer be relied on.
struct DeviceFailure : Failure {
  using Failure::Failure;
};

/// Throws what `doing` failed of: "the micro-step failed on the GPU: an illegal memory access was encountered".
inline void cuda(cudaError_t status, const char* doing) {
  if (status != cudaSuccess) throw DeviceFailure(std::string(doing) + " failed on the GPU: " + cudaGetErrorString(status));
}

struct Gpu {
  int index = 0;
  std::string name;
};

/// Takes the GPU that MLAC_DEVICE names (default: the first) for this thread, and sees that it can run this library, of which `kernel` is
/// a part, and has `bytes` of free memory. Throws a Failure that says what is missing.
Gpu choose_gpu(const void* kernel, int64_t bytes);
