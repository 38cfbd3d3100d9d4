/*
 * Kernels that begin before the one ahead of them has ended (programmatic dependent launch, sm_90). A decode step is hundreds of kernels of
 * a few microseconds each; what one does before it needs the last one's results (finding its place, fetching weights) then costs nothing.
 *
 * Every kernel that is launched by launch_overlapping calls inputs_ready() before it reads or writes anything that another kernel of the
 * stream writes or reads: then all kernels before it are done, and what they wrote is seen. Weights may be read earlier.
 */
#pragma once

#include <cuda_runtime.h>

#include "launched.cuh"

namespace mlac {

/// Waits for all kernels ahead. Nothing where the launch was an ordinary one.
__device__ inline void inputs_ready() {
#ifdef MLAC_HOPPER
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/// Once all blocks have called it, blocks of the next kernel take what room there is left on the device.
__device__ inline void next_may_begin() {
#ifdef MLAC_HOPPER
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}

/// Launches a kernel that calls inputs_ready(), in clusters of `cluster` blocks. Dynamic shared memory above 48 KB is to be allowed beforehand.
template <typename... Parameters, typename... Arguments>
cudaError_t launch_overlapping(cudaStream_t stream, void (*kernel)(Parameters...), dim3 blocks, int threads, size_t shared, int cluster, const Arguments&... arguments) {
#ifdef MLAC_HOPPER
  // Blocks of two kernels are side by side on a multiprocessor only where both want its memory divided in the same way.
  const cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout, cudaSharedmemCarveoutMaxShared);
  if (error != cudaSuccess) return error;
  cudaLaunchAttribute attributes[2];
  attributes[0].id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attributes[0].val.programmaticStreamSerializationAllowed = 1;
  attributes[1].id = cudaLaunchAttributeClusterDimension;
  attributes[1].val.clusterDim.x = unsigned(cluster), attributes[1].val.clusterDim.y = 1, attributes[1].val.clusterDim.z = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = blocks;
  config.blockDim = unsigned(threads);
  config.dynamicSmemBytes = shared;
  config.stream = stream;
  config.attrs = attributes;
  config.numAttrs = cluster > 1 ? 2 : 1;
  return cudaLaunchKernelEx(&config, kernel, Parameters(arguments)...);
#else
  (void)cluster;
  kernel<<<blocks, unsigned(threads), shared, stream>>>(Parameters(arguments)...);
  return cudaGetLastError();
#endif
}

}  // namespace mlac
