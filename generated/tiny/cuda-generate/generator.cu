// The C interface of decode.h over one model built for CUDA. A call puts its work on the generator's one stream; only those that give something
// back wait for it. After a failure on the GPU nothing there can be relied on: every later call answers with the same sentence.
#include "generator.h"

#include "lib/sample.cuh"

namespace {

std::string open_error;

std::string text(int64_t number) { return std::to_string(number); }

const mlac::Parameter& find(const char* name, int64_t bytes) {
  for (int64_t i = 0; i < mlac::WEIGHT_COUNT; ++i) {
    const mlac::Parameter& weight = mlac::WEIGHTS[i];
    if (std::strcmp(weight.name, name) != 0) continue;
    if (weight.count * 4 != bytes) throw Failure(std::string(name) + " has " + text(weight.count * 4) + " bytes, not " + text(bytes));
    return weight;
  }
  throw Failure(std::string("the model has no weight named ") + name);
}

Stored stored(const mlac_generator* generator, const mlac::Parameter& weight) { return {weight.storage, generator->arena + weight.offset, nullptr, weight.count}; }

/// Whether token, slot and position of a row can be computed with.
void check(int32_t token, int32_t slot, int32_t position) {
  if (token < 0 || token >= mlac::VOCABULARY) throw Failure("token id " + text(token) + " is not below the vocabulary of " + text(mlac::VOCABULARY));
  if (slot >= mlac::SLOTS) throw Failure("slot " + text(slot) + " is not one of the " + text(mlac::SLOTS) + " that there are");
  if (position < 0 || position >= mlac::CONTEXT) throw Failure("position " + text(position) + " is not within the context of " + text(mlac::CONTEXT));
}

void take_memory(mlac_generator* generator) {
  const cudaError_t status = cudaMalloc(&generator->arena, mlac::ARENA_BYTES);
  if (status == cudaErrorMemoryAllocation) throw Failure("the model needs " + text(mlac::ARENA_BYTES) + " bytes of GPU memory in one piece, which " + generator->gpu.name + " does not give");
  cuda(status, "taking memory");
  cuda(cudaStreamCreateWithFlags(&generator->stream, cudaStreamNonBlocking), "making a stream");
  cuda(cudaEventCreateWithFlags(&generator->sent, cudaEventDisableTiming), "making an event");
  cuda(cudaMemsetAsync(generator->arena, 0, mlac::ARENA_BYTES, generator->stream), "clearing the memory");
  const int64_t bytes = generator->request_bytes() + 64 + 8 * (Drawing::ARRAYS + Drawn::ARRAYS) * generator->most_rows();
  cuda(cudaHostAlloc(&generator->pinned, bytes, cudaHostAllocDefault), "taking pinned memory");
  generator->transfer.open();
  for (int64_t i = 0; i < mlac::TABLE_COUNT; ++i) {
    const mlac::Table& table = mlac::TABLES[i];
    generator->transfer.write(generator->stream, {mlac::Storage::f32, generator->arena + table.offset, nullptr, table.length}, [&](void* out, int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) static_cast<float*>(out)[n - begin] = float(table.entry(n));
    });
  }
}

/// Where a call puts its tokens, slots and positions: `pinned`, once what was there before is on the device.
struct Request {
  int32_t *tokens, *slots, *positions;
  explicit Request(mlac_generator* generator) {
    cuda(cudaEventSynchronize(generator->sent), "sending tokens");
    tokens = reinterpret_cast<int32_t*>(generator->pinned);
    slots = tokens + (mlac::SLOTS_AT - mlac::TOKENS_AT) / 4;
    positions = tokens + (mlac::POSITIONS_AT - mlac::TOKENS_AT) / 4;
  }
};

