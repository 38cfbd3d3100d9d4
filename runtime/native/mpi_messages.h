// Numbers on their way between processes.
#pragma once

#include <mpi.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "collectives.h"
#include "mpi_engine.h"

namespace mlac {

/// Messages on their way, to and from any rank. None is of more numbers than MPI can count.
class Messages {
 public:
  Messages(MPI_Comm comm, double timeout, const std::atomic<bool>& aborted) : comm(comm), timeout(timeout), aborted(aborted) {}

  void send(int to, int tag, const void* at, int64_t count, Number number) {
    for_parts(count, [&](int64_t begin, int part) {
      requests.emplace_back();
      const char* from = static_cast<const char*>(at) + begin * bytes_of(number);
      check(MPI_Isend(from, part, type_of(number), to, tag, comm, &requests.back()), "sending");
    });
  }
  void receive(int from, int tag, void* at, int64_t count, Number number) {
    for_parts(count, [&](int64_t begin, int part) {
      requests.emplace_back();
      char* to = static_cast<char*>(at) + begin * bytes_of(number);
      check(MPI_Irecv(to, part, type_of(number), from, tag, comm, &requests.back()), "receiving");
    });
  }

  /// Until all have arrived. Throws if nothing moves for too long, or if whoever waits gives up.
  void finish(const char* name) {
    using Clock = std::chrono::steady_clock;
    std::vector<int> arrived(requests.size());
    auto last = Clock::now();
    for (size_t open = requests.size(); open > 0;) {
      int count = 0;
      check(MPI_Testsome(int(requests.size()), requests.data(), &count, arrived.data(), MPI_STATUSES_IGNORE), name);
      const auto now = Clock::now();
      const double idle = std::chrono::duration<double>(now - last).count();
      if (count > 0 && count != MPI_UNDEFINED) {
        open -= count;
        last = now;
      } else if (aborted) {
        throw std::runtime_error(std::string("gave up waiting for other ranks in ") + name);
      } else if (idle > timeout) {
        throw std::runtime_error("no other rank was heard of for " + std::to_string(int(timeout)) + " s in " + name);
      } else if (idle < 2e-3) {
        std::this_thread::yield();
      } else {
        std::this_thread::sleep_for(std::chrono::microseconds(idle < 0.1 ? 50 : 1000));
      }
    }
  }

 private:
  template <typename Work>
  static void for_parts(int64_t count, const Work& work) {
    constexpr int64_t MOST = int64_t{1} << 30;
    for (int64_t begin = 0; begin < count; begin += MOST) work(begin, int(std::min(MOST, count - begin)));
  }
  static MPI_Datatype type_of(Number number) {
    return number == Number::f64 ? MPI_DOUBLE : number == Number::f32 ? MPI_FLOAT : number == Number::i32 ? MPI_INT32_T : MPI_UINT16_T;
  }

  const MPI_Comm comm;
  const double timeout;
  const std::atomic<bool>& aborted;
  std::vector<MPI_Request> requests;
};

}  // namespace mlac
