// Collectives over MPI, between processes on processors; built as collectives.so.
//
// One thread of the process does everything that MPI does, in the order in which it was asked: while it exchanges a bucket of gradients the
// backward pass goes on. Every rank sends each owner its numbers, and the owner adds them in the order of the ranks; so the sums have the same
// bits whatever arrives first, which MPI_Reduce does not promise.
#include <mpi.h>

#include <cstring>

#include "mpi_engine.h"
#include "mpi_messages.h"
#include "open_collectives.h"

namespace mlac {
namespace {

class Mpi final : public Collectives {
 public:
  Mpi(int rank, int size, double timeout) : rank(rank), size(size), timeout(timeout) {
    run("meeting the others", [this] { meet(); });
  }
  ~Mpi() override {
    Engine& engine = Engine::instance();
    engine.drain();
    if (!engine.broken) engine.later([comm = comm]() mutable { MPI_Comm_free(&comm); });
  }

  void reduce(const std::vector<Shared>& parts, const char* name) override {
    later(name, [this, parts, name] {
      expect("gradients of all ranks");
      reduce_now(parts, name);
    });
  }

  void gather(const std::vector<Shared>& parts, const char* name) override {
    later(name, [this, parts, name] {
      expect("weights of their owners");
      Messages messages(comm, timeout, aborted);
      for (size_t i = 0; i < parts.size(); ++i)
        for (int other = 0; other < size; ++other) {
          if (other == rank) continue;
          messages.receive(other, int(i), parts[i].part(other), parts[i].count(other), parts[i].number);
          send(messages, other, int(i), parts[i].part(rank), parts[i].count(rank), parts[i].number, false);
        }
      messages.finish(name);
    });
  }

  void sum(void* values, int64_t count, Number number, const char* name) override {
    run(name, [=] {
      expect("the numbers of all ranks");
      const int64_t bytes = count * bytes_of(number);
      const std::vector<char> own(static_cast<char*>(values), static_cast<char*>(values) + bytes);
      room.resize(bytes * size);
      Messages messages(comm, timeout, aborted);
      for (int other = 0; other < size; ++other) {
        if (other == rank) continue;
        messages.receive(other, 0, room.data() + other * bytes, count, number);
        send(messages, other, 0, own.data(), count, number, false);
      }
      messages.finish(name);
      std::memcpy(room.data() + rank * bytes, own.data(), bytes);
      add_ranks(room.data(), bytes, count, number, values);
    });
  }

  void to_first(int from, void* at, int64_t count, Number number, const char* name) override {
    run(name, [=] {
      expect(rank == 0 ? "a tensor of its owner" : "rank 0");
      Messages messages(comm, timeout, aborted);
      if (rank == from) send(messages, 0, 0, at, count, number, false);
      if (rank == 0) messages.receive(from, 0, at, count, number);
      messages.finish(name);
    });
  }

  void wait() override {
    Engine::instance().drain();
    std::lock_guard<std::mutex> lock(mutex);
    if (!failure.empty()) throw std::runtime_error(failure);
  }

  Sent sent() const override {
    std::lock_guard<std::mutex> lock(mutex);
    return given;
  }

  std::string where() const override {
    std::lock_guard<std::mutex> lock(mutex);
    return std::string(current) + "\t" + std::to_string(sequence) + "\t" + waits_for;
  }

  void abort() override {
    aborted = true;
    Engine::instance().broken = true;  // who gives up does not wait for the others at its end, either
  }

 private:
  /// On the engine's thread, not before what came before is done. After a failure nothing is done any more.
  void later(const char* name, std::function<void()> work) {
    Engine::instance().later([this, name, work = std::move(work)] {
      {
        std::lock_guard<std::mutex> lock(mutex);
        if (!failure.empty()) return;
        current = name;
        ++sequence;
      }
      std::string why;
      try {
        work();
      } catch (const std::exception& thrown) {
        Engine::instance().broken = true;
        why = thrown.what();
      }
      std::lock_guard<std::mutex> lock(mutex);
      failure = why;
      waits_for = "nothing";
    });
  }
  void run(const char* name, std::function<void()> work) {
    later(name, std::move(work));
    wait();
  }
  void expect(const char* what) {
    std::lock_guard<std::mutex> lock(mutex);
    waits_for = what;
  }

