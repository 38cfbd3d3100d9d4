// What a session is, to the files that make up the C interface: session.cu, which is mlac.h, measure.h and extra.h, and ranks.cu, which is ranks.h.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "device.h"
#include "mlac.h"
#include "nccl.h"
#include "program.h"
#include "rank.h"
#include "transfer.h"

/// What a call gives to the device and gets from it, in pinned memory.
struct Mail {
  int32_t *tokens, *targets, *positions;
  float *loss_scale, *report;
  int32_t* not_finite;  // [tensors]
};

struct mlac_session {
  Gpu gpu;
  int threads = 1;
  char* arena = nullptr;
  cudaStream_t stream = nullptr;
  char* pinned = nullptr;
  Mail mail{};
  Transfer transfer;
  Program train{[](cudaStream_t stream, char* arena) { mlac::micro_step(stream, arena, nullptr); }, "the micro-step"};
  Program evaluate{mlac::evaluate, "evaluating"}, predict{mlac::predict, "predicting"};
  // Between ranks: the micro-step before an update, which sends gradients.
  Program last{[this](cudaStream_t stream, char* arena) {
                 mlac::micro_step(stream, arena, rank.get());
                 rank->wait();
               },
               "the last micro-step"};
  std::unique_ptr<mlac::Rank> rank;
  mlac::Nccl* nccl = nullptr;  // of `rank`; null where there are no others
  // The last update, for mlac_time.
  int64_t step = 1;
  double rate = 1, clip = 1;
  std::string error;
  bool broken = false;  // by a failure on the GPU, which `error` names
  std::atomic<const char*> part{"nothing yet"};  // of a step, which runs or ran last
  // What mlac_traffic told before, and seconds that micro-steps and updates waited for others.
  mlac::Sent told;
  double micro_step_waited = 0, update_waited = 0;

  std::vector<Program*> programs() { return {&train, &last, &evaluate, &predict}; }
};

/// The sentence that mlac_last_error(NULL) gives.
extern std::string open_error;

/// Runs a call's work on the session's GPU; 1 and the sentence if it throws.
int32_t call(mlac_session* session, const std::function<void()>& work);

/// Takes the GPU and the memory that `shares` asks for; with a place, meets the others. null, and open_error, if something is missing.
mlac_session* open_session(int32_t threads, mlac::Shares shares, const std::function<std::unique_ptr<mlac::Nccl>(cudaStream_t)>& meet);

/// The tensor, if it is there and has that size. Throws the sentence otherwise.
const mlac::Tensor& find(const char* name, int64_t bytes);

/// What is here of a tensor, from number `begin` of it on: all of it, but of the optimizer's state what this rank owns.
struct Here {
  Stored stored;
  int64_t begin;
};
Here here(const mlac_session* session, const mlac::Tensor& tensor);

/// A whole stored tensor to the host's memory.
void read_to(mlac_session* session, const Stored& from, void* out);
