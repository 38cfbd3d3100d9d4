// The time of decoding's kernels at lite's sizes, and the share of the memory's bandwidth that it comes to.
#pragma once

#include "decode_shared.cuh"

namespace {

double copy_speed() {
  Device<char> a(int64_t(1) << 31), b(int64_t(1) << 31);
  double ms;
  return speed(2. * a.count, [&] { CUDA_OK(cudaMemcpyAsync(a, b, a.count, cudaMemcpyDeviceToDevice)); }, ms);
}

/// Many launches behind one another, each with weights of its own, so that no cache holds them: as in a step. Milliseconds of one.
double in_a_row(int count, const std::function<void(cudaStream_t, int)>& launch) {
  cudaStream_t stream;
  CUDA_OK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  cudaGraph_t graph;
  cudaGraphExec_t program;
  CUDA_OK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  for (int i = 0; i < count; ++i) launch(stream, i);
  CUDA_OK(cudaStreamEndCapture(stream, &graph));
  CUDA_OK(cudaGraphInstantiate(&program, graph, 0));
  cudaEvent_t begin, end;
  CUDA_OK(cudaEventCreate(&begin));
  CUDA_OK(cudaEventCreate(&end));
  std::vector<float> times(9);
  for (int round = -2; round < int(times.size()); ++round) {
    CUDA_OK(cudaEventRecord(begin, stream));
    CUDA_OK(cudaGraphLaunch(program, stream));
    CUDA_OK(cudaEventRecord(end, stream));
    CUDA_OK(cudaEventSynchronize(end));
    if (round >= 0) CUDA_OK(cudaEventElapsedTime(&times[round], begin, end));
  }
  std::sort(times.begin(), times.end());
  cudaGraphExecDestroy(program);
  cudaGraphDestroy(graph);
  cudaStreamDestroy(stream);
  return times[times.size() / 2] / count;
}

double copied;  // TB/s

void tell(const std::string& name, double ms, double bytes) {
  std::printf("%-62s %9.2f us %8.1f MB %6.2f TB/s %5.1f %%\n", name.c_str(), 1e3 * ms, 1e-6 * bytes, bytes / ms * 1e-9, bytes / ms * 1e-7 / copied);
  std::fflush(stdout);
}

template <int SUMS, bool BY_K, int M>
void time_dense(const char* name, int64_t k, int64_t n) {
  using C = mlac::Contraction<mlac::Kind::dense, mlac::Major::k, BY_K ? mlac::Major::k : mlac::Major::own, SUMS>;
  const double bytes = 2. * SUMS * k * n;
  const int copies = int(std::max(2., std::min(40., 1.5e9 / bytes)));
  FewRows<SUMS> p(M, k, n, copies, BY_K, M, {}, {});
  const double ms = in_a_row(copies, [&](cudaStream_t stream, int i) {
    auto product = p.product();
    for (auto& b : product.b) b.data += i * k * n, b.group_stride = 0;
    mlac::Extent extent = p.extent();
    extent.groups = 1;
    CUDA_OK((mlac::contract_few<C, M>(stream, extent, {product}, KeepSums<SUMS>{p.y, n})));
  });
  char text[120];
  std::snprintf(text, sizeof text, "%s [%ld %ld]%s, rows %d", name, long(k), long(n), SUMS == 2 ? " twice" : "", M);
  tell(text, ms, bytes);
}

/// `touched` of 64 experts with so many rows in all.
template <int SUMS, bool GATHERS, int M>
void time_experts(const char* name, int64_t k, int64_t n, int touched) {
  using C = mlac::Contraction<mlac::Kind::ragged_m, mlac::Major::k, mlac::Major::own, SUMS, 1, true, GATHERS>;
  std::vector<int32_t> offsets{0}, index;
  int32_t given = 0;
  for (int e = 0; e < 64; ++e) {
    const int place = e * 29 % 64;  // the touched ones lie among the others
    const bool has = place < touched;
    offsets.push_back(offsets.back() + (has ? (given + 1) * M / touched - given * M / touched : 0));
    given += has;
  }
  for (int32_t i = 0; i < M; ++i) index.push_back(i);
  FewRows<SUMS> p(M, k, n, 64, false, M, offsets, GATHERS ? index : std::vector<int32_t>{});
  const int copies = touched > 16 ? 6 : 12;
  Device<bf16> others(int64_t(copies - 1) * 64 * k * n), other_ups(SUMS == 2 ? int64_t(copies - 1) * 64 * k * n : 8);
  check::fill(others, 7, .02f), check::fill(other_ups, 8, .02f);
  const double ms = in_a_row(copies, [&](cudaStream_t stream, int i) {
    auto product = p.product(GATHERS ? 6 : 1);
    if (i > 0) product.b[0].data = others + (i - 1) * 64 * k * n;
    if (i > 0 && SUMS == 2) product.b[SUMS - 1].data = other_ups + (i - 1) * 64 * k * n;
    CUDA_OK((mlac::contract_few<C, M>(stream, p.extent(), {product}, KeepSums<SUMS>{p.y, n})));
  });
  char text[120];
  std::snprintf(text, sizeof text, "%s of %d experts [%ld %ld]%s, rows %d", name, touched, long(k), long(n), SUMS == 2 ? " twice" : "", M);
  tell(text, ms, 2. * SUMS * touched * k * n);
}

template <int ROWS, int READS, int WRITES, bool BACK>
void time_by_head(const char* name, int64_t heads) {
  constexpr int COPIES = 40;
  Device<bf16> x(ROWS * heads * READS), w(COPIES * READS * heads * WRITES), y(ROWS * heads * WRITES);
  check::fill(x, 1), check::fill(w, 2, .05f);
  const double ms = in_a_row(COPIES, [&](cudaStream_t stream, int i) { CUDA_OK((mlac::linear_by_head<ROWS, READS, WRITES, BACK>(stream, heads, x, w + i * READS * heads * WRITES, y))); });
  char text[120];
  std::snprintf(text, sizeof text, "%s by head, %ld heads [%d %d], rows %d", name, long(heads), READS, WRITES, ROWS);
  tell(text, ms, 2. * READS * WRITES * heads);
}

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

template <int M>
void time_products() {
  time_dense<1, false, M>("query", 2048, 3072);
  time_dense<1, false, M>("latent", 2048, 512);
  time_dense<1, false, M>("router", 2048, 64);
  time_by_head<M, 128, 512, true>("query to latent", 16);
  time_by_head<M, 512, 128, false>("latent to value", 16);
  time_dense<1, false, M>("out", 2048, 2048);
  time_dense<2, false, M>("shared up", 2048, 2816);
  time_dense<1, false, M>("shared down", 2816, 2048);
  time_dense<2, false, M>("dense up", 2048, 10944);
  time_dense<1, false, M>("dense down", 10944, 2048);
  time_dense<1, true, M>("head", 2048, 102400);
  time_experts<2, true, 6 * M>("up", 2048, 1408, M == 1 ? 6 : 64);
  time_experts<1, false, 6 * M>("down", 1408, 2048, M == 1 ? 6 : 64);
}

void decode_times() {
  copied = copy_speed();
  std::printf("a copy: %.2f TB/s\n", copied);
  time_products<1>();
  time_products<64>();
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