void run(mlac_generator* generator, Program& program, const Request& request, int64_t rows) {
  generator->slots.assign(request.slots, request.slots + rows);
  cuda(cudaMemcpyAsync(generator->arena + mlac::TOKENS_AT, generator->pinned, generator->request_bytes(), cudaMemcpyHostToDevice, generator->stream), "sending tokens");
  cuda(cudaEventRecord(generator->sent, generator->stream), "sending tokens");
  program.launch(generator->stream, generator->arena);
}

}  // namespace

int32_t call(mlac_generator* generator, const std::function<void()>& work) {
  if (generator->broken) return 1;
  try {
    cuda(cudaSetDevice(generator->gpu.index), "choosing the GPU");
    work();
    return 0;
  } catch (const DeviceFailure& failure) {
    generator->broken = true;
    generator->error = failure.what();
  } catch (const std::exception& failure) {
    generator->error = failure.what();
  }
  return 1;
}

void draw_tokens(mlac_generator* generator) {
  const int64_t rows = int64_t(generator->slots.size());
  const Drawing how(generator->arena + mlac::SAMPLING_AT, rows);
  const Drawn drawn(generator->arena + mlac::SAMPLED_AT, rows);
  const auto* logits = reinterpret_cast<const float*>(generator->arena + mlac::LOGITS_AT);
  const auto* slots = reinterpret_cast<const int32_t*>(generator->arena + mlac::SLOTS_AT);
  cuda(mlac::sample_tokens(generator->stream, rows, mlac::VOCABULARY, logits, how.temperature, how.top_k, how.top_p, how.seed, how.step, slots, drawn.sampled, drawn.log_probability),
       "drawing tokens");
}

