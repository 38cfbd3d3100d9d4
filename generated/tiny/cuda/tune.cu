#include "tune.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <vector>

#include "device.h"
#include "lib/choice.cuh"
#include "lib/cublaslt.cuh"
#include "lib/launched.cuh"
#include "model.h"
#include "profile.h"

namespace {

using mlac::Choice;
using mlac::Way;

/// Another way has to be so much faster than the automatic one: below that it may be chance.
constexpr double MARGIN = 0.02;
/// How long the GPU waits while the host prepares its work, so that events measure the GPU, and not how fast kernels are launched.
constexpr int64_t HEAD_START = 15'000'000;  // nanoseconds

__global__ void wait_kernel(int64_t nanoseconds) {
  const auto now = [] {
    uint64_t time;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(time));
    return int64_t(time);
  };
  const int64_t begin = now();
  while (now() - begin < nanoseconds) __nanosleep(1000);
}

/// By name, so that texts do not depend on the order in which files were linked.
std::map<std::string, Choice*> choices() {
  std::map<std::string, Choice*> all;
  for (Choice* choice = Choice::first; choice; choice = choice->next) all[choice->kernel] = choice;
  return all;
}

void reset() {
  for (Choice* choice = Choice::first; choice; choice = choice->next) choice->way = Way::automatic;
}

bool is_here(Way way) { return way != Way::cublaslt || mlac::cublaslt_version() > 0; }

/// The least time of a kernel's calls in a micro-step, by way; 0 where it was not measured.
using Times = std::array<double, mlac::WAYS>;

/// One micro-step in which every kernel that has this way takes it.
void measure(cudaStream_t stream, char* arena, Way way, const std::map<std::string, Choice*>& all, std::map<std::string, Times>& best) {
  for (const auto& [name, choice] : all) choice->way = choice->has(way) ? way : Way::automatic;
  RangeTimes times;
  wait_kernel<<<1, 1, 0, stream>>>(HEAD_START);
  mlac::micro_step(stream, arena, nullptr);
  cuda(mlac::take_failure(), (std::string("measuring ") + mlac::WAY_NAMES[int(way)]).c_str());
  cuda(cudaStreamSynchronize(stream), (std::string("measuring ") + mlac::WAY_NAMES[int(way)]).c_str());
  for (const RangeTimes::Row& row : times.rows()) {
    const auto found = all.find(row.name);
    if (found == all.end()) continue;
    double& time = best[row.name][int(found->second->way)];
    time = time > 0 ? std::min(time, row.milliseconds) : row.milliseconds;
  }
}

Way fastest(const Times& times) {
  Way chosen = Way::automatic;
  double least = times[int(Way::automatic)] * (1 - MARGIN);
  for (int way = 1; way < mlac::WAYS; ++way)
    if (times[way] > 0 && times[way] < least) least = times[way], chosen = Way(way);
  return chosen;
}

}  // namespace

std::string tune(cudaStream_t stream, char* arena, int rounds) {
  const std::map<std::string, Choice*> all = choices();
  uint32_t ways = 0;
  for (const auto& [name, choice] : all) ways |= choice->ways;
  std::map<std::string, Times> best;
  try {
    // The first round also loads the kernels; of all rounds the fastest counts.
    for (int round = 0; round <= rounds; ++round)
      for (int way = 0; way < mlac::WAYS; ++way)
        if (ways & mlac::bit(Way(way)) && is_here(Way(way))) measure(stream, arena, Way(way), all, best);
  } catch (...) {
    reset();
    throw;
  }
  reset();
  std::string text;
  for (const auto& [name, times] : best) {
    Choice* const choice = all.at(name);
    choice->way = fastest(times);
    text += name + "\t" + mlac::WAY_NAMES[int(choice->way)];
    for (int way = 0; way < mlac::WAYS; ++way)
      if (times[way] > 0) {
        char number[32];
        std::snprintf(number, sizeof number, "%.5f", times[way]);
        text += std::string("\t") + mlac::WAY_NAMES[way] + "=" + number;
      }
    text += "\n";
  }
  return text;
}

void set_choices(const std::string& text) {
  const std::map<std::string, Choice*> all = choices();
  std::vector<std::pair<Choice*, Way>> chosen;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    const size_t tab = line.find('\t');
    if (tab == std::string::npos) throw Failure("\"" + line + "\" is not a kernel and its way");
    const std::string kernel = line.substr(0, tab), name = line.substr(tab + 1);
    const auto found = all.find(kernel);
    if (found == all.end()) throw Failure("the model has no contraction named " + kernel);
    const int way = int(std::find_if(mlac::WAY_NAMES, mlac::WAY_NAMES + mlac::WAYS, [&](const char* w) { return name == w; }) - mlac::WAY_NAMES);
    if (way == mlac::WAYS || !found->second->has(Way(way)) || !is_here(Way(way))) throw Failure(kernel + " cannot be computed in the way \"" + name + "\" here");
    chosen.emplace_back(found->second, Way(way));
  }
  reset();
  for (const auto& [choice, way] : chosen) choice->way = way;
}
