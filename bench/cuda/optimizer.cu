// The optimizer's kernels against plain loops in float64 on the host, and how long they take at the models' sizes.
#include "lib/muon.cuh"
#include "lib/optimizer.cuh"

#include <memory>

#include "check.cuh"

namespace {

using namespace mlac;
using check::Device;
using Exact = std::vector<double>;

std::vector<float> numbers(int64_t count, uint64_t seed, float scale = 1) {
  std::vector<float> x(count);
  for (int64_t i = 0; i < count; ++i) x[i] = scale * check::uniform(seed, i);
  return x;
}
uint32_t bits_of(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return bits;
}

/// A weight on the device, split or whole, that begins as `start`.
struct DeviceWeight {
  Device<uint16_t> high, remainder;
  Device<float> plain;
  bool split;
  DeviceWeight(const std::vector<float>& start, bool split) : high(split ? start.size() : 0), remainder(split ? start.size() : 0), plain(split ? 0 : start.size()), split(split) {
    std::vector<uint16_t> highs(start.size()), remainders(start.size());
    for (size_t i = 0; i < start.size(); ++i) highs[i] = high_bits(bits_of(start[i])), remainders[i] = remainder_bits(bits_of(start[i]));
    if (split) {
      CUDA_OK(cudaMemcpy(high.data, highs.data(), highs.size() * 2, cudaMemcpyHostToDevice));
      CUDA_OK(cudaMemcpy(remainder.data, remainders.data(), highs.size() * 2, cudaMemcpyHostToDevice));
    } else {
      CUDA_OK(cudaMemcpy(plain.data, start.data(), start.size() * 4, cudaMemcpyHostToDevice));
    }
  }
  Weight weight() const { return split ? Weight{high.data, remainder.data} : Weight{plain.data, nullptr}; }
  std::vector<float> host() const {
    if (!split) return plain.host();
    const std::vector<uint16_t> highs = high.host(), remainders = remainder.host();
    std::vector<float> x(highs.size());
    for (size_t i = 0; i < x.size(); ++i) {
      const uint32_t bits = join_bits(highs[i], remainders[i]);
      std::memcpy(&x[i], &bits, 4);
    }
    return x;
  }
};

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) { return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * 4) == 0; }
void that(const std::string& name, bool ok) { check::report(name, ok ? 0 : 1, 0); }
void join(std::vector<float>& to, const std::vector<float>& more) { to.insert(to.end(), more.begin(), more.end()); }

/// Sets what the later kernels read: the clipping factor of a gradient of norm 1 / scale, or a norm that is not finite.
struct Found {
  Device<Gradients> state{1};
  Device<float> report{4};
  explicit Found(double scale, bool finite = true) {
    Device<float> gradient(std::vector<float>{finite ? 1.f : INFINITY});
    measure_gradients(0, gradient.data, 1, scale, state.data, report.data);
    CUDA_OK(cudaDeviceSynchronize());
  }
};

void check_split() {
  bool same = true, nearest = true;
  for (uint64_t i = 0; i < 2000000; ++i) {
    const uint32_t bits = uint32_t((i + 1) * 0x9e3779b97f4a7c15ull >> 32);
    same &= join_bits(high_bits(bits), remainder_bits(bits)) == bits;
    if ((bits & 0x7f800000u) >= 0x7f000000u) continue;
    const uint32_t high = uint32_t(high_bits(bits)) << 16;
    float x, y;
    std::memcpy(&x, &bits, 4);
    std::memcpy(&y, &high, 4);
    nearest &= std::fabs(double(x) - y) <= std::fabs(double(x)) / 256 + 1e-38;
  }
  that("split and joined again: the same bits", same);
  that("the bf16 half is the nearest bf16", nearest);
}

void check_norm(int64_t count, double clip) {
  const std::vector<float> g = numbers(count, 11, 3);
  const Device<float> gradient(g);
  Device<float> report(4);
  Device<Gradients> state(1);
  double squares = 0;
  for (float x : g) squares += double(x) * x;
  const double norm = std::sqrt(squares);
  measure_gradients(0, gradient.data, count, clip, state.data, report.data);
  CUDA_OK(cudaDeviceSynchronize());
  const std::string what = "norm of " + std::to_string(count) + " clip " + std::to_string(clip);
  check::report(what, std::fabs(report.host()[2] - norm) / norm, 1e-6);
  const double scale = clip > 0 ? std::min(1., clip / (norm + 1e-6)) : 1;
  const Gradients found = state.host()[0];
  check::report(what + ": factor", std::fabs(found.scale - scale) / scale + (found.finite != 1), 1e-6);
}

