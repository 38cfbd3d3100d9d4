// NVIDIA's NCCL, opened when several GPUs train together: a model is built and trains without it. Its functions as its documentation has them
// (docs.nvidia.com/deeplearning/nccl/user-guide), versions 2.14 and up.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <string>

namespace mlac {

struct NcclId {
  char bytes[128];
};
using NcclComm = struct NcclCommOpaque*;
/// ncclSuccess and ncclInProgress; all others are failures.
enum NcclResult : int { NCCL_SUCCESS = 0, NCCL_IN_PROGRESS = 7 };
enum NcclType : int { NCCL_INT32 = 2, NCCL_FLOAT32 = 7, NCCL_FLOAT64 = 8, NCCL_BFLOAT16 = 9 };
enum NcclOperation : int { NCCL_SUM = 0 };

struct NcclLibrary {
  NcclResult (*get_version)(int* version);
  NcclResult (*get_unique_id)(NcclId* id);
  NcclResult (*init_rank)(NcclComm* comm, int size, NcclId id, int rank);
  NcclResult (*abort)(NcclComm comm);
  NcclResult (*destroy)(NcclComm comm);
  NcclResult (*async_error)(NcclComm comm, NcclResult* error);
  const char* (*error_string)(NcclResult result);
  const char* (*last_error)(NcclComm comm);
  NcclResult (*group_start)();
  NcclResult (*group_end)();
  NcclResult (*all_reduce)(const void* from, void* to, size_t count, NcclType type, NcclOperation operation, NcclComm comm, cudaStream_t stream);
  NcclResult (*reduce)(const void* from, void* to, size_t count, NcclType type, NcclOperation operation, int root, NcclComm comm, cudaStream_t stream);
  NcclResult (*reduce_scatter)(const void* from, void* to, size_t each, NcclType type, NcclOperation operation, NcclComm comm, cudaStream_t stream);
  NcclResult (*broadcast)(const void* from, void* to, size_t count, NcclType type, int root, NcclComm comm, cudaStream_t stream);
  NcclResult (*all_gather)(const void* from, void* to, size_t each, NcclType type, NcclComm comm, cudaStream_t stream);
  NcclResult (*send)(const void* from, size_t count, NcclType type, int peer, NcclComm comm, cudaStream_t stream);
  NcclResult (*receive)(void* to, size_t count, NcclType type, int peer, NcclComm comm, cudaStream_t stream);

  /// MLAC_NCCL, or libnccl.so.2 where the dynamic linker finds it; opened once. Throws a Failure that says what is missing.
  static const NcclLibrary& get();
  /// Throws what `doing` failed of, unless it did not.
  void check(NcclResult result, const char* doing) const;
};

}  // namespace mlac
