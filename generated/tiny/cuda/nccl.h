// Collectives over NCCL, between GPUs: put on a stream of their own, beside the session's, and captured with it.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "collectives.h"
#include "nccl_library.h"
#include "progress.h"

namespace mlac {

class Nccl final : public Collectives {
 public:
  /// Collective. `main` is the session's stream, on this thread's GPU. Throws a Failure if the others do not come within `timeout` seconds.
  Nccl(int rank, int size, const NcclId& id, double timeout, cudaStream_t main);
  ~Nccl() override;

  void reduce(const std::vector<Shared>& parts, const char* name) override;
  void gather(const std::vector<Shared>& parts, const char* name) override;
  void sum(void* values, int64_t count, Number number, const char* name) override;
  void to_first(int from, void* at, int64_t count, Number number, const char* name) override;
  void wait() override;
  Sent sent() const override { return given; }
  std::string where() const override { return progress.where(); }
  void abort() override { aborted = true; }

  /// Everything until `finish` is one call: captured now, replayed, or put on the streams as it comes.
  void capture() { begin(captured, true); }
  void replay() { progress.start(captured), current = &captured; }
  void begin() { begin(direct, false); }
  /// Until the session's stream is done; throws a DeviceFailure if NCCL fails, if nothing moves for too long, or if whoever waits gives up.
  void finish(const char* doing);
  /// After a failure: the device's work ends, as far as it waits for other ranks, and NCCL lets go of what it has. `forget_graphs` is called
  /// when nothing runs any more. Takes two seconds at most.
  void break_off(const std::function<void()>& forget_graphs);
  /// Seconds that the session's stream waited for the other one, in the call that was finished last.
  double waited_seconds() const { return waited; }

 private:
  void begin(Phase& phase, bool capturing);
  void enqueue(const char* name, const std::function<void()>& work);
  void warm_up();
  void count_sent(double bytes, bool gradients);

  const NcclLibrary& nccl;
  const int rank, size;
  const double timeout;
  const cudaStream_t main;
  cudaStream_t side = nullptr;
  cudaEvent_t ready = nullptr, joined = nullptr;
  NcclComm comm = nullptr;
  Progress progress;
  Phase captured, direct;
  Phase* current = nullptr;
  bool capturing = false;
  Sent given;
  double waited = 0;
  std::atomic<bool> aborted{false};
};

}  // namespace mlac
