// Decoding's kernels against float64 on the host.
#pragma once

#include "decode_shared.cuh"

namespace {

/// out[row, h] = Σ p(t) values[t], where score(row, h, t) is given. One host for both kinds of cache.
template <typename Score, typename Value>
std::vector<double> attend(const Requests& r, int64_t heads, int64_t width, const Score& score, const Value& value) {
  std::vector<double> out(r.rows * heads * width);
  for (int64_t row = 0; row < r.rows; ++row)
    for (int64_t h = 0; h < heads; ++h) {
      const int64_t from = r.from(row);
      std::vector<double> p(r.position[from] + 1);
      double top = -INFINITY, sum = 0;
      for (size_t t = 0; t < p.size(); ++t) top = std::max(top, p[t] = score(from, h, int64_t(t)));
      for (double& x : p) sum += x = std::exp(x - top);
      for (size_t t = 0; t < p.size(); ++t)
        for (int64_t c = 0; c < width; ++c) out[(row * heads + h) * width + c] += p[t] / sum * value(from, h, int64_t(t), c);
    }
  return out;
}

template <int C, int R>
void check_latent(int64_t heads, const Requests& r, bool scalars) {
  const int64_t tokens = 4 * r.context;
  Device<bf16> q(r.rows * heads * C), turned(r.rows * heads * (R + 8)), latent(tokens * C), rotary(tokens * R), out(r.rows * heads * C);
  Device<float> s(tokens * heads);
  Device<char> workspace(mlac::decode::workspace(r.rows, heads, 1, r.context, C));
  check::fill(q, 1, 2.f / std::sqrt(float(C))), check::fill(turned, 2), check::fill(latent, 3), check::fill(rotary, 4), check::fill(s, 5);
  const float scale = .7f;
  const auto work = [&] {
    CUDA_OK((mlac::decode_attention_latent<C, R>(nullptr, r.rows, heads, r.context, scale, q, turned, R + 8, latent, rotary, scalars ? static_cast<float*>(s) : nullptr, r.device_slot,
                                                 r.device_position, out, workspace)));
  };
  work();
  CUDA_OK(cudaDeviceSynchronize());
  const auto qs = q.host(), turneds = turned.host(), latents = latent.host(), rotaries = rotary.host();
  const auto ss = s.host();
  const auto wanted = attend(
      r, heads, C,
      [&](int64_t row, int64_t h, int64_t t) {
        const int64_t token = r.slot[row] * r.context + t;
        double sum = 0;
        for (int64_t c = 0; c < C; ++c) sum += at(qs, (row * heads + h) * C + c) * at(latents, token * C + c);
        for (int64_t c = 0; c < R; ++c) sum += at(turneds, (row * heads + h) * (R + 8) + c) * at(rotaries, token * R + c);
        return sum * scale * (scalars ? ss[token * heads + h] : 1.);
      },
      [&](int64_t row, int64_t, int64_t t, int64_t c) { return at(latents, (r.slot[row] * r.context + t) * C + c); });
  char name[120];
  std::snprintf(name, sizeof name, "latent C %d R %d H %ld, rows %ld, context %ld%s", C, R, long(heads), long(r.rows), long(r.context), scalars ? ", scalars" : "");
  check::report(name, check::relative_error(out.host(), wanted), 8e-3);
  same_again(name, out, work);
}

template <int A, int U>
void check_plain(int64_t heads, int64_t groups, const Requests& r) {
  const int64_t tokens = 4 * r.context * groups;
  Device<bf16> q(r.rows * heads * A), k(tokens * A), v(tokens * U), out(r.rows * heads * U);
  Device<char> workspace(mlac::decode::workspace(r.rows, heads, groups, r.context, U));
  check::fill(q, 1), check::fill(k, 2), check::fill(v, 3);
  const float scale = 3.f / std::sqrt(float(A));
  const auto work = [&] { CUDA_OK((mlac::decode_attention<A, U>(nullptr, r.rows, heads, groups, r.context, scale, q, k, v, r.device_slot, r.device_position, out, workspace))); };
  work();
  CUDA_OK(cudaDeviceSynchronize());
  const auto qs = q.host(), ks = k.host(), vs = v.host();
  const auto place = [&](int64_t row, int64_t h, int64_t t) { return (r.slot[row] * r.context + t) * groups + h / (heads / groups); };
  const auto wanted = attend(
      r, heads, U,
      [&](int64_t row, int64_t h, int64_t t) {
        double sum = 0;
        for (int64_t c = 0; c < A; ++c) sum += at(qs, (row * heads + h) * A + c) * at(ks, place(row, h, t) * A + c);
        return sum * scale;
      },
      [&](int64_t row, int64_t h, int64_t t, int64_t c) { return at(vs, place(row, h, t) * U + c); });
  char name[120];
  std::snprintf(name, sizeof name, "keys and values A %d U %d H %ld G %ld, rows %ld, context %ld", A, U, long(heads), long(groups), long(r.rows), long(r.context));
  check::report(name, check::relative_error(out.host(), wanted), 8e-3);
  same_again(name, out, work);
}

/// The one kernel for few tokens and the three for many agree.
template <int EXPERTS, int TOP>
void check_routing(int64_t tokens) {
  const int64_t choices = tokens * TOP;
  struct Out {
    Device<float> gates, probabilities, balance;
    Device<int32_t> choice, slot, source, offsets, load;
    Out(int64_t choices, int64_t tokens) : gates(choices), probabilities(tokens * EXPERTS), balance(1), choice(choices), slot(choices), source(choices), offsets(EXPERTS + 1), load(EXPERTS) {}
  } a(choices, tokens), b(choices, tokens);
  Device<float> logits(tokens * EXPERTS);
  Device<char> workspace(mlac::route_workspace(tokens, EXPERTS));
  check::fill(logits, 8, 3.f);
  CUDA_OK((mlac::choose_experts_of_few<mlac::Score::softmax, EXPERTS, TOP, float>(nullptr, tokens, 1.5, .01, logits, nullptr, a.gates, a.choice, a.slot, a.source, a.offsets, a.load, a.probabilities,
                                                                                 a.balance)));
  mlac::choose_experts<mlac::Score::softmax, EXPERTS, TOP, float>(nullptr, tokens, 1.5, .01, logits, nullptr, b.gates, b.choice, b.slot, b.source, b.offsets, b.load, b.probabilities, b.balance,
                                                                 workspace);
  CUDA_OK(cudaDeviceSynchronize());
  double differ = 0;
  const auto compare = [&](const auto& x, const auto& y) {
    const auto xs = x.host(), ys = y.host();
    for (size_t i = 0; i < xs.size(); ++i) differ += std::memcmp(&xs[i], &ys[i], 4) != 0;
  };
  compare(a.gates, b.gates), compare(a.choice, b.choice), compare(a.slot, b.slot), compare(a.source, b.source), compare(a.offsets, b.offsets), compare(a.load, b.load);
  compare(a.probabilities, b.probabilities);
  char name[120];
  std::snprintf(name, sizeof name, "routing of %ld tokens to %d of %d experts, as with three kernels", long(tokens), TOP, EXPERTS);
  check::report(name, differ, 0);
  check::report(std::string(name) + ": balance", std::fabs(a.balance.host()[0] - b.balance.host()[0]) / b.balance.host()[0], 1e-5);
}

void check_cache() {
  constexpr int64_t ROWS = 3, LENGTH = 5, CONTEXT = 7, WIDTH = 24, HEADS = 6;
  Device<bf16> value(ROWS * LENGTH * WIDTH), cache(4 * CONTEXT * WIDTH);
  Device<float> scalar(ROWS * LENGTH * HEADS), scalars(4 * CONTEXT * HEADS);
  check::fill(value, 1), check::fill(scalar, 2), cache.zero(), scalars.zero();
  const std::vector<int32_t> slot{2, -1, 0}, position{4, 3, 1};
  const Device<int32_t> slots(slot), positions(position);
  for (const bool window : {true, false}) {
    cache.zero(), scalars.zero();
    const mlac::Kept kept[] = {{value, cache, WIDTH * 2}, {scalar, scalars, HEADS * 4}};
    if (window) CUDA_OK((mlac::cache_write<true>(nullptr, ROWS, LENGTH, CONTEXT, kept, slots, positions)));
    else CUDA_OK((mlac::cache_write<false>(nullptr, ROWS, 1, CONTEXT, kept, slots, positions)));
    CUDA_OK(cudaDeviceSynchronize());
    std::vector<double> wanted(4 * CONTEXT * WIDTH), wanted_scalars(4 * CONTEXT * HEADS);
    const auto values = value.host();
    const auto scalar_values = scalar.host();
    for (int64_t b = 0; b < ROWS; ++b)
      for (int64_t t = 0; slot[b] >= 0 && t < (window ? position[b] + 1 : 1); ++t) {
        const int64_t from = window ? b * LENGTH + t : b, to = slot[b] * CONTEXT + (window ? t : position[b]);
        for (int64_t c = 0; c < WIDTH; ++c) wanted[to * WIDTH + c] = at(values, from * WIDTH + c);
        for (int64_t h = 0; h < HEADS; ++h) wanted_scalars[to * HEADS + h] = scalar_values[from * HEADS + h];
      }
    check::report(window ? "cache: a window" : "cache: tokens", check::relative_error(cache.host(), wanted) + check::relative_error(scalars.host(), wanted_scalars), 0);
  }
}

struct Draw {
  double temperature;
  int32_t top_k;
  double top_p;
};

/// One row of the reference: weights as whole numbers, as the kernel has them, but sorted and summed plainly.
int32_t draw(const std::vector<float>& logits, int64_t first, int64_t vocabulary, const Draw& d, double u, double& total_left) {
  const float* l = logits.data() + first;
  std::vector<int32_t> order(vocabulary);
  for (int64_t i = 0; i < vocabulary; ++i) order[i] = int32_t(i);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return l[a] > l[b]; });
  if (d.temperature == 0) return order[0];
  const auto weight = [&](int32_t i) { return std::exp((double(l[i]) - double(l[order[0]])) / d.temperature); };
  int64_t count = d.top_k > 0 ? std::min<int64_t>(d.top_k, vocabulary) : vocabulary;
  double total = 0;
  for (int64_t i = 0; i < count; ++i) total += weight(order[i]);
  if (d.top_p < 1) {
    double sum = 0;
    for (int64_t i = 0; i < count; ++i)
      if ((sum += weight(order[i])) >= d.top_p * total) count = i + 1, total = sum;
  }
  std::vector<char> kept(vocabulary);
  for (int64_t i = 0; i < count; ++i) kept[order[i]] = 1;
  double running = 0;
  total_left = total;
  for (int64_t i = 0; i < vocabulary; ++i)
    if (kept[i]) {
      running += weight(int32_t(i));
      if (running >= u * total) return int32_t(i);
    }
  return -3;
}

