// The programs of a model as CUDA graphs.
#pragma once

#include <functional>
#include <utility>

#include "device.h"
#include "lib/launched.cuh"

/// A program of the model, captured at its first use.
class Program {
 public:
  Program(std::function<void(cudaStream_t, char*)> emit, const char* name) : emit(std::move(emit)), name(name) {}

  bool captured() const { return graph; }
  void launch(cudaStream_t stream, char* arena) {
    if (!graph) capture(stream, arena);
    cuda(cudaGraphLaunch(graph, stream), name);
  }
  void close() {
    if (graph) cudaGraphExecDestroy(graph);
    graph = nullptr;
  }

 private:
  void capture(cudaStream_t stream, char* arena) {
    cudaGraph_t captured = nullptr;
    // Relaxed: kernels are loaded at their first launch, which may take memory.
    cuda(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed), name);
    emit(stream, arena);
    const cudaError_t launched = mlac::take_failure(), ended = cudaStreamEndCapture(stream, &captured);
    cudaError_t status = launched != cudaSuccess ? launched : ended;
    if (status == cudaSuccess) status = cudaGraphInstantiate(&graph, captured, 0);
    if (captured) cudaGraphDestroy(captured);
    cuda(status, name);
  }

  const std::function<void(cudaStream_t, char*)> emit;
  const char* const name;
  cudaGraphExec_t graph = nullptr;
};
