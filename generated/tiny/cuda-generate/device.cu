#include "device.h"

#include <cstdlib>

namespace {

std::string version(int number) { return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10); }

[[noreturn]] void no_driver() {
  int driver = 0, needed = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&needed);
  if (driver == 0) throw Failure("this machine has no NVIDIA driver, or it is not loaded (nvidia-smi tells)");
  throw Failure("the NVIDIA driver is too old: it knows CUDA " + version(driver) + ", and the model was built with CUDA " + version(needed) +
                "; update the driver, or build with an older CUDA toolkit");
}

int count_gpus() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaErrorInsufficientDriver) no_driver();
  if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0)) {
    const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
    throw Failure(visible ? std::string("no NVIDIA GPU is visible: CUDA_VISIBLE_DEVICES is \"") + visible + "\"" : "this machine has no NVIDIA GPU that the driver can use");
  }
  if (status != cudaSuccess) throw Failure(std::string("the NVIDIA driver does not work: ") + cudaGetErrorString(status));
  return count;
}

/// The number in MLAC_DEVICE, among the visible GPUs.
int wanted_gpu(int count) {
  const char* text = std::getenv("MLAC_DEVICE");
  if (!text || !*text) return 0;
  char* end = nullptr;
  const long index = std::strtol(text, &end, 10);
  if (*end || index < 0 || index >= count)
    throw Failure(std::string("MLAC_DEVICE is \"") + text + "\"; it takes a number from 0 to " + std::to_string(count - 1) + ", one of the visible GPUs");
  return int(index);
}

}  // namespace

Gpu choose_gpu(const void* kernel, int64_t bytes) {
  const int index = wanted_gpu(count_gpus());
  cudaDeviceProp properties{};
  cuda(cudaGetDeviceProperties(&properties, index), "asking for its name");
  const Gpu gpu{index, properties.name};
  const std::string who = "GPU " + std::to_string(index) + " (" + gpu.name + ")";
  cudaError_t status = cudaSetDevice(index);
  if (status == cudaSuccess) status = cudaFree(nullptr);
  if (status != cudaSuccess) throw Failure(who + " cannot be used: " + cudaGetErrorString(status));

  cudaFuncAttributes attributes{};
  status = cudaFuncGetAttributes(&attributes, kernel);
  if (status == cudaErrorNoKernelImageForDevice || status == cudaErrorInvalidDeviceFunction)
    throw Failure(who + " has compute capability " + std::to_string(properties.major) + "." + std::to_string(properties.minor) +
                  ", for which the model was not built; build it on this machine");
  if (status == cudaErrorUnsupportedPtxVersion) no_driver();
  if (status != cudaSuccess) throw Failure(who + " cannot load the model: " + cudaGetErrorString(status));

  size_t free = 0, total = 0;
  cuda(cudaMemGetInfo(&free, &total), "asking for its free memory");
  if (int64_t(free) < bytes)
    throw Failure("the model needs " + std::to_string(bytes) + " bytes of GPU memory; " + who + " has " + std::to_string(free) + " of " + std::to_string(total) + " free");
  return gpu;
}
