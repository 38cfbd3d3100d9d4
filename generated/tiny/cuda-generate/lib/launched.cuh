// Where failed launches are kept until the session asks: the functions that put work on a stream return nothing.
#pragma once

#include <cuda_runtime.h>

namespace mlac {

/// The first failure since take_failure, of this library.
inline cudaError_t launch_failure = cudaSuccess;

inline void launched(cudaError_t status) {
  if (launch_failure == cudaSuccess) launch_failure = status;
}

/// That failure, or what CUDA itself keeps of launches that nobody asked about. Forgets both.
inline cudaError_t take_failure() {
  launched(cudaGetLastError());
  const cudaError_t status = launch_failure;
  launch_failure = cudaSuccess;
  return status;
}

}  // namespace mlac
