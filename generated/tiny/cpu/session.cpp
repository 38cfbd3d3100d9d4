// The C interface of mlac.h over one built model: memory, tensors by name, and errors as sentences.
#include "session.h"

#include <omp.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>

#include "lib/random.h"
#include "lib/scratch.h"
#include "measure.h"
#include "profile.h"

namespace mlac {

std::string open_error;

int32_t call(mlac_session* session, const std::function<void()>& work) {
  try {
    session->worker.run(work);
    return 0;
  } catch (const std::exception& failure) {
    session->error = failure.what();
    return 1;
  }
}

const Tensor& tensor_of(const char* name, int64_t bytes) {
  for (int64_t i = 0; i < TENSOR_COUNT; ++i) {
    const Tensor& tensor = TENSORS[i];
    if (std::strcmp(tensor.name, name) != 0) continue;
    if (tensor.bytes == bytes) return tensor;
    throw std::runtime_error(std::string(name) + " has " + std::to_string(tensor.bytes) + " bytes, not " + std::to_string(bytes));
  }
  throw std::runtime_error(std::string("the model has no tensor named ") + name);
}

Run run_of(const mlac_session* session, const Tensor& tensor) {
  const int64_t each = tensor.role == Role::load ? 4 : sizeof(real);
  if (!tensor.is_moment()) return {session->arena + tensor.offset, 0, tensor.bytes / each};
  const Shares& shares = session->rank->shares;
  const Piece piece = shares.part(tensor.trained, tensor.slice);
  char* const state = session->arena + shares.state(tensor.trained, tensor.role == Role::moment2);
  return {state + piece.state * each, piece.begin - tensor.slice * TRAINED[tensor.trained].slice(), piece.count};
}

mlac_session* open_session(int32_t threads, Shares shares, std::unique_ptr<Collectives> together) {
  auto* session = new mlac_session;
  const int64_t bytes = shares.arena_bytes();
  session->arena = static_cast<char*>(std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096));
  if (!session->arena) {
    open_error = "the model needs " + std::to_string(bytes) + " bytes of memory, which this machine does not give";
    delete session;
    return nullptr;
  }
  session->rank = std::make_unique<Rank>(session->arena, std::move(shares), std::move(together));
  // On the worker: its team of threads is the one that needs scratch memory.
  try {
    session->worker.run([=] {
      std::memset(session->arena, 0, bytes);
      scratch_open(threads > 0 ? threads : omp_get_num_procs());
    });
  } catch (const std::bad_alloc&) {
    open_error = "there is no memory for the threads' scratch; open the model with fewer threads";
    mlac_close(session);
    return nullptr;
  }
  return session;
}

}  // namespace mlac

namespace {

using mlac::call;
using mlac::Role;

/// The first id that is not below the vocabulary gets a sentence.
void check_ids(const int32_t* ids, const char* what) {
  for (int64_t i = 0; i < mlac::SEQUENCES * mlac::LENGTH; ++i)
    if (ids[i] < 0 || ids[i] >= mlac::VOCABULARY)
      throw std::runtime_error(std::string(what) + " id " + std::to_string(ids[i]) + " in sequence " + std::to_string(i / mlac::LENGTH) + ", position " +
                               std::to_string(i % mlac::LENGTH) + " is not below the vocabulary of " + std::to_string(mlac::VOCABULARY));
}

void check_rounds(int32_t rounds) {
  if (rounds < 1) throw std::runtime_error("there is nothing to time in " + std::to_string(rounds) + " rounds");
}

}  // namespace

