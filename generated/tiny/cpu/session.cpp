// The C interface of mlac.h over one built model: memory, tensors by name, and errors as sentences.
#include <omp.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "lib/random.h"
#include "lib/scratch.h"
#include "measure.h"
#include "mlac.h"
#include "model.h"
#include "profile.h"
#include "worker.h"

struct mlac_session {
  char* arena = nullptr;
  std::string error;
  Worker worker;
  std::vector<int32_t> batch;  // of the last micro-step, tokens and targets: mlac_profile runs it again
};

namespace {

using mlac::Role;

std::string open_error;

int32_t fail(mlac_session* session, std::string sentence) {
  session->error = std::move(sentence);
  return 1;
}

const mlac::Tensor* find(const char* name) {
  for (int64_t i = 0; i < mlac::TENSOR_COUNT; ++i)
    if (std::strcmp(mlac::TENSORS[i].name, name) == 0) return &mlac::TENSORS[i];
  return nullptr;
}

/// The tensor, if it is there and has that size; otherwise the session has the sentence.
const mlac::Tensor* checked(mlac_session* session, const char* name, int64_t bytes) {
  const mlac::Tensor* tensor = find(name);
  if (!tensor) fail(session, std::string("the model has no tensor named ") + name);
  else if (tensor->bytes != bytes) {
    fail(session, std::string(name) + " has " + std::to_string(tensor->bytes) + " bytes, not " + std::to_string(bytes));
    return nullptr;
  }
  return tensor;
}

/// The first of `count` ids that is not below the vocabulary gets a sentence.
bool valid_ids(mlac_session* session, const int32_t* ids, int64_t limit, const char* what) {
  for (int64_t i = 0; i < mlac::SEQUENCES * mlac::LENGTH; ++i)
    if (ids[i] < 0 || ids[i] >= limit) {
      fail(session, std::string(what) + " id " + std::to_string(ids[i]) + " in sequence " + std::to_string(i / mlac::LENGTH) + ", position " +
                        std::to_string(i % mlac::LENGTH) + " is not below the vocabulary of " + std::to_string(limit));
      return false;
    }
  return true;
}

}  // namespace

