// What the checks and timings of decoding's attention, routing and sampling share: caches with random contents.
#pragma once

#include "decode_tools.cuh"
#include "lib/cache_write.cuh"
#include "lib/decode_attention.cuh"
#include "lib/decode_attention_latent.cuh"
#include "lib/routing_few.cuh"
#include "lib/sample.cuh"


/// A cache with random contents, and rows of requests of random length.
struct Requests {
  int64_t rows, context;
  std::vector<int32_t> slot, position;
  Device<int32_t> device_slot, device_position;
  Requests(int64_t context, const std::vector<int32_t>& slot, const std::vector<int32_t>& position)
      : rows(int64_t(slot.size())), context(context), slot(slot), position(position), device_slot(slot), device_position(position) {}
  int64_t from(int64_t row) const { return slot[row] < 0 ? 0 : row; }
};