extern "C" {

mlac_session* mlac_open(int32_t threads) { return mlac::open_session(threads, mlac::Shares(sizeof(mlac::real)), nullptr); }

void mlac_close(mlac_session* session) {
  if (!session) return;
  session->worker.run([] { mlac::scratch_close(); });
  std::free(session->arena);
  delete session;
}

const char* mlac_last_error(const mlac_session* session) { return session ? session->error.c_str() : mlac::open_error.c_str(); }

int32_t mlac_initialize(mlac_session* session, uint64_t seed) {
  return call(session, [=] {
    for (int64_t i = 0; i < mlac::START_COUNT; ++i) {
      const mlac::Start& start = mlac::STARTS[i];
      auto* out = reinterpret_cast<mlac::real*>(session->arena + start.offset);
      if (start.std > 0) mlac::fill_normal(out, start.count, seed, uint64_t(i), start.std);
      else std::fill_n(out, start.count, mlac::real(start.value));
    }
  });
}

int32_t mlac_read(mlac_session* session, const char* name, void* out, int64_t bytes) {
  return call(session, [=] {
    const mlac::Tensor& tensor = mlac::tensor_of(name, bytes);
    if (tensor.is_moment() && session->rank->shares.size > 1)
      throw std::runtime_error(std::string(name) + " is shared out over the ranks; mlac_collect gives the whole of it");
    std::memcpy(out, mlac::run_of(session, tensor).at, bytes);
  });
}

int32_t mlac_write(mlac_session* session, const char* name, const void* data, int64_t bytes) {
  return call(session, [=] {
    const mlac::Tensor& tensor = mlac::tensor_of(name, bytes);
    const mlac::Run here = mlac::run_of(session, tensor);
    const int64_t each = tensor.role == Role::load ? 4 : sizeof(mlac::real);
    std::memcpy(here.at, static_cast<const char*>(data) + here.begin * each, here.count * each);
  });
}

int32_t mlac_reset_optimizer(mlac_session* session) {
  return call(session, [=] {
    const mlac::Shares& shares = session->rank->shares;
    std::memset(session->arena + shares.state_at, 0, shares.state_bytes);
  });
}

int32_t mlac_micro_step(mlac_session* session, const int32_t* tokens, const int32_t* targets, double loss_scale, int32_t first, int32_t last,
                        double* report) {
  return call(session, [=] {
    check_ids(tokens, "token");
    check_ids(targets, "target");
    const int64_t count = mlac::SEQUENCES * mlac::LENGTH;
    session->batch.assign(tokens, tokens + count);
    session->batch.insert(session->batch.end(), targets, targets + count);
    session->part = last ? "the last micro-step" : "a micro-step";
    mlac::Rank& rank = *session->rank;
    const bool sends = last && rank.together;
    mlac::micro_step(session->arena, tokens, targets, loss_scale, first != 0, sends ? &rank : nullptr, report);
    if (!sends) return;
    session->part = "the end of the last micro-step";
    const double before = rank.waited_seconds;
    rank.wait();
    session->micro_step_waited += rank.waited_seconds - before;
  });
}

int32_t mlac_update(mlac_session* session, int64_t step, double rate, double clip, double* report) {
  return call(session, [=] {
    if (step < 1) throw std::runtime_error("steps count from 1, so AdamW's bias correction has no step " + std::to_string(step));
    session->part = "the update";
    const double before = session->rank->waited_seconds;
    mlac::update(session->arena, *session->rank, step, rate, clip, report);
    session->update_waited += session->rank->waited_seconds - before;
  });
}

int32_t mlac_evaluate(mlac_session* session, const int32_t* tokens, const int32_t* targets, double* report) {
  return call(session, [=] {
    check_ids(tokens, "token");
    check_ids(targets, "target");
    session->part = "evaluating";
    mlac::evaluate(session->arena, tokens, targets, report);
  });
}

int32_t mlac_predict(mlac_session* session, const int32_t* tokens, const int32_t* at, void* logits) {
  return call(session, [=] {
    check_ids(tokens, "token");
    for (int64_t b = 0; b < mlac::SEQUENCES; ++b)
      if (at[b] < 0 || at[b] >= mlac::LENGTH)
        throw std::runtime_error("position " + std::to_string(at[b]) + " does not lie in a sequence of " + std::to_string(mlac::LENGTH) + " tokens");
    session->part = "predicting";
    mlac::predict(session->arena, tokens, at, static_cast<mlac::real*>(logits));
  });
}

const char* mlac_first_not_finite(mlac_session* session) {
  for (int64_t i = 0; i < mlac::TENSOR_COUNT; ++i) {
    const mlac::Tensor& t = mlac::TENSORS[i];
    if (t.role == Role::load) continue;
    const mlac::Run here = mlac::run_of(session, t);
    const auto* values = reinterpret_cast<const mlac::real*>(here.at);
    for (int64_t n = 0; n < here.count; ++n)
      if (!std::isfinite(values[n])) return t.name;
  }
  return nullptr;
}

int32_t mlac_profile(mlac_session* session, int32_t rounds, char* text, int64_t bytes) {
  return call(session, [=] {
    check_rounds(rounds);
    if (session->batch.empty()) throw std::runtime_error("there was no micro-step yet whose time could be taken");
    const int32_t *tokens = session->batch.data(), *targets = tokens + mlac::SEQUENCES * mlac::LENGTH;
    double report[2];
    RangeTimes times;
    for (int32_t round = 0; round < rounds; ++round) mlac::micro_step(session->arena, tokens, targets, 1, false, nullptr, report);
    const std::string lines = times.lines(rounds);
    if (int64_t(lines.size()) >= bytes) throw std::runtime_error("the table of kernels has " + std::to_string(lines.size()) + " bytes, for which there is no room");
    std::memcpy(text, lines.c_str(), lines.size() + 1);
  });
}

int32_t mlac_copy_speed(mlac_session* session, int32_t rounds, double* report) {
  return call(session, [=] {
    check_rounds(rounds);
    report[0] = copy_speed(session->arena, session->rank->shares.arena_bytes(), rounds);
  });
}

}  // extern "C"
