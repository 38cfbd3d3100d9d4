// A model that was built for generating, on a GPU: its memory, its programs as CUDA graphs, what passes between it and the host.
#pragma once

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "decode.h"
#include "device.h"
#include "generation.h"
#include "program.h"
#include "transfer.h"

/// How the tokens of `rows` rows are drawn, and what was drawn, as sample.cuh wants them: arrays of 8 bytes a row, on the host or the device.
struct Drawing {
  double *temperature, *top_p;
  uint64_t* seed;
  int64_t* step;
  int32_t* top_k;
  static constexpr int ARRAYS = 5;
  Drawing(char* at, int64_t rows)
      : temperature(reinterpret_cast<double*>(at)), top_p(temperature + rows), seed(reinterpret_cast<uint64_t*>(top_p + rows)), step(reinterpret_cast<int64_t*>(seed + rows)),
        top_k(reinterpret_cast<int32_t*>(step + rows)) {}
};
struct Drawn {
  double* log_probability;
  int32_t* sampled;
  static constexpr int ARRAYS = 2;
  Drawn(char* at, int64_t rows) : log_probability(reinterpret_cast<double*>(at)), sampled(reinterpret_cast<int32_t*>(log_probability + rows)) {}
};

struct mlac_generator {
  Gpu gpu;
  char* arena = nullptr;
  cudaStream_t stream = nullptr;
  /// Pinned: tokens, slots and positions as they lie on the device; then how tokens are drawn, and what was.
  char* pinned = nullptr;
  cudaEvent_t sent = nullptr;  // what was last in `pinned` is on the device
  Transfer transfer;
  Program prefill{mlac::prefill, "prefill"}, decode{mlac::decode, "decoding"};
  std::vector<int32_t> slots;  // of the rows of logits that there are
  std::string error;
  bool broken = false;  // by a failure on the GPU, which `error` names

  int64_t most_rows() const { return mlac::ROWS > mlac::SEQUENCES ? mlac::ROWS : mlac::SEQUENCES; }
  /// Bytes from the tokens to the end of the positions, on the device and in `pinned`.
  int64_t request_bytes() const { return mlac::POSITIONS_AT - mlac::TOKENS_AT + 4 * most_rows(); }
  char* pinned_drawing() const { return pinned + (request_bytes() + 63) / 64 * 64; }
  char* pinned_drawn() const { return pinned_drawing() + 8 * Drawing::ARRAYS * most_rows(); }
};

/// Puts the drawing of a token from each row of logits on the stream: how, from the device's memory, where what was drawn goes too.
void draw_tokens(mlac_generator* generator);

/// Runs a call's work on the generator's GPU; 1 and the sentence if it throws.
int32_t call(mlac_generator* generator, const std::function<void()>& work);
