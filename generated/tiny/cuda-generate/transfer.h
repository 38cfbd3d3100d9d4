// Tensors on their way between the host, where they are float32 or int32, and the device, where weights are split or halved.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <functional>

#include "storage.h"

/// A tensor's place and form on the device.
struct Stored {
  mlac::Storage storage;
  char* at;
  uint16_t* remainder;
  int64_t count;
};

/// Two halves of pinned host memory: the host works on one while the device works on the other. Weights are split and joined by kernels
/// that read and write the pinned memory themselves, so that the device needs none for it.
class Transfer {
 public:
  static constexpr int64_t HALF = int64_t{4} << 20;  // elements, of 4 bytes

  void open();
  void close();

  /// fill(out, begin, end) gives the elements from begin to end, HALF at most. They are on the device when this returns.
  void write(cudaStream_t stream, const Stored& to, const std::function<void(void* out, int64_t begin, int64_t end)>& fill);
  /// take(data, begin, end) gets them.
  void read(cudaStream_t stream, const Stored& from, const std::function<void(const void* data, int64_t begin, int64_t end)>& take);

  /// A kernel of this library.
  static const void* some_kernel();

 private:
  char* half[2] = {};
  cudaEvent_t done[2] = {};
};

/// Sets *found to 1 if a number of the tensor is not finite. `found` may be pinned host memory.
void find_not_finite(cudaStream_t stream, const Stored& tensor, int32_t* found);
