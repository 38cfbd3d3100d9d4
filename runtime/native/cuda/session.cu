// The C interface of mlac.h over one model built for CUDA: the device's memory, the programs as CUDA graphs, tensors by name, and errors
// as sentences.
//
// A call puts its work on the session's one stream and waits for it once, at the end. Callers come on any thread, so every call first says
// which GPU it means. After a failure on the GPU nothing there can be relied on: every later call answers with the same sentence.
#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "draw.h"
#include "extra.h"
#include "lib/cublaslt.cuh"
#include "profile.h"
#include "session.h"
#include "tune.h"

using mlac::Role;
using mlac::Storage;

std::string open_error;

namespace {

/// They are captured again at their next use.
void forget_programs(mlac_session* session) {
  for (Program* program : session->programs()) program->close();
}

}  // namespace

int32_t call(mlac_session* session, const std::function<void()>& work) {
  if (session->broken) return 1;
  try {
    cuda(cudaSetDevice(session->gpu.index), "choosing the GPU");
    work();
    return 0;
  } catch (const DeviceFailure& failure) {
    session->broken = true;
    session->error = failure.what();
    if (session->nccl) session->nccl->break_off([=] { forget_programs(session); });
  } catch (const std::exception& failure) {
    session->error = failure.what();
  }
  return 1;
}

Here here(const mlac_session* session, const mlac::Tensor& t) {
  if (!t.is_moment()) return {{t.storage, session->arena + t.offset, reinterpret_cast<uint16_t*>(session->arena + t.remainder), t.count}, 0};
  const mlac::Shares& shares = session->rank->shares;
  const mlac::Piece piece = shares.part(t.trained, t.slice);
  char* const state = session->arena + shares.state(t.trained, t.role == Role::moment2);
  return {{Storage::f32, state + piece.state * 4, nullptr, piece.count}, piece.begin - t.slice * mlac::TRAINED[t.trained].slice()};
}

void read_to(mlac_session* session, const Stored& from, void* out) {
  session->transfer.read(session->stream, from, [=](const void* data, int64_t begin, int64_t end) { std::memcpy(static_cast<char*>(out) + begin * 4, data, (end - begin) * 4); });
}

const mlac::Tensor& find(const char* name, int64_t bytes) {
  for (int64_t i = 0; i < mlac::TENSOR_COUNT; ++i) {
    const mlac::Tensor& t = mlac::TENSORS[i];
    if (std::strcmp(t.name, name) != 0) continue;
    if (t.count * 4 != bytes) throw Failure(std::string(name) + " has " + std::to_string(t.count * 4) + " bytes, not " + std::to_string(bytes));
    return t;
  }
  throw Failure(std::string("the model has no tensor named ") + name);
}

