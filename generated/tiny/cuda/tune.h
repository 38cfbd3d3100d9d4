// Which way each kernel computes its contraction: measured on this GPU, or taken from an earlier measurement.
#pragma once

#include <cuda_runtime.h>

#include <string>

/// As mlac_tune in extra.h says; the batch is in the arena.
std::string tune(cudaStream_t stream, char* arena, int rounds);

/// As mlac_set_choices in extra.h says.
void set_choices(const std::string& text);
