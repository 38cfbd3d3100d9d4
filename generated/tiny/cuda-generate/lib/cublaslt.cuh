// Plain products by NVIDIA's cuBLASLt, which is opened when it is wanted: nothing here needs it to compile, to link, or to be there.
#pragma once

#include <cuda_runtime.h>

#include "kernel.cuh"

namespace mlac {

/// A matrix of a product as it is stored, a row behind the other. `turned`: its rows are k.
struct Factor {
  const bf16* data;
  int64_t columns, group_stride;  // elements from one group's matrix to the next
  bool turned;
};

/// C [groups, m, n] = A · B, or += it; float32 sums. B as stored is [n, k], or, turned, [k, n].
struct LibraryProduct {
  int groups;
  int64_t m, n, k;
  Factor a, b;
  void* c;
  bool c_is_float;  // else bf16
  bool adds;
  char* workspace;
  int64_t workspace_bytes;
};

/// Its version as cuBLASLt counts (130002 is 13.0.2), or 0 where none from 12.0 on is found: what MLAC_CUBLASLT names, else where the dynamic
/// linker looks (LD_LIBRARY_PATH), else in the folders of CUDA_HOME, CUDA_PATH and /usr/local/cuda.
int64_t cublaslt_version();

/// Whether the library is there, and has an algorithm for it on this device.
bool cublaslt_can(const LibraryProduct& product);

/// The same bits every time: no algorithm in which blocks add to C in an order of their own. cudaErrorNotSupported, and nothing launched, where
/// cublaslt_can is false.
cudaError_t cublaslt_multiply(cudaStream_t stream, const LibraryProduct& product);

}  // namespace mlac