namespace {

/// The first id that is not below the vocabulary gets a sentence.
void check_ids(const int32_t* ids, const char* what) {
  for (int64_t i = 0; i < mlac::SEQUENCES * mlac::LENGTH; ++i)
    if (ids[i] < 0 || ids[i] >= mlac::VOCABULARY)
      throw Failure(std::string(what) + " id " + std::to_string(ids[i]) + " in sequence " + std::to_string(i / mlac::LENGTH) + ", position " +
                    std::to_string(i % mlac::LENGTH) + " is not below the vocabulary of " + std::to_string(mlac::VOCABULARY));
}

/// Copies to pinned memory, and from there to the arena.
void send(mlac_session* session, int64_t to, void* pinned, const void* data, int64_t bytes) {
  std::memcpy(pinned, data, bytes);
  cuda(cudaMemcpyAsync(session->arena + to, pinned, bytes, cudaMemcpyHostToDevice, session->stream), "sending the batch");
}

void send_batch(mlac_session* session, const int32_t* tokens, const int32_t* targets) {
  const int64_t bytes = mlac::SEQUENCES * mlac::LENGTH * 4;
  send(session, mlac::TOKENS_AT, session->mail.tokens, tokens, bytes);
  if (targets) send(session, mlac::TARGETS_AT, session->mail.targets, targets, bytes);
}

/// Waits for the stream; then the device's report is in session->mail.report. `together`: other ranks have their part in it.
void receive_report(mlac_session* session, const char* doing, bool together = false) {
  cuda(cudaMemcpyAsync(session->mail.report, session->arena + mlac::REPORT_AT, 4 * sizeof(float), cudaMemcpyDeviceToHost, session->stream), doing);
  if (together) session->nccl->finish(doing);
  else cuda(cudaStreamSynchronize(session->stream), doing);
}

/// `last`: the gradients go to their owners.
void run_micro_step(mlac_session* session, bool first, bool last) {
  if (first) cuda(cudaMemsetAsync(session->arena + mlac::GRADIENTS_AT, 0, mlac::GRADIENTS_BYTES, session->stream), "the micro-step");
  (last ? session->last : session->train).launch(session->stream, session->arena);
  mlac::sum_loads(session->stream, session->arena, first);
  cuda(mlac::take_failure(), "summing the expert loads");
}

void run_update(mlac_session* session) {
  mlac::update(session->stream, session->arena, *session->rank, session->step, session->rate, session->clip);
  cuda(mlac::take_failure(), "the update");
}

void take_pinned_memory(mlac_session* session) {
  const auto round = [](int64_t bytes) { return (bytes + 63) / 64 * 64; };
  const int64_t ids = round(mlac::SEQUENCES * mlac::LENGTH * 4), positions = round(mlac::SEQUENCES * 4), flags = round(mlac::TENSOR_COUNT * 4);
  cuda(cudaHostAlloc(&session->pinned, 2 * ids + positions + 128 + flags, cudaHostAllocDefault), "taking pinned memory");
  char* at = session->pinned;
  const auto next = [&at](int64_t bytes) {
    char* const place = at;
    at += bytes;
    return place;
  };
  session->mail.tokens = reinterpret_cast<int32_t*>(next(ids));
  session->mail.targets = reinterpret_cast<int32_t*>(next(ids));
  session->mail.positions = reinterpret_cast<int32_t*>(next(positions));
  session->mail.loss_scale = reinterpret_cast<float*>(next(64));
  session->mail.report = reinterpret_cast<float*>(next(64));
  session->mail.not_finite = reinterpret_cast<int32_t*>(next(flags));
  session->transfer.open();
}

void take_memory(mlac_session* session, int64_t bytes) {
  const cudaError_t status = cudaMalloc(&session->arena, bytes);
  if (status == cudaErrorMemoryAllocation) {
    size_t free = 0, total = 0;
    cudaMemGetInfo(&free, &total);
    throw Failure("the model needs " + std::to_string(bytes) + " bytes of GPU memory in one piece, which " + session->gpu.name + " does not give (" + std::to_string(free) +
                  " are free)");
  }
  cuda(status, "taking memory");
  cuda(cudaStreamCreateWithFlags(&session->stream, cudaStreamNonBlocking), "making a stream");
  cuda(cudaMemsetAsync(session->arena, 0, bytes, session->stream), "clearing the memory");
  take_pinned_memory(session);
}

void write_tables(mlac_session* session) {
  for (int64_t i = 0; i < mlac::TABLE_COUNT; ++i) {
    const mlac::Table& table = mlac::TABLES[i];
    session->transfer.write(session->stream, {Storage::f32, session->arena + table.offset, nullptr, table.length}, [&](void* out, int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) static_cast<float*>(out)[n - begin] = float(table.entry(n));
    });
  }
}