/// The norm of what one of several ranks owns: pieces of any length, at any place.
void check_pieces(const std::vector<int64_t>& counts) {
  std::vector<OwnedGradients> pieces;
  int64_t total = 0, runs = 0;
  for (int64_t count : counts) total += count + 3;  // gaps of three: most pieces are not aligned
  const std::vector<float> g = numbers(total, 12, 3);
  const Device<float> gradient(g);
  double squares = 0;
  int64_t at = 0;
  for (int64_t count : counts) {
    pieces.push_back({gradient.data + at, count, runs});
    for (int64_t i = 0; i < count; ++i) squares += double(g[at + i]) * g[at + i];
    at += count + 3;
    runs += (count + RUN - 1) / RUN;
  }
  pieces.push_back({nullptr, 0, runs});
  const Device<OwnedGradients> list(pieces);
  Device<Gradients> state(1);
  Device<float> report(4);
  sum_squares(0, list.data, int(counts.size()), state.data);
  finish_norm(0, 0, state.data, report.data);
  CUDA_OK(cudaDeviceSynchronize());
  const double norm = std::sqrt(squares);
  check::report("norm of " + std::to_string(counts.size()) + " pieces", std::fabs(report.host()[2] - norm) / norm, 1e-6);
}

void check_adamw(const std::vector<int64_t>& counts) {
  const AdamW rule{3e-3, 0.9, 0.95, 1e-8, 0.1};
  const double scale = 0.5;
  const Found found(scale);
  std::vector<std::unique_ptr<DeviceWeight>> weights;
  std::vector<std::unique_ptr<Device<float>>> gradients, firsts, seconds;
  std::vector<AdamWTensor> tensors;
  std::vector<float> got;
  Exact wanted;
  for (size_t t = 0; t < counts.size(); ++t) {
    const std::vector<float> w = numbers(counts[t], 3 * t + 1), g = numbers(counts[t], 3 * t + 2);
    weights.push_back(std::make_unique<DeviceWeight>(w, t % 3 != 2));
    gradients.push_back(std::make_unique<Device<float>>(g));
    firsts.push_back(std::make_unique<Device<float>>(counts[t]));
    seconds.push_back(std::make_unique<Device<float>>(counts[t]));
    firsts[t]->zero();
    seconds[t]->zero();
    tensors.push_back({weights[t]->weight(), gradients[t]->data, firsts[t]->data, seconds[t]->data, counts[t], rule});
    for (int64_t i = 0; i < counts[t]; ++i) {
      double x = w[i], m = 0, v = 0;
      const double d = g[i] * (scale / (1 + 1e-6));
      for (int step = 1; step <= 3; ++step) {
        m = rule.beta1 * m + (1 - rule.beta1) * d;
        v = rule.beta2 * v + (1 - rule.beta2) * d * d;
        x = x * (1 - rule.lr * rule.weight_decay) - rule.lr * (m / (1 - std::pow(rule.beta1, step))) / (std::sqrt(v / (1 - std::pow(rule.beta2, step))) + rule.eps);
      }
      wanted.push_back(x);
    }
  }
  for (int step = 1; step <= 3; ++step) adamw(0, step, found.state.data, tensors.data(), int64_t(tensors.size()));
  CUDA_OK(cudaDeviceSynchronize());
  for (const auto& weight : weights) join(got, weight->host());
  check::report("adamw, " + std::to_string(counts.size()) + " tensors, 3 steps", check::relative_error(got, wanted), 1e-6);
}

/// `rows` x `inner` times `inner` x `columns`; a transposed operand is stored the other way.
Exact times(const Exact& a, const Exact& b, bool b_transposed, int64_t rows, int64_t inner, int64_t columns) {
  Exact c(rows * columns);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t k = 0; k < inner; ++k)
      for (int64_t j = 0; j < columns; ++j) c[i * columns + j] += a[i * inner + k] * (b_transposed ? b[j * inner + k] : b[k * columns + j]);
  return c;
}

