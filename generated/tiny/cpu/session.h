// What a session is, to the files that make up the C interface: session.cpp, which is mlac.h and measure.h, and ranks.cpp, which is ranks.h.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mlac.h"
#include "rank.h"
#include "worker.h"

struct mlac_session {
  char* arena = nullptr;
  std::unique_ptr<mlac::Rank> rank;
  std::string error;
  Worker worker;
  std::vector<int32_t> batch;  // of the last micro-step, tokens and targets: mlac_profile runs it again
  std::atomic<const char*> part{"nothing yet"};  // of a step, which runs or ran last
  // What mlac_traffic told before, and seconds that micro-steps and updates waited for others.
  mlac::Sent told;
  double micro_step_waited = 0, update_waited = 0;
};

namespace mlac {

/// The sentence that mlac_last_error(NULL) gives.
extern std::string open_error;

/// Runs a call's work on the session's thread; 1 and the sentence if it throws.
int32_t call(mlac_session* session, const std::function<void()>& work);

/// Takes the memory that `shares` asks for; null, and open_error, if there is not enough.
mlac_session* open_session(int32_t threads, Shares shares, std::unique_ptr<Collectives> together);

/// The tensor, if it is there and has that size. Throws the sentence otherwise.
const Tensor& tensor_of(const char* name, int64_t bytes);

/// A part of a tensor that lies in this session's arena: `count` numbers from number `begin` of the tensor on.
struct Run {
  char* at;
  int64_t begin, count;
};
/// What is here of a tensor: all of it, but of the optimizer's state what this rank owns.
Run run_of(const mlac_session* session, const Tensor& tensor);

}  // namespace mlac
