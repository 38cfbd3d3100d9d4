// Where a program's time on the device goes: every kernel's host function puts an event before and behind its work.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "device.h"
#include "lib/range.cuh"

/// Observes all ranges while it lives. There is one at a time.
class RangeTimes {
 public:
  RangeTimes() {
    current = this;
    mlac::range_observer = observe;
  }
  RangeTimes(const RangeTimes&) = delete;
  ~RangeTimes() {
    mlac::range_observer = nullptr;
    for (const Span& span : spans) {
      cudaEventDestroy(span.begin);
      cudaEventDestroy(span.end);
    }
  }

  /// What one kernel took, all its calls together.
  struct Row {
    const char* name;
    int calls;
    double milliseconds;
  };

  /// In the order of the kernels' first calls. The stream must be done.
  std::vector<Row> rows() const {
    std::vector<Row> rows;
    for (const Span& span : spans) {
      float milliseconds = 0;
      cuda(cudaEventElapsedTime(&milliseconds, span.begin, span.end), "timing the kernels");
      auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return std::strcmp(r.name, span.name) == 0; });
      if (row == rows.end()) row = rows.insert(rows.end(), Row{span.name, 0, 0});
      row->calls += 1;
      row->milliseconds += milliseconds;
    }
    return rows;
  }

  /// "name, tab, calls a round, tab, milliseconds a round" for every kernel.
  std::string lines(int rounds) const {
    std::string text;
    for (const Row& row : rows())
      text += std::string(row.name) + "\t" + std::to_string(row.calls / rounds) + "\t" + std::to_string(row.milliseconds / rounds) + "\n";
    return text;
  }

 private:
  struct Span {
    const char* name;
    cudaEvent_t begin, end;
  };

  static void observe(cudaStream_t stream, const char* name, bool begins) {
    if (begins) {
      Span span{name, nullptr, nullptr};
      cudaEventCreate(&span.begin);
      cudaEventCreate(&span.end);
      current->spans.push_back(span);
    }
    cudaEventRecord(begins ? current->spans.back().begin : current->spans.back().end, stream);
  }

  inline static RangeTimes* current = nullptr;
  std::vector<Span> spans;
};