/// What one matrix's weight is moved by, and its momentum.
void exact_muon(const Muon& rule, int steps, int64_t rows, int64_t columns, double scale, const float* gradient, double* momentum, double* move) {
  const int64_t n = rows * columns, s = std::min(rows, columns), l = std::max(rows, columns);
  Exact x(n);
  double squares = 0;
  const auto turned = [&](int64_t i) { return rows <= columns ? i : i % columns * rows + i / columns; };
  for (int64_t i = 0; i < n; ++i) {
    const double g = gradient[i] * scale;
    momentum[i] = rule.momentum * momentum[i] + (1 - rule.momentum) * g;
    const double u = (1 - rule.momentum) * g + rule.momentum * momentum[i];
    squares += u * u;
    x[turned(i)] = u;
  }
  for (double& u : x) u /= std::sqrt(squares) + 1e-7;
  for (int step = 0; step < steps; ++step) {
    const Exact a = times(x, x, true, s, l, s), aa = times(a, a, false, s, s, s);
    Exact p(s * s);
    for (int64_t i = 0; i < s * s; ++i) p[i] = -4.7750 * a[i] + 2.0315 * aa[i];
    const Exact px = times(p, x, false, s, s, l);
    for (int64_t i = 0; i < n; ++i) x[i] = 3.4445 * x[i] + px[i];
  }
  for (int64_t i = 0; i < n; ++i) move[i] = rule.lr * 0.2 * std::sqrt(double(l)) * x[turned(i)];
}

template <NewtonSchulz HOW>
cudaError_t run_muon(const MuonBatch& batch, const Gradients* found, const std::vector<MuonTensor>& tensors, char* workspace) {
  if (batch.rows <= batch.columns) return muon<HOW, Shape::wide>(0, batch, found, tensors.data(), int64_t(tensors.size()), workspace);
  return muon<HOW, Shape::tall>(0, batch, found, tensors.data(), int64_t(tensors.size()), workspace);
}

/// Parameters with rules of their own that go through Muon together. `tiny` scales the last one's gradient to nothing.
struct MuonCase {
  int64_t rows, columns;
  std::vector<int64_t> counts;
  std::vector<std::unique_ptr<DeviceWeight>> weights;
  std::vector<std::unique_ptr<Device<float>>> momenta, gradients;
  std::vector<MuonTensor> tensors;
  int64_t matrices = 0;

  MuonCase(int64_t rows, int64_t columns, const std::vector<int64_t>& counts) : rows(rows), columns(columns), counts(counts) {
    for (size_t t = 0; t < counts.size(); ++t) {
      weights.push_back(std::make_unique<DeviceWeight>(weight(t), t % 4 != 3));
      momenta.push_back(std::make_unique<Device<float>>(momentum(t)));
      gradients.push_back(std::make_unique<Device<float>>(gradient(t)));
      tensors.push_back({weights[t]->weight(), momenta[t]->data, gradients[t]->data, counts[t], rule(t)});
      matrices += counts[t];
    }
  }
  int64_t size(size_t t) const { return counts[t] * rows * columns; }
  static Muon rule(size_t t) { return t % 2 == 0 ? Muon{0.02, 0.95, 0.01} : Muon{0.1, 0.9, 0}; }
  std::vector<float> weight(size_t t) const { return numbers(size(t), 10 * t + 1, 0.1f); }
  std::vector<float> momentum(size_t t) const { return numbers(size(t), 10 * t + 2, 1e-3f); }
  std::vector<float> gradient(size_t t) const { return numbers(size(t), 10 * t + 3, 1e-2f); }
  std::vector<float> weights_now() const {
    std::vector<float> all;
    for (const auto& w : weights) join(all, w->host());
    return all;
  }
  std::vector<float> momenta_now() const {
    std::vector<float> all;
    for (const auto& m : momenta) join(all, m->host());
    return all;
  }
  template <NewtonSchulz HOW>
  void run(int64_t at_once, const Found& found) {
    Device<char> workspace(at_once * muon_workspace(rows, columns));
    CUDA_OK(run_muon<HOW>({rows, columns, at_once, 5}, found.state.data, tensors, workspace.data));
    CUDA_OK(cudaDeviceSynchronize());
  }
};

