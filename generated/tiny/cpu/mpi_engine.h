// The process's MPI, and the one thread that calls it.
#pragma once

#include <mpi.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

namespace mlac {

inline void check(int status, const char* doing) {
  if (status == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(status, text, &length);
  throw std::runtime_error(std::string(doing) + " failed in MPI: " + std::string(text, length));
}

/// The process's MPI and the thread that calls it: started once, ended with the process, as MPI wants it.
class Engine {
 public:
  static Engine& instance() {
    static Engine engine;
    return engine;
  }

  /// Runs `task` on the thread, after those of before.
  void later(std::function<void()> task) {
    std::lock_guard<std::mutex> lock(mutex);
    tasks.push_back(std::move(task));
    changed.notify_all();
  }
  /// Until all tasks are done.
  void drain() {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [this] { return tasks.empty(); });
  }

  std::atomic<bool> broken{false};  // somebody is gone: MPI_Finalize would wait for him
  double patience = 0;              // seconds that the end waits for the others

 private:
  Engine() : thread([this] { loop(); }) {}
  ~Engine() {
    later([this] {
      finalize();
      ended = true;
    });
    thread.join();
  }

  void loop() {
    std::unique_lock<std::mutex> lock(mutex);
    while (!ended) {
      changed.wait(lock, [this] { return !tasks.empty(); });
      const std::function<void()>& task = tasks.front();
      lock.unlock();
      task();
      lock.lock();
      tasks.pop_front();
      changed.notify_all();
    }
  }

  // The others may still be at work: until they come here, too, or do not.
  void finalize() {
    int started = 0, done = 0;
    MPI_Initialized(&started);
    MPI_Finalized(&done);
    if (!started || done || broken) return;
    MPI_Request request;
    if (MPI_Ibarrier(MPI_COMM_WORLD, &request) != MPI_SUCCESS) return;
    const auto begin = std::chrono::steady_clock::now();
    for (int there = 0; !there;) {
      if (MPI_Test(&request, &there, MPI_STATUS_IGNORE) != MPI_SUCCESS) return;
      if (std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() > patience) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    MPI_Finalize();
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> tasks;
  bool ended = false;
  std::thread thread;
};

}  // namespace mlac
