// Where a program's time goes on the processor: every kernel's function tells when it begins and ends. And how fast memory is copied.
#pragma once

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "lib/range.h"

/// Observes all kernels while it lives. There is one at a time.
class RangeTimes {
 public:
  RangeTimes() {
    current = this;
    mlac::range_observer = observe;
  }
  RangeTimes(const RangeTimes&) = delete;
  ~RangeTimes() { mlac::range_observer = nullptr; }

  /// "name, tab, calls a round, tab, milliseconds a round" for every kernel, in the order of their first calls.
  std::string lines(int rounds) const {
    std::string text;
    for (const Row& row : rows)
      text += std::string(row.name) + "\t" + std::to_string(row.calls / rounds) + "\t" + std::to_string(row.milliseconds / rounds) + "\n";
    return text;
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Row {
    const char* name;
    int calls;
    double milliseconds;
  };

  static void observe(const char* name, bool begins) {
    if (begins) {
      current->begin = Clock::now();
      return;
    }
    const double milliseconds = std::chrono::duration<double, std::milli>(Clock::now() - current->begin).count();
    std::vector<Row>& rows = current->rows;
    auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return std::strcmp(r.name, name) == 0; });
    if (row == rows.end()) row = rows.insert(rows.end(), Row{name, 0, 0});
    row->calls += 1;
    row->milliseconds += milliseconds;
  }

  inline static RangeTimes* current = nullptr;
  std::vector<Row> rows;
  Clock::time_point begin;
};

/// Bytes read and written in a second while all threads copy the first half of this memory over the second; the best of `rounds`.
inline double copy_speed(char* memory, int64_t bytes, int rounds) {
  const int64_t half = bytes / 2;
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
#pragma omp parallel
    {
      const int64_t threads = omp_get_num_threads(), thread = omp_get_thread_num();
      const int64_t from = half * thread / threads, to = half * (thread + 1) / threads;
      std::memcpy(memory + half + from, memory + from, to - from);
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    best = std::max(best, 2. * double(half) / seconds);
  }
  return best;
}
