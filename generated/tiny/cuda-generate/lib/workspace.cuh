// How a kernel's workspace is shared out: one array after the other, each from a multiple of 256 bytes.
#pragma once

#include <cstdint>

namespace mlac {

constexpr int64_t WORKSPACE_ALIGNMENT = 256;

/// Bytes of one array of a workspace. compiler/emit/cuda/own.ts adds up the same.
constexpr int64_t room(int64_t count, int64_t element) { return (count * element + WORKSPACE_ALIGNMENT - 1) / WORKSPACE_ALIGNMENT * WORKSPACE_ALIGNMENT; }

/// All of a workspace, for a function that asks how large it is.
struct Scratch {
  char* at = nullptr;
  int64_t bytes = 0;
};

struct Workspace {
  char* next;
  template <typename T>
  T* take(int64_t count) {
    T* array = reinterpret_cast<T*>(next);
    next += room(count, sizeof(T));
    return array;
  }
};

}  // namespace mlac
