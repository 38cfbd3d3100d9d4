// Which collective the device is at, for whoever waits for it: the device itself writes numbers to pinned memory as it begins and ends each.
#pragma once

#include <cuda_runtime.h>

#include <cstring>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "collectives.h"
#include "device.h"

namespace mlac {

/// The collectives of one call, in their order; those of a captured graph are the same each time.
struct Phase {
  std::vector<const char*> names;
  Sent sent;
  /// Between two events the session's stream waits for the other one. Events of earlier, longer calls are kept.
  std::vector<std::pair<cudaEvent_t, cudaEvent_t>> waits;
  size_t wait_count = 0;

  void clear() {
    names.clear();
    sent = {};
    wait_count = 0;
  }
};

class Progress {
 public:
  static constexpr int MOST = 8192;  // collectives in a phase

  void open() {
    cuda(cudaHostAlloc(&reached, 2 * sizeof(int), cudaHostAllocDefault), "taking pinned memory");
    cuda(cudaMalloc(&numbers, (MOST + 1) * sizeof(int)), "taking memory");
    std::vector<int> count(MOST + 1);
    for (int i = 0; i <= MOST; ++i) count[i] = i;
    cuda(cudaMemcpy(numbers, count.data(), count.size() * sizeof(int), cudaMemcpyHostToDevice), "counting");
    reached[0] = reached[1] = 0;
  }
  void close() {
    cudaFreeHost(const_cast<int*>(reached));
    cudaFree(numbers);
  }

  /// From now on the device goes through these. Nothing is under way.
  void start(Phase& next) {
    std::lock_guard<std::mutex> lock(mutex);
    finish();
    phase = &next;
    reached[0] = reached[1] = 0;
  }
  /// The device has gone through all of them.
  void end() {
    std::lock_guard<std::mutex> lock(mutex);
    finish();
  }

  void begins(cudaStream_t stream, const char* name) {
    std::lock_guard<std::mutex> lock(mutex);
    if (phase->names.size() >= MOST) throw Failure("there are more collectives in one step than can be counted");
    phase->names.push_back(name);
    write(stream, 0);
  }
  void ends(cudaStream_t stream) { write(stream, 1); }

  /// Changes whenever something was done.
  int mark() const { return reached[0] + reached[1]; }

  std::string where() const {
    std::lock_guard<std::mutex> lock(mutex);
    const int begun = phase ? reached[0] : 0, ended = phase ? reached[1] : 0;
    const auto say = [](const char* name, int64_t number, const char* waits) { return std::string(name) + "\t" + std::to_string(number) + "\t" + waits; };
    if (begun > ended) return say(phase->names[begun - 1], before + begun, "other ranks");
    // It is at its own kernels, before the next collective or behind the last one.
    return say(ended > 0 ? phase->names[ended - 1] : last, before + ended, "nothing");
  }

 private:
  void finish() {
    if (phase && !phase->names.empty()) {
      before += int64_t(phase->names.size());
      last = phase->names.back();
    }
    phase = nullptr;
  }
  // A copy and no kernel: a kernel would wait for room among those of the backward pass.
  void write(cudaStream_t stream, int which) {
    cuda(cudaMemcpyAsync(const_cast<int*>(reached) + which, numbers + phase->names.size(), sizeof(int), cudaMemcpyDeviceToHost, stream), "counting collectives");
  }

  volatile int* reached = nullptr;  // [begun, ended], in pinned memory
  int* numbers = nullptr;           // on the device: 0, 1, 2 …
  mutable std::mutex mutex;
  Phase* phase = nullptr;
  int64_t before = 0;           // in phases that are over
  const char* last = "none";  // of them
};

}  // namespace mlac