void check_muon(int64_t rows, int64_t columns, const std::vector<int64_t>& counts, int64_t at_once) {
  const double scale = 0.5;
  const Found found(scale);
  MuonCase plain(rows, columns, counts), half(rows, columns, counts), again(rows, columns, counts), whole(rows, columns, counts);
  plain.run<NewtonSchulz::plain>(at_once, found);
  half.run<NewtonSchulz::symmetric>(at_once, found);
  again.run<NewtonSchulz::symmetric>(at_once, found);
  whole.run<NewtonSchulz::symmetric>(plain.matrices, found);
  Exact moves, momenta, kept;
  const int64_t n = rows * columns;
  for (size_t t = 0; t < counts.size(); ++t) {
    const std::vector<float> w = plain.weight(t), m = plain.momentum(t), g = plain.gradient(t);
    const size_t begin = moves.size();
    momenta.insert(momenta.end(), m.begin(), m.end());
    moves.resize(begin + w.size());
    for (int64_t i = 0; i < counts[t]; ++i) exact_muon(MuonCase::rule(t), 5, rows, columns, scale / (1 + 1e-6), &g[i * n], &momenta[begin + i * n], &moves[begin + i * n]);
    for (float x : w) kept.push_back(x * (1 - MuonCase::rule(t).lr * MuonCase::rule(t).weight_decay));
  }
  const auto moved = [&](const MuonCase& c) {
    std::vector<float> x = c.weights_now();
    for (size_t i = 0; i < x.size(); ++i) x[i] = float(kept[i] - x[i]);
    return x;
  };
  std::string what = std::to_string(rows) + " x " + std::to_string(columns) + " of";
  for (int64_t count : counts) what += " " + std::to_string(count);
  const double limit = std::min(rows, columns) < 64 ? 2.5e-2 : 2e-2;
  const std::vector<float> plainly = moved(plain);
  check::report("muon plain " + what, check::relative_error(plainly, moves), limit);
  check::report("muon symmetric " + what, check::relative_error(moved(half), moves), limit);
  check::report("muon symmetric against plain " + what, check::relative_error(moved(half), plainly), 1e-2);
  check::report("muon momentum " + what, check::relative_error(half.momenta_now(), momenta), 1e-6);
  that("muon twice, the same bits " + what, same_bits(half.weights_now(), again.weights_now()) && same_bits(half.momenta_now(), again.momenta_now()));
  check::report("muon all at once against " + std::to_string(at_once) + " at once " + what, check::relative_error(moved(whole), moved(half)), 1e-2);
}

void check_zero_gradient() {
  MuonCase c(64, 96, {2});
  c.gradients[0]->zero();
  c.momenta[0]->zero();
  c.run<NewtonSchulz::symmetric>(2, Found(1));
  Exact kept;
  for (float x : c.weight(0)) kept.push_back(x * (1 - MuonCase::rule(0).lr * MuonCase::rule(0).weight_decay));
  check::report("muon, gradient and momentum zero: only decay", check::relative_error(c.weights_now(), kept), 1e-6);
}

void check_not_finite() {
  const Found found(1, false);
  that("not finite: the norm says so", !std::isfinite(found.report.host()[2]) && found.state.host()[0].finite == 0);
  MuonCase c(40, 64, {3, 2});
  c.run<NewtonSchulz::symmetric>(5, found);
  std::vector<float> weights, momenta;
  for (size_t t = 0; t < 2; ++t) join(weights, c.weight(t)), join(momenta, c.momentum(t));
  that("not finite: muon changes nothing", same_bits(weights, c.weights_now()) && same_bits(momenta, c.momenta_now()));
  const std::vector<float> start = numbers(1003, 5), moments = numbers(1003, 6), biases = numbers(16, 7);
  const DeviceWeight weight(start, true);
  const Device<float> gradient(start), moment1(moments), moment2(moments), bias(biases);
  const Device<int32_t> load(std::vector<int32_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});
  adamw(0, 1, found.state.data, {{weight.weight(), gradient.data, moment1.data, moment2.data, 1003, AdamW{1e-3, 0.9, 0.95, 1e-8, 0.1}}});
  move_expert_bias(0, 0.1, 2, 8, load.data, bias.data, found.state.data);
  CUDA_OK(cudaDeviceSynchronize());
  that("not finite: adamw changes nothing", same_bits(start, weight.host()) && same_bits(moments, moment1.host()) && same_bits(moments, moment2.host()));
  that("not finite: expert biases stay", same_bits(biases, bias.host()));
}