double uniform_of(uint64_t seed, uint64_t step) {
  const auto mix = [](uint64_t x) {
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  };
  return double((mix(mix(seed) ^ mix(step)) >> 11) + 1) * 0x1p-53;
}

void check_sampling(int64_t vocabulary) {
  const std::vector<Draw> kinds{{0, 0, 1}, {1, 0, 1}, {.7, 50, 1}, {1.3, 0, .9}, {.8, 40, .5}, {1, 1, 1}, {2, 7, .99}, {1, 0, 1e-9}, {.9, 96, .95}, {.9, 97, 1}};
  const int64_t rows = int64_t(kinds.size()) * 4;
  std::vector<float> logits(rows * vocabulary);
  // Few values, so that there are many equals.
  for (int64_t i = 0; i < rows * vocabulary; ++i) logits[i] = std::round(40.f * check::uniform(11, i)) / 8.f + (check::uniform(12, i) > .999f ? 6.f : 0.f);
  std::vector<double> temperature, top_p;
  std::vector<int32_t> top_k, slot;
  std::vector<uint64_t> seed;
  std::vector<int64_t> step;
  for (int64_t i = 0; i < rows; ++i) {
    const Draw& d = kinds[i % kinds.size()];
    temperature.push_back(d.temperature), top_k.push_back(d.top_k), top_p.push_back(d.top_p), seed.push_back(i * 17 + 3), step.push_back(i), slot.push_back(i == 9 ? -1 : int32_t(i));
  }
  const Device<float> device_logits(logits);
  const Device<double> temperatures(temperature), top_ps(top_p);
  const Device<int32_t> top_ks(top_k), slots(slot);
  const Device<uint64_t> seeds(seed);
  const Device<int64_t> steps(step);
  Device<int32_t> sampled(rows);
  Device<double> log_probability(rows);
  const auto work = [&] {
    CUDA_OK(mlac::sample_tokens(nullptr, rows, vocabulary, device_logits, temperatures, top_ks, top_ps, seeds, steps, slots, sampled, log_probability));
  };
  work();
  CUDA_OK(cudaDeviceSynchronize());
  const auto tokens = sampled.host();
  const auto logs = log_probability.host();
  double wrong = 0, error = 0;
  for (int64_t i = 0; i < rows; ++i) {
    double left = 0;
    const int32_t wanted = slot[i] < 0 ? -1 : draw(logits, i * vocabulary, vocabulary, kinds[i % kinds.size()], uniform_of(seed[i], uint64_t(step[i])), left);
    if (tokens[i] != wanted) ++wrong, std::printf("  row %ld: token %d, wanted %d\n", long(i), tokens[i], wanted);
    if (slot[i] < 0 || tokens[i] < 0) continue;
    double sum = 0;
    for (int64_t v = 0; v < vocabulary; ++v) sum += std::exp(double(logits[i * vocabulary + v]));
    error = std::max(error, std::fabs(logs[i] - (double(logits[i * vocabulary + tokens[i]]) - std::log(sum))));
  }
  const std::string name = "sampling of " + std::to_string(vocabulary) + " tokens";
  check::report(name, wrong, 0);
  check::report(name + ": log-probabilities", error, 1e-5);
  same_again(name, sampled, work);
}