extern "C" {

/* `threads` is not asked for. */
mlac_generator* mlac_generator_open(int32_t) {
  auto* generator = new mlac_generator;
  try {
    generator->gpu = choose_gpu(Transfer::some_kernel(), mlac::ARENA_BYTES);
    take_memory(generator);
    cuda(cudaStreamSynchronize(generator->stream), "clearing the memory");
    return generator;
  } catch (const std::exception& failure) {
    open_error = failure.what();
  }
  cudaGetLastError();  // a failure that was told is not told again
  mlac_generator_close(generator);
  return nullptr;
}

void mlac_generator_close(mlac_generator* generator) {
  if (!generator) return;
  if (generator->stream || generator->arena) cudaSetDevice(generator->gpu.index);
  if (generator->stream) cudaStreamSynchronize(generator->stream);
  for (Program* program : {&generator->prefill, &generator->decode}) program->close();
  generator->transfer.close();
  if (generator->sent) cudaEventDestroy(generator->sent);
  if (generator->pinned) cudaFreeHost(generator->pinned);
  if (generator->stream) cudaStreamDestroy(generator->stream);
  if (generator->arena) cudaFree(generator->arena);
  delete generator;
}

const char* mlac_generator_last_error(const mlac_generator* generator) { return generator ? generator->error.c_str() : open_error.c_str(); }

int32_t mlac_generator_read(mlac_generator* generator, const char* name, void* out, int64_t bytes) {
  return call(generator, [=] {
    generator->transfer.read(generator->stream, stored(generator, find(name, bytes)), [=](const void* data, int64_t begin, int64_t end) {
      std::memcpy(static_cast<char*>(out) + begin * 4, data, (end - begin) * 4);
    });
  });
}

int32_t mlac_generator_write(mlac_generator* generator, const char* name, const void* data, int64_t bytes) {
  return call(generator, [=] {
    generator->transfer.write(generator->stream, stored(generator, find(name, bytes)), [=](void* to, int64_t begin, int64_t end) {
      std::memcpy(to, static_cast<const char*>(data) + begin * 4, (end - begin) * 4);
    });
  });
}

int32_t mlac_prefill(mlac_generator* generator, const int32_t* tokens, const int32_t* counts, const int32_t* slots) {
  return call(generator, [=] {
    const Request request(generator);
    for (int64_t i = 0; i < mlac::SEQUENCES; ++i) {
      const bool there = slots[i] >= 0;
      if (there && (counts[i] < 1 || counts[i] > mlac::WINDOW)) throw Failure("a sequence of " + text(counts[i]) + " tokens is not one of 1 to " + text(mlac::WINDOW));
      request.slots[i] = slots[i];
      request.positions[i] = there ? counts[i] - 1 : 0;
      for (int64_t t = 0; t < mlac::WINDOW; ++t) {
        if (there) check(tokens[i * mlac::WINDOW + t], slots[i], request.positions[i]);
        request.tokens[i * mlac::WINDOW + t] = there ? tokens[i * mlac::WINDOW + t] : 0;
      }
    }
    run(generator, generator->prefill, request, mlac::SEQUENCES);
  });
}

int32_t mlac_decode(mlac_generator* generator, const int32_t* tokens, const int32_t* slots, const int32_t* positions) {
  return call(generator, [=] {
    if (slots[0] < 0) throw Failure("the first row has no request: rows in use come first");
    const Request request(generator);
    for (int64_t i = 0; i < mlac::ROWS; ++i) {
      // A row that is not in use repeats the first one all the way, so that it asks for no other expert.
      const bool there = slots[i] >= 0;
      if (there) check(tokens[i], slots[i], positions[i]);
      request.slots[i] = slots[i];
      request.tokens[i] = tokens[there ? i : 0];
      request.positions[i] = positions[there ? i : 0];
    }
    run(generator, generator->decode, request, mlac::ROWS);
  });
}

int32_t mlac_sample(mlac_generator* generator, const double* temperatures, const int32_t* top_k, const double* top_p, const uint64_t* seeds,
                    const int64_t* steps, int32_t* sampled, double* log_probabilities) {
  return call(generator, [=] {
    const int64_t rows = int64_t(generator->slots.size());
    if (rows == 0) throw Failure("there are no logits yet to draw from");
    const Drawing how(generator->pinned_drawing(), rows);
    std::memcpy(how.temperature, temperatures, 8 * rows), std::memcpy(how.top_p, top_p, 8 * rows), std::memcpy(how.seed, seeds, 8 * rows);
    std::memcpy(how.step, steps, 8 * rows), std::memcpy(how.top_k, top_k, 4 * rows);
    cuda(cudaMemcpyAsync(generator->arena + mlac::SAMPLING_AT, generator->pinned_drawing(), 8 * Drawing::ARRAYS * rows, cudaMemcpyHostToDevice, generator->stream), "drawing tokens");
    draw_tokens(generator);
    cuda(cudaMemcpyAsync(generator->pinned_drawn(), generator->arena + mlac::SAMPLED_AT, 8 * Drawn::ARRAYS * rows, cudaMemcpyDeviceToHost, generator->stream), "drawing tokens");
    cuda(cudaStreamSynchronize(generator->stream), "drawing tokens");
    const Drawn drawn(generator->pinned_drawn(), rows);
    for (int64_t row = 0; row < rows; ++row)
      if (drawn.sampled[row] < -1) throw Failure("the logits of row " + text(row) + " are not finite: the parameters are damaged, or the training has diverged");
    std::memcpy(sampled, drawn.sampled, 4 * rows);
    std::memcpy(log_probabilities, drawn.log_probability, 8 * rows);
  });
}

int32_t mlac_logits(mlac_generator* generator, void* logits) {
  return call(generator, [=] {
    const int64_t rows = int64_t(generator->slots.size());
    if (rows == 0) throw Failure("there are no logits yet");
    const Stored from{mlac::Storage::f32, generator->arena + mlac::LOGITS_AT, nullptr, rows * mlac::VOCABULARY};
    generator->transfer.read(generator->stream, from, [=](const void* data, int64_t begin, int64_t end) {
      std::memcpy(static_cast<float*>(logits) + begin, data, (end - begin) * 4);
    });
  });
}

int64_t mlac_cache_bytes(const mlac_generator*) { return mlac::CACHE_BYTES; }

}  // extern "C"
