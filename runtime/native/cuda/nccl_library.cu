#include "nccl_library.h"

#include <dlfcn.h>

#include <cstdlib>

#include "device.h"

namespace mlac {

namespace {

constexpr int OLDEST = 21400;  // 2.14.0

NcclLibrary open() {
  // NVLink's multicast takes memory and a driver service that containers often lack; whoever wants it sets this to 1.
  setenv("NCCL_NVLS_ENABLE", "0", 0);
  const char* const wanted = std::getenv("MLAC_NCCL");
  const char* const name = wanted && *wanted ? wanted : "libnccl.so.2";
  void* const handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    throw Failure(std::string("NVIDIA's NCCL, by which GPUs train together, cannot be loaded (") + dlerror() +
                  "); install it (Debian, Ubuntu: libnccl2; pip: nvidia-nccl-cu12), or set MLAC_NCCL to its libnccl.so.2");
  NcclLibrary nccl{};
  const auto find = [=](auto& function, const char* symbol) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(handle, symbol));
    if (!function) throw Failure(std::string(name) + " has no " + symbol + "; mlac needs NCCL 2.14 or newer");
  };
  find(nccl.get_version, "ncclGetVersion");
  find(nccl.get_unique_id, "ncclGetUniqueId");
  find(nccl.init_rank, "ncclCommInitRank");
  find(nccl.abort, "ncclCommAbort");
  find(nccl.destroy, "ncclCommDestroy");
  find(nccl.async_error, "ncclCommGetAsyncError");
  find(nccl.error_string, "ncclGetErrorString");
  find(nccl.last_error, "ncclGetLastError");
  find(nccl.group_start, "ncclGroupStart");
  find(nccl.group_end, "ncclGroupEnd");
  find(nccl.all_reduce, "ncclAllReduce");
  find(nccl.reduce, "ncclReduce");
  find(nccl.reduce_scatter, "ncclReduceScatter");
  find(nccl.broadcast, "ncclBroadcast");
  find(nccl.all_gather, "ncclAllGather");
  find(nccl.send, "ncclSend");
  find(nccl.receive, "ncclRecv");
  int version = 0;
  if (nccl.get_version(&version) != NCCL_SUCCESS || version < OLDEST)
    throw Failure(std::string(name) + " is NCCL " + std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "; mlac needs 2.14 or newer");
  return nccl;
}

}  // namespace

const NcclLibrary& NcclLibrary::get() {
  static const NcclLibrary nccl = open();
  return nccl;
}

void NcclLibrary::check(NcclResult result, const char* doing) const {
  if (result == NCCL_SUCCESS || result == NCCL_IN_PROGRESS) return;
  const char* const more = last_error(nullptr);
  throw DeviceFailure(std::string(doing) + " failed in NCCL: " + error_string(result) + (more && *more ? std::string(" (") + more + ")" : ""));
}

}  // namespace mlac
