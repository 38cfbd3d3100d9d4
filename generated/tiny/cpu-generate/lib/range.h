// Which kernel of the model is running, for whoever measures.
#pragma once

namespace mlac {

/// Called at the beginning and at the end of every kernel's function, while it is set.
inline void (*range_observer)(const char* name, bool begins) = nullptr;

/// Lives as long as a kernel's function.
struct Range {
  explicit Range(const char* name) : name(name) {
    if (range_observer) range_observer(name, true);
  }
  ~Range() {
    if (range_observer) range_observer(name, false);
  }
  const char* name;
};

}  // namespace mlac