extern "C" {

mlac_session* mlac_open(int32_t threads) {
  auto* session = new mlac_session;
  session->arena = static_cast<char*>(std::aligned_alloc(4096, (mlac::ARENA_BYTES + 4095) / 4096 * 4096));
  if (!session->arena) {
    open_error = "the model needs " + std::to_string(mlac::ARENA_BYTES) + " bytes of memory, which this machine does not give";
    delete session;
    return nullptr;
  }
  // On the worker: its team of threads is the one that needs scratch memory.
  bool enough = true;
  session->worker.run([session, threads, &enough] {
    std::memset(session->arena, 0, mlac::ARENA_BYTES);
    try {
      mlac::scratch_open(threads > 0 ? threads : omp_get_num_procs());
    } catch (const std::bad_alloc&) {
      enough = false;
    }
  });
  if (!enough) {
    open_error = "there is no memory for the threads' scratch; open the model with fewer threads";
    mlac_close(session);
    return nullptr;
  }
  return session;
}

void mlac_close(mlac_session* session) {
  if (!session) return;
  session->worker.run([] { mlac::scratch_close(); });
  std::free(session->arena);
  delete session;
}

const char* mlac_last_error(const mlac_session* session) { return session ? session->error.c_str() : open_error.c_str(); }

int32_t mlac_initialize(mlac_session* session, uint64_t seed) {
  session->worker.run([=] {
    for (int64_t i = 0; i < mlac::START_COUNT; ++i) {
      const mlac::Start& start = mlac::STARTS[i];
      auto* out = reinterpret_cast<mlac::real*>(session->arena + start.offset);
      if (start.std > 0) mlac::fill_normal(out, start.count, seed, uint64_t(i), start.std);
      else std::fill_n(out, start.count, mlac::real(start.value));
    }
  });
  return 0;
}

int32_t mlac_read(mlac_session* session, const char* name, void* out, int64_t bytes) {
  const mlac::Tensor* tensor = checked(session, name, bytes);
  if (!tensor) return 1;
  std::memcpy(out, session->arena + tensor->offset, bytes);
  return 0;
}

int32_t mlac_write(mlac_session* session, const char* name, const void* data, int64_t bytes) {
  const mlac::Tensor* tensor = checked(session, name, bytes);
  if (!tensor) return 1;
  std::memcpy(session->arena + tensor->offset, data, bytes);
  return 0;
}

int32_t mlac_reset_optimizer(mlac_session* session) {
  for (int64_t i = 0; i < mlac::TENSOR_COUNT; ++i) {
    const mlac::Tensor& t = mlac::TENSORS[i];
    if (t.role == Role::momentum || t.role == Role::moment1 || t.role == Role::moment2) std::memset(session->arena + t.offset, 0, t.bytes);
  }
  return 0;
}

int32_t mlac_micro_step(mlac_session* session, const int32_t* tokens, const int32_t* targets, double loss_scale, int32_t first, double* report) {
  if (!valid_ids(session, tokens, mlac::VOCABULARY, "token") || !valid_ids(session, targets, mlac::VOCABULARY, "target")) return 1;
  const int64_t count = mlac::SEQUENCES * mlac::LENGTH;
  session->batch.assign(tokens, tokens + count);
  session->batch.insert(session->batch.end(), targets, targets + count);
  session->worker.run([=] { mlac::micro_step(session->arena, tokens, targets, loss_scale, first != 0, report); });
  return 0;
}

int32_t mlac_update(mlac_session* session, int64_t step, double rate, double clip, double* report) {
  if (step < 1) return fail(session, "steps count from 1, so AdamW's bias correction has no step " + std::to_string(step));
  session->worker.run([=] { mlac::update(session->arena, step, rate, clip, report); });
  return 0;
}

int32_t mlac_evaluate(mlac_session* session, const int32_t* tokens, const int32_t* targets, double* report) {
  if (!valid_ids(session, tokens, mlac::VOCABULARY, "token") || !valid_ids(session, targets, mlac::VOCABULARY, "target")) return 1;
  session->worker.run([=] { mlac::evaluate(session->arena, tokens, targets, report); });
  return 0;
}

int32_t mlac_predict(mlac_session* session, const int32_t* tokens, const int32_t* at, void* logits) {
  if (!valid_ids(session, tokens, mlac::VOCABULARY, "token")) return 1;
  for (int64_t b = 0; b < mlac::SEQUENCES; ++b)
    if (at[b] < 0 || at[b] >= mlac::LENGTH)
      return fail(session, "position " + std::to_string(at[b]) + " does not lie in a sequence of " + std::to_string(mlac::LENGTH) + " tokens");
  session->worker.run([=] { mlac::predict(session->arena, tokens, at, static_cast<mlac::real*>(logits)); });
  return 0;
}

const char* mlac_first_not_finite(mlac_session* session) {
  for (int64_t i = 0; i < mlac::TENSOR_COUNT; ++i) {
    const mlac::Tensor& t = mlac::TENSORS[i];
    if (t.role == Role::load) continue;
    const auto* values = reinterpret_cast<const mlac::real*>(session->arena + t.offset);
    for (int64_t n = 0; n < t.bytes / int64_t(sizeof(mlac::real)); ++n)
      if (!std::isfinite(values[n])) return t.name;
  }
  return nullptr;
}

int32_t mlac_profile(mlac_session* session, int32_t rounds, char* text, int64_t bytes) {
  if (rounds < 1) return fail(session, "there is nothing to time in " + std::to_string(rounds) + " rounds");
  if (session->batch.empty()) return fail(session, "there was no micro-step yet whose time could be taken");
  std::string lines;
  session->worker.run([=, &lines] {
    const int32_t *tokens = session->batch.data(), *targets = tokens + mlac::SEQUENCES * mlac::LENGTH;
    double report[2];
    RangeTimes times;
    for (int32_t round = 0; round < rounds; ++round) mlac::micro_step(session->arena, tokens, targets, 1, false, report);
    lines = times.lines(rounds);
  });
  if (int64_t(lines.size()) >= bytes) return fail(session, "the table of kernels has " + std::to_string(lines.size()) + " bytes, for which there is no room");
  std::memcpy(text, lines.c_str(), lines.size() + 1);
  return 0;
}

int32_t mlac_copy_speed(mlac_session* session, int32_t rounds, double* report) {
  if (rounds < 1) return fail(session, "there is nothing to time in " + std::to_string(rounds) + " rounds");
  session->worker.run([=] { report[0] = copy_speed(session->arena, mlac::ARENA_BYTES, rounds); });
  return 0;
}

}  // extern "C"
