#include "nccl.h"

#include <chrono>
#include <memory>
#include <thread>

#include "device.h"

namespace mlac {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

NcclType type_of(Number number) {
  switch (number) {
    case Number::f64: return NCCL_FLOAT64;
    case Number::bf16: return NCCL_BFLOAT16;
    case Number::i32: return NCCL_INT32;
    default: return NCCL_FLOAT32;
  }
}

/// Whether every rank owns as much as the others.
bool is_even(const Shared& part, int size) {
  for (int rank = 1; rank < size; ++rank)
    if (part.count(rank) != part.count(0)) return false;
  return part.count(0) > 0;
}

/// Until `done`, but no longer than a second.
void wait_briefly(const std::function<bool()>& done) {
  for (const auto begin = Clock::now(); !done() && seconds_since(begin) < 1;) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

double bytes_of(const Shared& part, int rank) { return double(part.count(rank) * bytes_of(part.number)); }

/// ncclCommInitRank comes back when all ranks have called it, and cannot be called off: it gets a thread, which is left to itself if they do not.
NcclComm meet(const NcclLibrary& nccl, int rank, int size, const NcclId& id, double timeout) {
  struct Meeting {
    std::atomic<bool> over{false};
    NcclComm comm = nullptr;
    NcclResult result = NCCL_SUCCESS;
  };
  auto meeting = std::make_shared<Meeting>();
  int gpu = 0;
  cuda(cudaGetDevice(&gpu), "asking for the GPU");
  std::thread([=, &nccl] {
    cudaSetDevice(gpu);
    meeting->result = nccl.init_rank(&meeting->comm, size, id, rank);
    meeting->over = true;
  }).detach();
  const auto begin = Clock::now();
  while (!meeting->over) {
    if (seconds_since(begin) > timeout)
      throw Failure("rank " + std::to_string(rank) + " waited " + std::to_string(int(timeout)) + " s for the other " + std::to_string(size - 1) + " ranks, and not all of them came");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  nccl.check(meeting->result, "meeting the other ranks");
  return meeting->comm;
}

}  // namespace

Nccl::Nccl(int rank, int size, const NcclId& id, double timeout, cudaStream_t main) : nccl(NcclLibrary::get()), rank(rank), size(size), timeout(timeout), main(main) {
  comm = meet(nccl, rank, size, id, timeout);
  // Before what the session's stream still has to do: whoever waits for a bucket waits for all ranks.
  int least = 0, greatest = 0;
  cuda(cudaDeviceGetStreamPriorityRange(&least, &greatest), "making a stream");
  cuda(cudaStreamCreateWithPriority(&side, cudaStreamNonBlocking, greatest), "making a stream");
  cuda(cudaEventCreateWithFlags(&ready, cudaEventDisableTiming), "making an event");
  cuda(cudaEventCreateWithFlags(&joined, cudaEventDisableTiming), "making an event");
  progress.open();
  warm_up();
}

Nccl::~Nccl() {
  if (comm) nccl.destroy(comm);
  for (Phase* phase : {&captured, &direct})
    for (const auto& [before, after] : phase->waits) {
      cudaEventDestroy(before);
      cudaEventDestroy(after);
    }
  cudaEventDestroy(ready);
  cudaEventDestroy(joined);
  cudaStreamDestroy(side);
  progress.close();
}

// NCCL connects the GPUs at the first use of each kind of collective, which is not to happen while a graph is captured.
void Nccl::warm_up() {
  char* room = nullptr;
  const int64_t bytes = 4096 * int64_t(size);
  cuda(cudaMalloc(&room, bytes), "taking memory");
  cuda(cudaMemsetAsync(room, 0, bytes, main), "clearing memory");
  std::vector<int64_t> even(size + 1), uneven(size + 1, 1);
  for (int r = 0; r <= size; ++r) even[r] = r;
  uneven[0] = 0;
  const std::vector<Shared> parts = {{room, Number::f32, even.data(), 1024}, {room, Number::f32, uneven.data(), 1024}};
  try {
    begin();
    reduce(parts, "meeting");
    gather(parts, "meeting");
    sum(room, 16, Number::f64, "meeting");
    finish("meeting the other ranks");
  } catch (const Failure&) {
    break_off([] {});
    throw;
  }
  given = {};
  cudaFree(room);
}

void Nccl::begin(Phase& phase, bool in_capture) {
  phase.clear();
  progress.start(phase);
  current = &phase;
  capturing = in_capture;
}

void Nccl::count_sent(double bytes, bool gradients) {
  current->sent.all += bytes;
  if (gradients) current->sent.gradients += bytes;
}

void Nccl::enqueue(const char* name, const std::function<void()>& work) {
  if (aborted) throw DeviceFailure(std::string("gave up waiting for other ranks in ") + name);
  cuda(cudaEventRecord(ready, main), name);
  cuda(cudaStreamWaitEvent(side, ready, 0), name);
  progress.begins(side, name);
  nccl.check(nccl.group_start(), name);
  work();
  nccl.check(nccl.group_end(), name);
  progress.ends(side);
}

void Nccl::reduce(const std::vector<Shared>& parts, const char* name) {
  enqueue(name, [&] {
    for (const Shared& part : parts) {
      const NcclType type = type_of(part.number);
      for (int owner = 0; owner < size; ++owner)
        if (owner != rank) count_sent(bytes_of(part, owner), true);
      if (is_even(part, size)) {
        nccl.check(nccl.reduce_scatter(part.at, part.part(rank), part.count(rank), type, NCCL_SUM, comm, side), name);
        continue;
      }
      for (int owner = 0; owner < size; ++owner)
        if (part.count(owner) > 0) nccl.check(nccl.reduce(part.part(owner), part.part(owner), part.count(owner), type, NCCL_SUM, owner, comm, side), name);
    }
  });
}

void Nccl::gather(const std::vector<Shared>& parts, const char* name) {
  enqueue(name, [&] {
    for (const Shared& part : parts) {
      const NcclType type = type_of(part.number);
      count_sent(bytes_of(part, rank) * (size - 1), false);
      if (is_even(part, size)) {
        nccl.check(nccl.all_gather(part.part(rank), part.at, part.count(rank), type, comm, side), name);
        continue;
      }
      for (int owner = 0; owner < size; ++owner)
        if (part.count(owner) > 0) nccl.check(nccl.broadcast(part.part(owner), part.part(owner), part.count(owner), type, owner, comm, side), name);
    }
  });
}

void Nccl::sum(void* values, int64_t count, Number number, const char* name) {
  enqueue(name, [&] {
    count_sent(double(count * mlac::bytes_of(number)) * (size - 1), false);
    nccl.check(nccl.all_reduce(values, values, count, type_of(number), NCCL_SUM, comm, side), name);
  });
  wait();
}

void Nccl::to_first(int from, void* at, int64_t count, Number number, const char* name) {
  if (from == 0) return;
  enqueue(name, [&] {
    if (rank == from) {
      count_sent(double(count * mlac::bytes_of(number)), false);
      nccl.check(nccl.send(at, count, type_of(number), 0, comm, side), name);
    }
    if (rank == 0) nccl.check(nccl.receive(at, count, type_of(number), from, comm, side), name);
  });
  wait();
}

void Nccl::wait() {
  Phase& phase = *current;
  if (phase.wait_count == phase.waits.size()) {
    phase.waits.emplace_back();
    cuda(cudaEventCreate(&phase.waits.back().first), "making an event");
    cuda(cudaEventCreate(&phase.waits.back().second), "making an event");
  }
  const auto& [before, after] = phase.waits[phase.wait_count++];
  const unsigned flags = capturing ? cudaEventRecordExternal : cudaEventRecordDefault;
  cuda(cudaEventRecord(joined, side), "waiting for other ranks");
  cuda(cudaEventRecordWithFlags(before, main, flags), "waiting for other ranks");
  cuda(cudaStreamWaitEvent(main, joined, 0), "waiting for other ranks");
  cuda(cudaEventRecordWithFlags(after, main, flags), "waiting for other ranks");
}

// ncclCommAbort tells NCCL's kernels to end, and then waits for every graph that holds some of them to be gone: forever, where whoever has
// the graphs waits for it. So it gets a thread.
void Nccl::break_off(const std::function<void()>& forget_graphs) {
  if (!comm) return;
  auto over = std::make_shared<std::atomic<bool>>(false);
  int gpu = 0;
  cudaGetDevice(&gpu);
  std::thread([over, gpu, comm = comm, abort = nccl.abort] {
    cudaSetDevice(gpu);
    abort(comm);
    *over = true;
  }).detach();
  comm = nullptr;
  wait_briefly([this] { return cudaStreamQuery(main) != cudaErrorNotReady && cudaStreamQuery(side) != cudaErrorNotReady; });
  forget_graphs();
  wait_briefly([over] { return over->load(); });
}

void Nccl::finish(const char* doing) {
  auto last = Clock::now();
  int mark = -1;
  for (cudaError_t status; (status = cudaStreamQuery(main)) != cudaSuccess;) {
    if (status != cudaErrorNotReady) cuda(status, doing);
    const double idle = seconds_since(last);
    if (progress.mark() != mark) {
      mark = progress.mark();
      last = Clock::now();
    }
    if (aborted) throw DeviceFailure("gave up waiting for other ranks in " + std::string(doing));
    NcclResult error = NCCL_SUCCESS;
    nccl.check(nccl.async_error(comm, &error), doing);
    if (error != NCCL_SUCCESS && error != NCCL_IN_PROGRESS) throw DeviceFailure(std::string(doing) + " failed in NCCL: " + nccl.error_string(error));
    if (idle > timeout) throw DeviceFailure("nothing moved for " + std::to_string(int(timeout)) + " s in " + doing);
    // A step takes milliseconds at least: the processor need not be kept busy for the last of them.
    std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
  given.all += current->sent.all;
  given.gradients += current->sent.gradients;
  waited = 0;
  for (size_t i = 0; i < current->wait_count; ++i) {
    float milliseconds = 0;
    cuda(cudaEventElapsedTime(&milliseconds, current->waits[i].first, current->waits[i].second), doing);
    waited += milliseconds * 1e-3;
  }
  progress.end();
}

}  // namespace mlac
