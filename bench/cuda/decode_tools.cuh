// What checks and timings of decoding's kernels share: run against run, and launches in a row as a step has them.
#pragma once

#include <cstring>
#include <functional>

#include "check.cuh"
#include "lib/kernel.cuh"

using check::Device;
using mlac::bf16;

namespace {

double at(const std::vector<bf16>& x, int64_t i) { return double(float(x[i])); }

template <typename T>
void same_again(const std::string& name, const Device<T>& out, const std::function<void()>& work) {
  const auto first = out.host();
  double differ = 0;
  for (int round = 0; round < 3; ++round) {
    CUDA_OK(cudaMemset(out.data, 0xff, out.count * sizeof(T)));
    work();
    CUDA_OK(cudaDeviceSynchronize());
    const auto again = out.host();
    for (int64_t i = 0; i < out.count; ++i) differ += std::memcmp(&again[i], &first[i], sizeof(T)) != 0;
  }
  check::report(name + " the same bits again", differ, 0);
}

template <typename Kernel>
double speed(double bytes, const Kernel& kernel, double& ms) {
  ms = check::milliseconds(kernel, 21);
  return bytes / ms * 1e-9;
}

double copy_speed() {
  Device<char> a(int64_t(1) << 31), b(int64_t(1) << 31);
  double ms;
  return speed(2. * a.count, [&] { CUDA_OK(cudaMemcpyAsync(a, b, a.count, cudaMemcpyDeviceToDevice)); }, ms);
}

/// Many launches behind one another, each with weights of its own, so that no cache holds them: as in a step. Milliseconds of one.
double in_a_row(int count, const std::function<void(cudaStream_t, int)>& launch) {
  cudaStream_t stream;
  CUDA_OK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  cudaGraph_t graph;
  cudaGraphExec_t program;
  CUDA_OK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  for (int i = 0; i < count; ++i) launch(stream, i);
  CUDA_OK(cudaStreamEndCapture(stream, &graph));
  CUDA_OK(cudaGraphInstantiate(&program, graph, 0));
  cudaEvent_t begin, end;
  CUDA_OK(cudaEventCreate(&begin));
  CUDA_OK(cudaEventCreate(&end));
  std::vector<float> times(9);
  for (int round = -2; round < int(times.size()); ++round) {
    CUDA_OK(cudaEventRecord(begin, stream));
    CUDA_OK(cudaGraphLaunch(program, stream));
    CUDA_OK(cudaEventRecord(end, stream));
    CUDA_OK(cudaEventSynchronize(end));
    if (round >= 0) CUDA_OK(cudaEventElapsedTime(&times[round], begin, end));
  }
  std::sort(times.begin(), times.end());
  cudaGraphExecDestroy(program);
  cudaGraphDestroy(graph);
  cudaStreamDestroy(stream);
  return times[times.size() / 2] / count;
}

double copied;  // TB/s

void tell(const std::string& name, double ms, double bytes) {
  std::printf("%-62s %9.2f us %8.1f MB %6.2f TB/s %5.1f %%\n", name.c_str(), 1e3 * ms, 1e-6 * bytes, bytes / ms * 1e-9, bytes / ms * 1e-7 / copied);
  std::fflush(stdout);
}

}  // namespace
