// What the emitted cases.cu gives to cases_session.cu: kernels of a model, each with its arguments taken from one block of memory.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

/// Calls a kernel's host function; argument i lies `at[i]` bytes from the block's start.
using Case = void (*)(cudaStream_t stream, char* memory, const int64_t* at);

/// Constants that kernels read: `length` numbers, each from its index.
struct CaseTable {
  int64_t length;
  double (*entry)(int64_t i);
};

extern const Case CASES[];
extern const int64_t CASE_COUNT;
extern const CaseTable CASE_TABLES[];
