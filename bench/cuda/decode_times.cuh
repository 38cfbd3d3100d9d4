// The time of decoding's kernels at lite's sizes, and the share of the memory's bandwidth that it comes to.
#pragma once

#include "decode_shared.cuh"

namespace {

template <int C, int R>
void time_latent(int64_t heads, int64_t rows, int64_t context) {
  const int64_t tokens = rows * context;
  const double bytes = double(tokens) * (2 * (C + R) + 4 * heads);
  const int copies = int(std::max(1., std::min(16., 6e9 / bytes)));
  std::vector<int32_t> slot, position;
  for (int64_t r = 0; r < rows; ++r) slot.push_back(int32_t(r)), position.push_back(int32_t(context - 1));
  const Requests requests(context, slot, position);
  Device<bf16> q(rows * heads * C), turned(rows * heads * R), latent(copies * tokens * C), rotary(copies * tokens * R), out(rows * heads * C);
  Device<float> s(copies * tokens * heads);
  Device<char> workspace(mlac::decode::workspace(rows, heads, 1, context, C));
  check::fill(q, 1, .1f), check::fill(turned, 2), check::fill(latent, 3), check::fill(rotary, 4), check::fill(s, 5);
  const double ms = in_a_row(copies, [&](cudaStream_t stream, int i) {
    CUDA_OK((mlac::decode_attention_latent<C, R>(stream, rows, heads, context, .1f, q, turned, R, latent + i * tokens * C, rotary + i * tokens * R, s + i * tokens * heads,
                                                 requests.device_slot, requests.device_position, out, workspace)));
  });
  char text[120];
  std::snprintf(text, sizeof text, "latent C %d R %d H %ld, rows %ld, context %ld", C, R, long(heads), long(rows), long(context));
  tell(text, ms, bytes);
}

template <int A, int U>
void time_plain(int64_t heads, int64_t rows, int64_t context) {
  const int64_t tokens = rows * context * heads;
  const double bytes = 2. * tokens * (A + U);
  const int copies = int(std::max(1., std::min(16., 6e9 / bytes)));
  std::vector<int32_t> slot, position;
  for (int64_t r = 0; r < rows; ++r) slot.push_back(int32_t(r)), position.push_back(int32_t(context - 1));
  const Requests requests(context, slot, position);
  Device<bf16> q(rows * heads * A), k(copies * tokens * A), v(copies * tokens * U), out(rows * heads * U);
  Device<char> workspace(mlac::decode::workspace(rows, heads, heads, context, U));
  check::fill(q, 1, .1f), check::fill(k, 2), check::fill(v, 3);
  const double ms = in_a_row(copies, [&](cudaStream_t stream, int i) {
    CUDA_OK((mlac::decode_attention<A, U>(stream, rows, heads, heads, context, .1f, q, k + i * tokens * A, v + i * tokens * U, requests.device_slot, requests.device_position, out, workspace)));
  });
  char text[120];
  std::snprintf(text, sizeof text, "keys and values A %d U %d H %ld, rows %ld, context %ld", A, U, long(heads), long(rows), long(context));
  tell(text, ms, bytes);
}

void time_sampling(int64_t rows, const char* name, double temperature, int32_t top_k, double top_p) {
  constexpr int64_t VOCABULARY = 102400;
  Device<float> logits(rows * VOCABULARY);
  check::fill(logits, 1, 8.f);
  const Device<double> temperatures(std::vector<double>(rows, temperature)), top_ps(std::vector<double>(rows, top_p));
  const Device<int32_t> top_ks(std::vector<int32_t>(rows, top_k)), slots(std::vector<int32_t>(rows, 0));
  const Device<uint64_t> seeds(std::vector<uint64_t>(rows, 5));
  const Device<int64_t> steps(std::vector<int64_t>(rows, 6));
  Device<int32_t> sampled(rows);
  Device<double> log_probability(rows);
  const double ms = in_a_row(20, [&](cudaStream_t stream, int) {
    CUDA_OK(mlac::sample_tokens(stream, rows, VOCABULARY, logits, temperatures, top_ks, top_ps, seeds, steps, slots, sampled, log_probability));
  });
  tell(std::string("sampling, ") + name + ", rows " + std::to_string(rows), ms, 4. * rows * VOCABULARY);
}

void decode_times() {
  copied = copy_speed();
  std::printf("a copy: %.2f TB/s\n", copied);
  for (const int64_t rows : {1, 64})
    for (const int64_t context : {4096, 65536}) time_latent<512, 64>(16, rows, context);
  time_latent<256, 64>(6, 64, 4096);
  for (const int64_t rows : {1, 64}) time_plain<192, 128>(16, rows, 4096);
  time_plain<192, 128>(16, 1, 65536);
  for (const int64_t rows : {1, 64}) {
    time_sampling(rows, "most likely", 0, 0, 1);
    time_sampling(rows, "temperature", 1, 0, 1);
    time_sampling(rows, "top-p", .8, 0, .9);
    time_sampling(rows, "top-k and top-p", .8, 50, .9);
  }
}

}  // namespace