  void send(Messages& messages, int to, int tag, const void* at, int64_t count, Number number, bool gradients) {
    messages.send(to, tag, at, count, number);
    std::lock_guard<std::mutex> lock(mutex);
    const double bytes = double(count * bytes_of(number));
    given.all += bytes;
    if (gradients) given.gradients += bytes;
  }

  void meet() {
    Engine::instance().patience = timeout;
    int started = 0, level = 0;
    MPI_Initialized(&started);
    if (!started) check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &level), "starting");
    int there = 0, own = 0;
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    check(MPI_Comm_size(MPI_COMM_WORLD, &there), "counting the ranks");
    check(MPI_Comm_rank(MPI_COMM_WORLD, &own), "asking for the rank");
    if (there != size || own != rank)
      throw std::runtime_error("this is rank " + std::to_string(rank) + " of " + std::to_string(size) + ", but MPI knows it as rank " + std::to_string(own) + " of " +
                               std::to_string(there) + "; mpirun, or srun with MPI, must start all of them");
    check(MPI_Comm_dup(MPI_COMM_WORLD, &comm), "meeting the others");
    MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN);
  }

  void reduce_now(const std::vector<Shared>& parts, const char* name) {
    int64_t bytes = 0;
    for (const Shared& part : parts) bytes += part.count(rank) * bytes_of(part.number);
    room.resize(bytes * size);
    Messages messages(comm, timeout, aborted);
    int64_t at = 0;
    for (size_t i = 0; i < parts.size(); ++i) {
      const Shared& part = parts[i];
      for (int other = 0; other < size; ++other) {
        if (other == rank) continue;
        messages.receive(other, int(i), room.data() + other * bytes + at, part.count(rank), part.number);
        send(messages, other, int(i), part.part(other), part.count(other), part.number, true);
      }
      std::memcpy(room.data() + rank * bytes + at, part.part(rank), part.count(rank) * bytes_of(part.number));
      at += part.count(rank) * bytes_of(part.number);
    }
    messages.finish(name);
    at = 0;
    for (const Shared& part : parts) {
      add_ranks(room.data() + at, bytes, part.count(rank), part.number, part.part(rank));
      at += part.count(rank) * bytes_of(part.number);
    }
  }

  /// out[i] = the sum of what each rank has at i, in the order of the ranks, whose numbers lie `stride` bytes apart.
  void add_ranks(const char* from, int64_t stride, int64_t count, Number number, void* out) const {
    if (number == Number::f64) add<double>(from, stride, count, static_cast<double*>(out));
    else if (number == Number::f32) add<float>(from, stride, count, static_cast<float*>(out));
    else add<int32_t>(from, stride, count, static_cast<int32_t*>(out));
  }
  template <typename T>
  void add(const char* from, int64_t stride, int64_t count, T* out) const {
    std::memcpy(out, from, count * sizeof(T));
    for (int other = 1; other < size; ++other) {
      const auto* values = reinterpret_cast<const T*>(from + other * stride);
      for (int64_t i = 0; i < count; ++i) out[i] += values[i];
    }
  }

  const int rank, size;
  const double timeout;
  MPI_Comm comm = MPI_COMM_NULL;
  std::atomic<bool> aborted{false};
  std::vector<char> room;  // for what arrives: of one bucket, from every rank

  mutable std::mutex mutex;  // of what follows
  Sent given;
  std::string failure;
  const char* current = "none";
  const char* waits_for = "nothing";
  int64_t sequence = 0;
};

}  // namespace
}  // namespace mlac

extern "C" __attribute__((visibility("default"))) mlac::Collectives* mlac_open_mpi(int rank, int size, double timeout, std::string* why) {
  try {
    return new mlac::Mpi(rank, size, timeout);
  } catch (const std::exception& failure) {
    *why = failure.what();
    return nullptr;
  }
}
