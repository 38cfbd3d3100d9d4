/*
 * Tensor maps, TMA's description of a matrix in global memory, made on the host for each launch. The driver's function is looked up
 * at run time through the CUDA runtime, so nothing links with libcuda. And the device's size, which persistent kernels are launched for.
 */
#pragma once

#include <cuda.h>
#include <cuda_runtime.h>

#include "kernel.cuh"

namespace mlac {
namespace hopper {

using EncodeTiled = CUresult (*)(CUtensorMap*, CUtensorMapDataType, cuuint32_t, void*, const cuuint64_t*, const cuuint64_t*, const cuuint32_t*,
                                 const cuuint32_t*, CUtensorMapInterleave, CUtensorMapSwizzle, CUtensorMapL2promotion, CUtensorMapFloatOOBfill);

inline EncodeTiled find_encode_tiled() {
  void* found = nullptr;
  cudaDriverEntryPointQueryResult result;
#if CUDART_VERSION >= 12050
  const cudaError_t error = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &found, 12000, cudaEnableDefault, &result);
#else
  const cudaError_t error = cudaGetDriverEntryPoint("cuTensorMapEncodeTiled", &found, cudaEnableDefault, &result);
#endif
  return error == cudaSuccess && result == cudaDriverEntryPointSuccess ? reinterpret_cast<EncodeTiled>(found) : nullptr;
}

/// Multiprocessors of the device that is in use at the first call.
inline int multiprocessors() {
  static const int count = [] {
    int device = 0, n = 0;
    cudaGetDevice(&device);
    cudaDeviceGetAttribute(&n, cudaDevAttrMultiProcessorCount, device);
    return n;
  }();
  return count;
}

/// `matrices` bf16 matrices of rows x columns, rows `row_stride` and matrices `matrix_stride` elements apart (multiples of 8), read in boxes of
/// box_rows x 64 that lie in shared memory as rows of 128 swizzled bytes.
inline cudaError_t make_map(CUtensorMap* map, const bf16* data, int64_t matrices, int64_t rows, int64_t columns, int64_t row_stride, int64_t matrix_stride,
                            int box_rows) {
  static const EncodeTiled encode = find_encode_tiled();
  if (!encode) return cudaErrorNotSupported;
  if (!data || rows <= 0 || columns <= 0) return cudaSuccess;  // nothing that a tile could read
  if (matrices <= 1) matrices = 1, matrix_stride = rows * row_stride;
  const cuuint64_t size[3] = {cuuint64_t(columns), cuuint64_t(rows), cuuint64_t(matrices)};
  const cuuint64_t stride[2] = {cuuint64_t(row_stride) * sizeof(bf16), cuuint64_t(matrix_stride) * sizeof(bf16)};
  const cuuint32_t box[3] = {64, cuuint32_t(box_rows), 1}, step[3] = {1, 1, 1};
  const CUresult made = encode(map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 3, const_cast<bf16*>(data), size, stride, box, step, CU_TENSOR_MAP_INTERLEAVE_NONE,
                               CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  return made == CUDA_SUCCESS ? cudaSuccess : cudaErrorInvalidValue;
}

}  // namespace hopper
}  // namespace mlac