void check_loads() {
  const Found found(1);
  const Device<float> bias(std::vector<float>{0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1});
  const Device<int32_t> load(std::vector<int32_t>{1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7, 7}), sum(12);
  add_loads(0, load.data, sum.data, 12, true);
  add_loads(0, load.data, sum.data, 12, false);
  move_expert_bias(0, 0.5, 2, 6, sum.data, bias.data, found.state.data);
  CUDA_OK(cudaDeviceSynchronize());
  that("loads are summed", sum.host() == std::vector<int32_t>{2, 4, 6, 8, 10, 12, 14, 14, 14, 14, 14, 14});
  that("expert biases move towards equal loads", same_bits(bias.host(), {0.5f, 0.5f, 0.5f, -0.5f, -0.5f, -0.5f, 1, 1, 1, 1, 1, 1}));
}

// ------------------------------------------------------------------------------------------------------------------ timings

__global__ void split_random_kernel(uint16_t* high, uint16_t* remainder, int64_t n, uint64_t seed) {
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < n; i += int64_t(gridDim.x) * blockDim.x) {
    const uint32_t bits = __float_as_uint(0.02f * check::uniform(seed, i));
    high[i] = high_bits(bits), remainder[i] = remainder_bits(bits);
  }
}

/// A parameter's arrays, random.
struct TimedMatrices {
  int64_t rows, columns, count;
  Device<uint16_t> high, remainder;
  Device<float> momentum, gradient;
  TimedMatrices(int64_t rows, int64_t columns, int64_t count)
      : rows(rows), columns(columns), count(count), high(size()), remainder(size()), momentum(size()), gradient(size()) {
    split_random_kernel<<<1024, 256>>>(high.data, remainder.data, size(), 1);
    check::fill(momentum, 2, 1e-3f);
    check::fill(gradient, 3, 1e-3f);
  }
  int64_t size() const { return rows * columns * count; }
  MuonTensor tensor() const { return {{high.data, remainder.data}, momentum.data, gradient.data, count, Muon{1e-5, 0.95, 0.01}}; }
};

/// All the matrices of a shape, as update.cu has them.
struct TimedBatch {
  std::vector<std::unique_ptr<TimedMatrices>> members;
  std::vector<MuonTensor> tensors;
  MuonBatch batch{};
  double flops = 0;  // with every product in full
  TimedBatch(int64_t rows, int64_t columns, const std::vector<int64_t>& counts) {
    int64_t matrices = 0;
    for (int64_t count : counts) {
      members.push_back(std::make_unique<TimedMatrices>(rows, columns, count));
      tensors.push_back(members.back()->tensor());
      matrices += count;
    }
    const int64_t fit = std::max<int64_t>(1, int64_t(1.5 * (1 << 30)) / muon_workspace(rows, columns));
    batch = {rows, columns, ceil_div(matrices, ceil_div(matrices, fit)), 5};
    const double s = double(std::min(rows, columns)), l = double(std::max(rows, columns));
    flops = 5 * matrices * (4 * s * s * l + 2 * s * s * s);
  }
  int64_t workspace() const { return batch.at_once * muon_workspace(batch.rows, batch.columns); }
};

void time_muon(const std::string& what, const std::vector<std::unique_ptr<TimedBatch>>& batches) {
  const Found found(1);
  int64_t most = 0;
  double flops = 0;
  for (const auto& b : batches) most = std::max(most, b->workspace()), flops += b->flops;
  Device<char> workspace(most);
  const auto time = [&](const char* how, auto run) {
    const double ms = check::milliseconds([&] { for (const auto& b : batches) run(*b); }, 10);
    std::printf("TIME muon %-9s %-52s %8.3f ms  %6.1f TFLOP/s (every product counted in full)\n", how, what.c_str(), ms, flops / ms * 1e-9);
  };
  time("plain", [&](const TimedBatch& b) { CUDA_OK(run_muon<NewtonSchulz::plain>(b.batch, found.state.data, b.tensors, workspace.data)); });
  time("symmetric", [&](const TimedBatch& b) { CUDA_OK(run_muon<NewtonSchulz::symmetric>(b.batch, found.state.data, b.tensors, workspace.data)); });
}

