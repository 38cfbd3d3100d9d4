// The C interface of decode.h over one model that was built for generating: memory, weights by name, requests, errors as sentences.
#include <omp.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "decode.h"
#include "generation.h"
#include "lib/sampling.h"
#include "lib/scratch.h"
#include "worker.h"

struct mlac_generator {
  char* arena = nullptr;
  std::string error;
  Worker worker;
  std::vector<int32_t> tokens, slots, positions;  // of the last prefill or decode, rows without a request filled in
  std::vector<mlac::real> logits;
};

namespace {

using mlac::real;

std::string open_error;

int32_t fail(mlac_generator* generator, std::string sentence) {
  generator->error = std::move(sentence);
  return 1;
}

std::string text(int64_t number) { return std::to_string(number); }

/// The weight, if it is there and has that size; otherwise the generator has the sentence.
const mlac::Weight* checked(mlac_generator* generator, const char* name, int64_t bytes) {
  for (int64_t i = 0; i < mlac::WEIGHT_COUNT; ++i) {
    const mlac::Weight& weight = mlac::WEIGHTS[i];
    if (std::strcmp(weight.name, name) != 0) continue;
    if (weight.bytes == bytes) return &weight;
    fail(generator, std::string(name) + " has " + text(weight.bytes) + " bytes, not " + text(bytes));
    return nullptr;
  }
  fail(generator, std::string("the model has no weight named ") + name);
  return nullptr;
}

/// Whether token, slot and position of a row can be computed with; otherwise the generator has the sentence.
bool valid(mlac_generator* generator, int32_t token, int32_t slot, int32_t position) {
  std::string why;
  if (token < 0 || token >= mlac::VOCABULARY) why = "token id " + text(token) + " is not below the vocabulary of " + text(mlac::VOCABULARY);
  else if (slot >= mlac::SLOTS) why = "slot " + text(slot) + " is not one of the " + text(mlac::SLOTS) + " that there are";
  else if (position < 0 || position >= mlac::CONTEXT) why = "position " + text(position) + " is not within the context of " + text(mlac::CONTEXT);
  if (!why.empty()) fail(generator, why);
  return why.empty();
}

/// How many rows of logits there are.
int64_t row_count(const mlac_generator* generator) { return int64_t(generator->slots.size()); }

}  // namespace

