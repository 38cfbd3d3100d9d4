// The thread that a session's work is done by.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

/// A thread that does all of a session's work. OpenMP keeps a team of threads for every thread that calls it, and callers such as
/// Node's thread pool come on a different one each time: without this, teams would pile up and wait for each other's cores.
class Worker {
 public:
  Worker() : thread([this] { loop(); }) {}
  ~Worker() {
    run([this] { ended = true; });
    thread.join();
  }

  /// Runs `work` on the thread and waits for its end. What it throws is thrown here.
  void run(std::function<void()> work) {
    std::unique_lock<std::mutex> lock(mutex);
    task = std::move(work);
    changed.notify_all();
    changed.wait(lock, [this] { return !task; });
    if (thrown) std::rethrow_exception(std::exchange(thrown, nullptr));
  }

 private:
  void loop() {
    std::unique_lock<std::mutex> lock(mutex);
    while (!ended) {
      changed.wait(lock, [this] { return bool(task); });
      try {
        task();
      } catch (...) {
        thrown = std::current_exception();
      }
      task = nullptr;
      changed.notify_all();
    }
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::function<void()> task;
  std::exception_ptr thrown;
  bool ended = false;
  std::thread thread;
};