void time_matrices(const std::string& what, const std::vector<std::pair<std::pair<int64_t, int64_t>, std::vector<int64_t>>>& shapes) {
  std::vector<std::unique_ptr<TimedBatch>> batches;
  for (const auto& [shape, counts] : shapes) batches.push_back(std::make_unique<TimedBatch>(shape.first, shape.second, counts));
  time_muon(what, batches);
}

/// One batch without its products: begin, factors and finish. 14 and 10 bytes for each element, of which 2 are in the workspace each time.
void time_elementwise_muon() {
  const TimedBatch b(768, 512, {352});
  const Found found(1);
  Device<char> workspace(b.workspace());
  const MuonBatch none{768, 512, b.batch.at_once, 0};
  const double ms = check::milliseconds([&] { CUDA_OK(run_muon<NewtonSchulz::symmetric>(none, found.state.data, b.tensors, workspace.data)); });
  std::printf("TIME muon without its steps, 352 of 768 x 512: %.3f ms  %.2f TB/s\n", ms, 24. * 352 * 768 * 512 / ms * 1e-9);
}

void time_adamw(int64_t count) {
  const Found found(1);
  Device<uint16_t> high(count), remainder(count);
  Device<float> gradient(count), moment1(count), moment2(count);
  split_random_kernel<<<1024, 256>>>(high.data, remainder.data, count, 1);
  check::fill(gradient, 2, 1e-3f);
  check::fill(moment1, 3, 1e-3f);
  check::fill(moment2, 3, 1e-3f);
  const AdamWTensor tensor{{high.data, remainder.data}, gradient.data, moment1.data, moment2.data, count, AdamW{1e-5, 0.9, 0.95, 1e-8, 0.1}};
  double ms = check::milliseconds([&] { adamw(0, 100, found.state.data, {tensor}); });
  std::printf("TIME adamw of %.0f M: %.3f ms  %.2f TB/s\n", count * 1e-6, ms, 28. * count / ms * 1e-9);
  Device<Gradients> state(1);
  Device<float> report(4);
  ms = check::milliseconds([&] { measure_gradients(0, gradient.data, count, 1, state.data, report.data); });
  std::printf("TIME norm of %.0f M: %.3f ms  %.2f TB/s\n", count * 1e-6, ms, 4. * count / ms * 1e-9);
}

}  // namespace

int main(int argc, char** argv) {
  if (check::wants(argc, argv, "check")) {
    check_split();
    for (int64_t count : {1, 7, 8, 5001, 1048579}) check_norm(count, count == 7 ? 0 : 2);
    check_pieces({1});
    check_pieces({4096, 1237, 64, 5, 8, 8193, 100001, 3000000});
    check_pieces(std::vector<int64_t>(300, 333));
    check_adamw({4096, 1237, 64, 5, 8193, 100001});
    check_adamw(std::vector<int64_t>(100, 333));
    check_zero_gradient();
    check_not_finite();
    check_loads();
    check_muon(16, 24, {3}, 3);
    check_muon(96, 160, {5, 3}, 3);
    check_muon(160, 96, {1, 2, 2}, 2);
    check_muon(72, 72, {2}, 1);
    check_muon(37, 53, {2, 3}, 2);
    check_muon(53, 37, {2, 3}, 4);
    check_muon(44, 80, {4}, 4);  // rows are padded, their length is not
    check_muon(144, 264, {1, 1}, 2);
    check_muon(328, 136, {2}, 2);
    check_muon(8, 16, std::vector<int64_t>(70, 1), 70);  // more parameters than one launch takes
  }
  if (check::wants(argc, argv, "time")) {
    time_adamw(200'000'000);
    time_elementwise_muon();
    time_matrices("speedrun's experts, 1056 + 33 of 768 x 512 and back", {{{768, 512}, {352, 352, 11, 11}}, {{512, 768}, {352, 11}}});
    time_matrices("speedrun's other matrices", {{{768, 1152}, {12}}, {{768, 320}, {12}}, {{256, 1536}, {12}}, {{768, 768}, {12}}, {{768, 2560}, {1, 1}}, {{2560, 768}, {1}}});
    time_matrices("lite's experts of 2 layers, 384 of 2048 x 1408 and back", {{{2048, 1408}, {128, 128}}, {{1408, 2048}, {128}}});
  }
  std::printf("%s\n", check::failures == 0 ? "all checks passed" : "CHECKS FAILED");
  return check::failures == 0 ? 0 : 1;
}
