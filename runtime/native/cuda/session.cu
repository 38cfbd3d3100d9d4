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

#include "device.h"
#include "draw.h"
#include "extra.h"
#include "lib/cublaslt.cuh"
#include "mlac.h"
#include "model.h"
#include "profile.h"
#include "program.h"
#include "transfer.h"
#include "tune.h"

namespace {

using mlac::Role;
using mlac::Storage;

std::string open_error;

/// What a call gives to the device and gets from it, in pinned memory.
struct Mail {
  int32_t *tokens, *targets, *positions;
  float *loss_scale, *report;
  int32_t* not_finite;  // [tensors]
};

}  // namespace

struct mlac_session {
  Gpu gpu;
  int threads = 1;
  char* arena = nullptr;
  cudaStream_t stream = nullptr;
  char* pinned = nullptr;
  Mail mail{};
  Transfer transfer;
  Program train{mlac::micro_step, "the micro-step"}, evaluate{mlac::evaluate, "evaluating"}, predict{mlac::predict, "predicting"};
  // The last update, for mlac_time.
  int64_t step = 1;
  double rate = 1, clip = 1;
  std::string error;
  bool broken = false;  // by a failure on the GPU, which `error` names
};

namespace {

/// Runs a call's work on the session's GPU; 1 and the sentence if it throws.
int32_t call(mlac_session* session, const std::function<void()>& work) {
  if (session->broken) return 1;
  try {
    cuda(cudaSetDevice(session->gpu.index), "choosing the GPU");
    work();
    return 0;
  } catch (const DeviceFailure& failure) {
    session->broken = true;
    session->error = failure.what();
  } catch (const std::exception& failure) {
    session->error = failure.what();
  }
  return 1;
}

Stored stored(const mlac_session* session, const mlac::Tensor& t) {
  return {t.storage, session->arena + t.offset, reinterpret_cast<uint16_t*>(session->arena + t.remainder), t.count};
}

/// The tensor, if it is there and has that size.
const mlac::Tensor& find(const char* name, int64_t bytes) {
  for (int64_t i = 0; i < mlac::TENSOR_COUNT; ++i) {
    const mlac::Tensor& t = mlac::TENSORS[i];
    if (std::strcmp(t.name, name) != 0) continue;
    if (t.count * 4 != bytes) throw Failure(std::string(name) + " has " + std::to_string(t.count * 4) + " bytes, not " + std::to_string(bytes));
    return t;
  }
  throw Failure(std::string("the model has no tensor named ") + name);
}

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

/// Waits for the stream; then the device's report is in session->mail.report.
void receive_report(mlac_session* session, const char* doing) {
  cuda(cudaMemcpyAsync(session->mail.report, session->arena + mlac::REPORT_AT, 4 * sizeof(float), cudaMemcpyDeviceToHost, session->stream), doing);
  cuda(cudaStreamSynchronize(session->stream), doing);
}

void run_micro_step(mlac_session* session, bool first) {
  if (first) cuda(cudaMemsetAsync(session->arena + mlac::GRADIENTS_AT, 0, mlac::GRADIENTS_BYTES, session->stream), "the micro-step");
  session->train.launch(session->stream, session->arena);
  mlac::sum_loads(session->stream, session->arena, first);
  cuda(mlac::take_failure(), "summing the expert loads");
}

void run_update(mlac_session* session) {
  mlac::update(session->stream, session->arena, session->step, session->rate, session->clip);
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

void take_memory(mlac_session* session) {
  const cudaError_t status = cudaMalloc(&session->arena, mlac::ARENA_BYTES);
  if (status == cudaErrorMemoryAllocation) {
    size_t free = 0, total = 0;
    cudaMemGetInfo(&free, &total);
    throw Failure("the model needs " + std::to_string(mlac::ARENA_BYTES) + " bytes of GPU memory in one piece, which " + session->gpu.name + " does not give (" +
                  std::to_string(free) + " are free)");
  }
  cuda(status, "taking memory");
  cuda(cudaStreamCreateWithFlags(&session->stream, cudaStreamNonBlocking), "making a stream");
  cuda(cudaMemsetAsync(session->arena, 0, mlac::ARENA_BYTES, session->stream), "clearing the memory");
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

/// Programs that were captured call the kernels in the ways of before.
void forget_programs(mlac_session* session) {
  for (Program* program : {&session->train, &session->evaluate, &session->predict}) program->close();
}

void give_text(const std::string& from, const char* what, char* text, int64_t bytes) {
  if (int64_t(from.size()) >= bytes) throw Failure(std::string(what) + " has " + std::to_string(from.size()) + " bytes, for which there is no room");
  std::memcpy(text, from.c_str(), from.size() + 1);
}

}  // namespace

extern "C" {

/* `threads` draw the first weights; nothing else is done on the host. */
mlac_session* mlac_open(int32_t threads) {
  auto* session = new mlac_session;
  session->threads = threads > 0 ? threads : std::max(1, int(std::thread::hardware_concurrency()));
  try {
    session->gpu = choose_gpu(Transfer::some_kernel(), mlac::ARENA_BYTES);
    take_memory(session);
    write_tables(session);
    cuda(cudaStreamSynchronize(session->stream), "clearing the memory");
    return session;
  } catch (const std::exception& failure) {
    open_error = failure.what();
  }
  cudaGetLastError();  // a failure that was told is not told again
  mlac_close(session);
  return nullptr;
}

void mlac_close(mlac_session* session) {
  if (!session) return;
  if (session->stream || session->arena) cudaSetDevice(session->gpu.index);
  if (session->stream) cudaStreamSynchronize(session->stream);
  for (Program* program : {&session->train, &session->evaluate, &session->predict}) program->close();
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
    session->transfer.read(session->stream, stored(session, find(name, bytes)), [=](const void* data, int64_t begin, int64_t end) {
      std::memcpy(static_cast<char*>(out) + begin * 4, data, (end - begin) * 4);
    });
  });
}

int32_t mlac_write(mlac_session* session, const char* name, const void* data, int64_t bytes) {
  return call(session, [=] {
    session->transfer.write(session->stream, stored(session, find(name, bytes)), [=](void* to, int64_t begin, int64_t end) {
      std::memcpy(to, static_cast<const char*>(data) + begin * 4, (end - begin) * 4);
    });
  });
}

int32_t mlac_reset_optimizer(mlac_session* session) {
  return call(session, [=] {
    for (int64_t i = 0; i < mlac::TENSOR_COUNT; ++i) {
      const mlac::Tensor& t = mlac::TENSORS[i];
      if (t.role != Role::momentum && t.role != Role::moment1 && t.role != Role::moment2) continue;
      cuda(cudaMemsetAsync(session->arena + t.offset, 0, t.count * 4, session->stream), "resetting the optimizer");
    }
    cuda(cudaStreamSynchronize(session->stream), "resetting the optimizer");
  });
}

int32_t mlac_micro_step(mlac_session* session, const int32_t* tokens, const int32_t* targets, double loss_scale, int32_t first, double* report) {
  return call(session, [=] {
    check_ids(tokens, "token");
    check_ids(targets, "target");
    send_batch(session, tokens, targets);
    const float scale = float(loss_scale);
    send(session, mlac::LOSS_SCALE_AT, session->mail.loss_scale, &scale, sizeof scale);
    run_micro_step(session, first != 0);
    receive_report(session, "the micro-step");
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
    run_update(session);
    receive_report(session, "the update");
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
      if (mlac::TENSORS[i].storage != Storage::i32) find_not_finite(session->stream, stored(session, mlac::TENSORS[i]), found + i);
    cuda(cudaStreamSynchronize(session->stream), "looking for numbers that are not finite");
    for (int64_t i = 0; i < mlac::TENSOR_COUNT && !first; ++i)
      if (found[i]) first = mlac::TENSORS[i].name;
  });
  return first;
}

int32_t mlac_time(mlac_session* session, int32_t rounds, double* report) {
  return call(session, [=] {
    if (rounds < 1) throw Failure("there is nothing to time in " + std::to_string(rounds) + " rounds");
    if (!session->train.captured()) throw Failure("there was no micro-step yet whose time could be taken");
    report[0] = milliseconds(session, rounds, [=] { run_micro_step(session, true); });
    report[1] = milliseconds(session, rounds, [=] { run_update(session); });
  });
}

int32_t mlac_profile(mlac_session* session, int32_t rounds, char* text, int64_t bytes) {
  return call(session, [=] {
    if (rounds < 1) throw Failure("there is nothing to time in " + std::to_string(rounds) + " rounds");
    if (!session->train.captured()) throw Failure("there was no micro-step yet whose time could be taken");
    RangeTimes times;
    for (int32_t round = 0; round < rounds; ++round) mlac::micro_step(session->stream, session->arena);
    cuda(mlac::take_failure(), "timing the kernels");
    cuda(cudaStreamSynchronize(session->stream), "timing the kernels");
    give_text(times.lines(rounds), "the table of kernels", text, bytes);
  });
}

int32_t mlac_copy_speed(mlac_session* session, int32_t rounds, double* report) {
  return call(session, [=] {
    if (rounds < 1) throw Failure("there is nothing to time in " + std::to_string(rounds) + " rounds");
    const int64_t half = mlac::ARENA_BYTES / 512 * 256;
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