double median(std::vector<float> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

/// Milliseconds on the device, the median of `rounds`.
double milliseconds(mlac_session* session, int32_t rounds, const std::function<void()>& work) {
  cudaEvent_t begin, end;
  cuda(cudaEventCreate(&begin), "timing");
  cuda(cudaEventCreate(&end), "timing");
  std::vector<float> times(rounds);
  for (float& time : times) {
    cuda(cudaEventRecord(begin, session->stream), "timing");
    work();
    cuda(cudaEventRecord(end, session->stream), "timing");
    cuda(cudaEventSynchronize(end), "timing");
    cuda(cudaEventElapsedTime(&time, begin, end), "timing");
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  return median(times);
}

void check_ran(const mlac_session* session) {
  if (!session->train.captured() && !session->last.captured()) throw Failure("there was no micro-step yet whose time could be taken");
}

void give_text(const std::string& from, const char* what, char* text, int64_t bytes) {
  if (int64_t(from.size()) >= bytes) throw Failure(std::string(what) + " has " + std::to_string(from.size()) + " bytes, for which there is no room");
  std::memcpy(text, from.c_str(), from.size() + 1);
}

}  // namespace

mlac_session* open_session(int32_t threads, mlac::Shares shares, const std::function<std::unique_ptr<mlac::Nccl>(cudaStream_t)>& meet) {
  auto* session = new mlac_session;
  session->threads = threads > 0 ? threads : std::max(1, int(std::thread::hardware_concurrency()));
  try {
    session->gpu = choose_gpu(Transfer::some_kernel(), shares.arena_bytes());
    take_memory(session, shares.arena_bytes());
    write_tables(session);
    std::unique_ptr<mlac::Nccl> together;
    if (meet) together = meet(session->stream);
    session->nccl = together.get();
    session->rank = std::make_unique<mlac::Rank>(session->arena, std::move(shares), std::move(together));
    cuda(cudaStreamSynchronize(session->stream), "clearing the memory");
    return session;
  } catch (const std::exception& failure) {
    open_error = failure.what();
  }
  cudaGetLastError();  // a failure that was told is not told again
  mlac_close(session);
  return nullptr;
}

extern "C" {

/* `threads` draw the first weights; nothing else is done on the host. */
mlac_session* mlac_open(int32_t threads) { return open_session(threads, mlac::Shares(sizeof(float)), nullptr); }

void mlac_close(mlac_session* session) {
  if (!session) return;
  if (session->stream || session->arena) cudaSetDevice(session->gpu.index);
  if (session->stream) cudaStreamSynchronize(session->stream);
  forget_programs(session);
  session->rank.reset();
  session->transfer.close();
  if (session->pinned) cudaFreeHost(session->pinned);
  if (session->stream) cudaStreamDestroy(session->stream);
  if (session->arena) cudaFree(session->arena);
  delete session;
}

const char* mlac_last_error(const mlac_session* session) { return session ? session->error.c_str() : open_error.c_str(); }

const char* mlac_device(const mlac_session* session) { return session->gpu.name.c_str(); }

int32_t mlac_initialize(mlac_session* session, uint64_t seed) {
  return call(session, [=] {
    for (int64_t i = 0; i < mlac::START_COUNT; ++i) {
      const mlac::Start& start = mlac::STARTS[i];
      const Stored to{start.storage, session->arena + start.offset, reinterpret_cast<uint16_t*>(session->arena + start.remainder), start.count};
      session->transfer.write(session->stream, to, [&](void* data, int64_t begin, int64_t end) {
        auto* out = static_cast<float*>(data);
        if (start.std > 0) draw_normal(out, begin, end, seed, uint64_t(i), start.std, session->threads);
        else std::fill_n(out, end - begin, float(start.value));
      });
    }
  });
}

int32_t mlac_read(mlac_session* session, const char* name, void* out, int64_t bytes) {
  return call(session, [=] {
    const mlac::Tensor& tensor = find(name, bytes);
    if (session->rank->shares.size > 1 && (tensor.is_moment() || tensor.storage == Storage::split))
      throw Failure(std::string(name) + " is shared out over the ranks; mlac_collect gives the whole of it");
    read_to(session, here(session, tensor).stored, out);
  });
}

int32_t mlac_write(mlac_session* session, const char* name, const void* data, int64_t bytes) {
  return call(session, [=] {
    const auto [to, first] = here(session, find(name, bytes));
    const char* const from = static_cast<const char*>(data) + first * 4;
    session->transfer.write(session->stream, to, [=](void* out, int64_t begin, int64_t end) { std::memcpy(out, from + begin * 4, (end - begin) * 4); });
  });
}

int32_t mlac_reset_optimizer(mlac_session* session) {
  return call(session, [=] {
    const mlac::Shares& shares = session->rank->shares;
    cuda(cudaMemsetAsync(session->arena + shares.state_at, 0, shares.state_bytes, session->stream), "resetting the optimizer");
    cuda(cudaStreamSynchronize(session->stream), "resetting the optimizer");
  });
}

int32_t mlac_micro_step(mlac_session* session, const int32_t* tokens, const int32_t* targets, double loss_scale, int32_t first, int32_t last,
                        double* report) {
  return call(session, [=] {
    check_ids(tokens, "token");
    check_ids(targets, "target");
    const bool sends = last && session->nccl;
    session->part = last ? "the last micro-step" : "a micro-step";
    send_batch(session, tokens, targets);
    const float scale = float(loss_scale);
    send(session, mlac::LOSS_SCALE_AT, session->mail.loss_scale, &scale, sizeof scale);
    if (sends) session->last.captured() ? session->nccl->replay() : session->nccl->capture();
    run_micro_step(session, first != 0, sends);
    receive_report(session, "the micro-step", sends);
    if (sends) session->micro_step_waited += session->nccl->waited_seconds();
    report[0] = session->mail.report[0];
    report[1] = session->mail.report[1];
  });
}

int32_t mlac_update(mlac_session* session, int64_t step, double rate, double clip, double* report) {
  return call(session, [=] {
    if (step < 1) throw Failure("steps count from 1, so AdamW's bias correction has no step " + std::to_string(step));
    session->step = step;
    session->rate = rate;
    session->clip = clip;
    session->part = "the update";
    if (session->nccl) session->nccl->begin();
    run_update(session);
    receive_report(session, "the update", session->nccl);
    if (session->nccl) session->update_waited += session->nccl->waited_seconds();
    report[0] = session->mail.report[2];
  });
}

int32_t mlac_evaluate(mlac_session* session, const int32_t* tokens, const int32_t* targets, double* report) {
  return call(session, [=] {
    check_ids(tokens, "token");
    check_ids(targets, "target");
    send_batch(session, tokens, targets);
    session->evaluate.launch(session->stream, session->arena);
    receive_report(session, "evaluating");
    report[0] = session->mail.report[0];
    report[1] = session->mail.report[1];
  });
}

int32_t mlac_predict(mlac_session* session, const int32_t* tokens, const int32_t* at, void* logits) {
  return call(session, [=] {
    check_ids(tokens, "token");
    for (int64_t b = 0; b < mlac::SEQUENCES; ++b)
      if (at[b] < 0 || at[b] >= mlac::LENGTH)
        throw Failure("position " + std::to_string(at[b]) + " does not lie in a sequence of " + std::to_string(mlac::LENGTH) + " tokens");
    send_batch(session, tokens, nullptr);
    send(session, mlac::POSITIONS_AT, session->mail.positions, at, mlac::SEQUENCES * 4);
    session->predict.launch(session->stream, session->arena);
    const Stored from{Storage::f32, session->arena + mlac::LOGITS_AT, nullptr, mlac::SEQUENCES * mlac::VOCABULARY};
    session->transfer.read(session->stream, from, [=](const void* data, int64_t begin, int64_t end) {
      std::memcpy(static_cast<float*>(logits) + begin, data, (end - begin) * 4);
    });
  });
}

const char* mlac_first_not_finite(mlac_session* session) {
  const char* first = nullptr;
  call(session, [=, &first] {
    int32_t* const found = session->mail.not_finite;
    std::memset(found, 0, mlac::TENSOR_COUNT * 4);
    for (int64_t i = 0; i < mlac::TENSOR_COUNT; ++i)
      if (mlac::TENSORS[i].storage != Storage::i32) find_not_finite(session->stream, here(session, mlac::TENSORS[i]).stored, found + i);
    cuda(cudaStreamSynchronize(session->stream), "looking for numbers that are not finite");
    for (int64_t i = 0; i < mlac::TENSOR_COUNT && !first; ++i)
      if (found[i]) first = mlac::TENSORS[i].name;
  });
  return first;
}

int32_t mlac_time(mlac_session* session, int32_t rounds, double* report) {
  return call(session, [=] {
    if (rounds < 1) throw Failure("there is nothing to time in " + std::to_string(rounds) + " rounds");
    check_ran(session);
    report[0] = milliseconds(session, rounds, [=] { run_micro_step(session, true, false); });
    report[1] = milliseconds(session, rounds, [=] {
      if (session->nccl) session->nccl->begin();
      run_update(session);
    });
  });
}

int32_t mlac_profile(mlac_session* session, int32_t rounds, char* text, int64_t bytes) {
  return call(session, [=] {
    if (rounds < 1) throw Failure("there is nothing to time in " + std::to_string(rounds) + " rounds");
    check_ran(session);
    RangeTimes times;
    for (int32_t round = 0; round < rounds; ++round) mlac::micro_step(session->stream, session->arena, nullptr);
    cuda(mlac::take_failure(), "timing the kernels");
    cuda(cudaStreamSynchronize(session->stream), "timing the kernels");
    give_text(times.lines(rounds), "the table of kernels", text, bytes);
  });
}

int32_t mlac_copy_speed(mlac_session* session, int32_t rounds, double* report) {
  return call(session, [=] {
    if (rounds < 1) throw Failure("there is nothing to time in " + std::to_string(rounds) + " rounds");
    const int64_t half = session->rank->shares.arena_bytes() / 512 * 256;
    double best = 0;
    for (int32_t round = 0; round < rounds; ++round) {
      const double time = milliseconds(session, 1, [=] {
        cuda(cudaMemcpyAsync(session->arena + half, session->arena, half, cudaMemcpyDeviceToDevice, session->stream), "copying");
      });
      best = std::max(best, 2. * double(half) / time * 1e3);
    }
    report[0] = best;
  });
}

int32_t mlac_tune(mlac_session* session, const int32_t* tokens, const int32_t* targets, int32_t rounds, char* text, int64_t bytes) {
  return call(session, [=] {
    if (rounds < 1) throw Failure("there is nothing to measure in " + std::to_string(rounds) + " rounds");
    check_ids(tokens, "token");
    check_ids(targets, "target");
    send_batch(session, tokens, targets);
    const float scale = 1;
    send(session, mlac::LOSS_SCALE_AT, session->mail.loss_scale, &scale, sizeof scale);
    forget_programs(session);
    const std::string lines = tune(session->stream, session->arena, rounds);
    cuda(cudaMemsetAsync(session->arena + mlac::GRADIENTS_AT, 0, mlac::GRADIENTS_BYTES, session->stream), "measuring");
    cuda(cudaStreamSynchronize(session->stream), "measuring");
    give_text(lines, "the table of measurements", text, bytes);
  });
}

int32_t mlac_set_choices(mlac_session* session, const char* text) {
  return call(session, [=] {
    set_choices(text);
    forget_programs(session);
  });
}

int64_t mlac_cublaslt(const mlac_session*) { return mlac::cublaslt_version(); }

}  // extern "C"