extern "C" {

mlac_generator* mlac_generator_open(int32_t threads) {
  auto* generator = new mlac_generator;
  generator->arena = static_cast<char*>(std::aligned_alloc(4096, (mlac::ARENA_BYTES + 4095) / 4096 * 4096));
  if (!generator->arena) {
    open_error = "the model needs " + text(mlac::ARENA_BYTES) + " bytes of memory, which this machine does not give";
    delete generator;
    return nullptr;
  }
  bool enough = true;
  generator->worker.run([generator, threads, &enough] {
    std::memset(generator->arena, 0, mlac::ARENA_BYTES);
    try {
      mlac::scratch_open(threads > 0 ? threads : omp_get_num_procs());
    } catch (const std::bad_alloc&) {
      enough = false;
    }
  });
  if (!enough) {
    open_error = "there is no memory for the threads' scratch; open the model with fewer threads";
    mlac_generator_close(generator);
    return nullptr;
  }
  return generator;
}

void mlac_generator_close(mlac_generator* generator) {
  if (!generator) return;
  generator->worker.run([] { mlac::scratch_close(); });
  std::free(generator->arena);
  delete generator;
}

const char* mlac_generator_last_error(const mlac_generator* generator) { return generator ? generator->error.c_str() : open_error.c_str(); }

int32_t mlac_generator_read(mlac_generator* generator, const char* name, void* out, int64_t bytes) {
  const mlac::Weight* weight = checked(generator, name, bytes);
  if (!weight) return 1;
  std::memcpy(out, generator->arena + weight->offset, bytes);
  return 0;
}

int32_t mlac_generator_write(mlac_generator* generator, const char* name, const void* data, int64_t bytes) {
  const mlac::Weight* weight = checked(generator, name, bytes);
  if (!weight) return 1;
  std::memcpy(generator->arena + weight->offset, data, bytes);
  return 0;
}

int32_t mlac_prefill(mlac_generator* generator, const int32_t* tokens, const int32_t* counts, const int32_t* slots) {
  using namespace mlac;
  generator->tokens.assign(tokens, tokens + SEQUENCES * WINDOW);
  generator->slots.assign(slots, slots + SEQUENCES);
  generator->positions.assign(SEQUENCES, 0);
  for (int64_t i = 0; i < SEQUENCES; ++i) {
    const bool there = slots[i] >= 0;
    if (there && (counts[i] < 1 || counts[i] > WINDOW))
      return fail(generator, "a sequence of " + text(counts[i]) + " tokens is not one of 1 to " + text(WINDOW));
    if (there) generator->positions[i] = counts[i] - 1;
    for (int64_t t = 0; t < WINDOW; ++t)
      if (!there) generator->tokens[i * WINDOW + t] = 0;
      else if (!valid(generator, tokens[i * WINDOW + t], slots[i], generator->positions[i])) return 1;
  }
  generator->logits.resize(SEQUENCES * VOCABULARY);
  generator->worker.run([=] {
    prefill(generator->arena, generator->tokens.data(), generator->slots.data(), generator->positions.data(), generator->logits.data());
  });
  return 0;
}

int32_t mlac_decode(mlac_generator* generator, const int32_t* tokens, const int32_t* slots, const int32_t* positions) {
  using namespace mlac;
  if (slots[0] < 0) return fail(generator, "the first row has no request: rows in use come first");
  generator->tokens.assign(tokens, tokens + ROWS);
  generator->slots.assign(slots, slots + ROWS);
  generator->positions.assign(positions, positions + ROWS);
  for (int64_t i = 0; i < ROWS; ++i) {
    // A row that is not in use repeats the first one all the way, so that it asks for no other expert.
    if (slots[i] < 0) {
      generator->tokens[i] = tokens[0];
      generator->positions[i] = positions[0];
    } else if (!valid(generator, tokens[i], slots[i], positions[i])) return 1;
  }
  generator->logits.resize(ROWS * VOCABULARY);
  generator->worker.run([=] {
    decode(generator->arena, generator->tokens.data(), generator->slots.data(), generator->positions.data(), generator->logits.data());
  });
  return 0;
}

int32_t mlac_sample(mlac_generator* generator, const double* temperatures, const int32_t* top_k, const double* top_p, const uint64_t* seeds,
                    const int64_t* steps, int32_t* sampled, double* log_probabilities) {
  const int64_t rows = row_count(generator);
  if (rows == 0) return fail(generator, "there are no logits yet to draw from");
  std::vector<mlac::Sample> samples(rows, mlac::Sample{-1, 0});
  generator->worker.run([=, &samples] {
    mlac::parallel_for(rows, [=, &samples](int64_t row) {
      if (generator->slots[row] < 0) return;
      const mlac::Sampling how{temperatures[row], top_k[row], top_p[row], seeds[row], steps[row]};
      samples[row] = mlac::sample(generator->logits.data() + row * mlac::VOCABULARY, mlac::VOCABULARY, how);
    });
  });
  for (int64_t row = 0; row < rows; ++row) {
    if (generator->slots[row] >= 0 && samples[row].token < 0)
      return fail(generator, "the logits of row " + text(row) + " are not finite: the parameters are damaged, or the training has diverged");
    sampled[row] = samples[row].token;
    log_probabilities[row] = samples[row].log_probability;
  }
  return 0;
}

int32_t mlac_logits(mlac_generator* generator, void* logits) {
  if (row_count(generator) == 0) return fail(generator, "there are no logits yet");
  std::memcpy(logits, generator->logits.data(), generator->logits.size() * sizeof(real));
  return 0;
}

int64_t mlac_cache_bytes(const mlac_generator*) { return mlac::CACHE_BYTES; }

}  // extern "C"
