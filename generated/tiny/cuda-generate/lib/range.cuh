// Which kernel of the model the work on a stream belongs to, for whoever measures.
#pragma once

#include <cuda_runtime.h>

namespace mlac {

/// Called at the beginning and at the end of every kernel's host function, while it is set.
inline void (*range_observer)(cudaStream_t stream, const char* name, bool begins) = nullptr;

/// Lives as long as a kernel's host function.
struct Range {
  Range(cudaStream_t stream, const char* name) : stream(stream), name(name) {
    if (range_observer) range_observer(stream, name, true);
  }
  ~Range() {
    if (range_observer) range_observer(stream, name, false);
  }
  cudaStream_t stream;
  const char* name;
};

}  // namespace mlac