void decode_checks() {
  const Requests few(200, {2, 0}, {150, 0}), idle(64, {1, -1, 3}, {63, 5, 30}), many(5000, {0, 1, 2, -1, 3, 3, 3}, {4999, 4095, 77, 3, 100, 101, 102}), one(1000, {3}, {999}),
      far(9000, {3, -1}, {8999, 0});
  for (const Requests* r : {&few, &idle, &many, &one, &far})
    for (const bool scalars : {false, true}) {
      check_latent<512, 64>(16, *r, scalars);
      check_latent<24, 8>(2, *r, scalars);
      check_latent<256, 64>(6, *r, scalars);
    }
  check_latent<128, 16>(40, few, true);
  check_latent<128, 16>(40, far, true);
  check_latent<20, 6>(3, few, true);
  for (const Requests* r : {&few, &idle, &many, &one, &far}) {
    check_plain<192, 128>(4, 4, *r);
    check_plain<64, 64>(8, 2, *r);
    check_plain<24, 16>(2, 2, *r);
  }
  check_plain<128, 128>(40, 1, few);
  check_plain<10, 12>(2, 1, few);
  check_plain<10, 11>(2, 1, far);
  check_routing<64, 6>(1);
  check_routing<64, 6>(64);
  check_routing<8, 2>(37);
  check_cache();
  check_sampling(102400);
  check_sampling(50257);
  check_sampling(1000);
  check_sampling(5);
}

}  // namespace
