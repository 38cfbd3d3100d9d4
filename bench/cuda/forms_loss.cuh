// The cross entropy against float64 on the host, its gradients too.
#pragma once

#include "check.cuh"
#include "forms_shared.cuh"
#include "lib/cross_entropy_gradients.cuh"
#include "lib/cross_entropy_train.cuh"
#include "lib/next_logits.cuh"

namespace forms {

using check::Device;
using mlac::bf16;
using mlac::LossSizes;

struct LossReference {
  double loss = 0;
  std::vector<double> lse, dx, d_head;
};

inline LossReference reference(const LossSizes& s, const std::vector<bf16>& x, const std::vector<bf16>& head, const std::vector<int32_t>& targets, double d_loss) {
  LossReference r;
  r.dx.resize(s.tokens * s.width);
  r.d_head.resize(s.vocabulary * s.width);
  std::vector<double> z(s.vocabulary), u(s.width);
  std::vector<double> h(head.size());
  for (size_t i = 0; i < head.size(); ++i) h[i] = float(head[i]);
  for (int64_t t = 0; t < s.tokens; ++t) {
    double top = -INFINITY, sum = 0, others = 0;
    for (int64_t i = 0; i < s.width; ++i) u[i] = float(x[t * s.width + i]);
    for (int64_t v = 0; v < s.vocabulary; ++v) {
      z[v] = 0;
      for (int64_t i = 0; i < s.width; ++i) z[v] += u[i] * h[v * s.width + i];
      top = std::max(top, z[v]);
    }
    for (int64_t v = 0; v < s.vocabulary; ++v) {
      sum += std::exp(z[v] - top);
      if (v != targets[t]) others += std::exp(z[v] - top);
    }
    const double lse = top + std::log(sum);
    r.lse.push_back(lse);
    r.loss += (lse - z[targets[t]]) / s.tokens;
    for (int64_t v = 0; v < s.vocabulary; ++v) {
      const double d = (v == targets[t] ? -others / sum : std::exp(z[v] - lse)) * d_loss / s.tokens;
      for (int64_t i = 0; i < s.width; ++i) {
        r.dx[t * s.width + i] += d * h[v * s.width + i];
        r.d_head[v * s.width + i] += d * u[i];
      }
    }
  }
  return r;
}

/// Which targets: any; the largest logit, so that p is near one; or the smallest, so that the loss is large.
enum class Targets { any, largest, smallest };

template <bool ALIGNED>
void check_cross_entropy(const LossSizes& s, float size, Targets kind = Targets::any) {
  const std::string name = "loss tokens " + std::to_string(s.tokens) + " D " + std::to_string(s.width) + " V " + std::to_string(s.vocabulary) + " rows " + std::to_string(s.rows) +
                           (kind == Targets::any ? "" : kind == Targets::largest ? " sure" : " wrong");
  Device<bf16> x(s.tokens * s.width), head(s.vocabulary * s.width), dx(s.tokens * s.width), dx_again(s.tokens * s.width);
  check::fill(x, 1, size);
  check::fill(head, 2);
  const auto x_h = x.host(), head_h = head.host();
  std::vector<int32_t> targets(s.tokens);
  for (int64_t t = 0; t < s.tokens; ++t) {
    targets[t] = int32_t((t * 7919 + t / 3) % s.vocabulary);
    if (kind == Targets::any) continue;
    double best = -INFINITY;
    for (int64_t v = 0; v < s.vocabulary; ++v) {
      double z = 0;
      for (int64_t i = 0; i < s.width; ++i) z += double(float(x_h[t * s.width + i])) * double(float(head_h[v * s.width + i]));
      if (kind == Targets::smallest) z = -z;
      if (z > best) {
        best = z;
        targets[t] = int32_t(v);
      }
    }
  }
  targets[0] = 0;
  targets[s.tokens - 1] = int32_t(s.vocabulary - 1);
  const double scale = 64;
  const LossReference wanted = reference(s, x_h, head_h, targets, scale);

  const Device<int32_t> targets_d(targets);
  const Device<float> d_loss(std::vector<float>{float(scale)});
  Device<float> loss(1), lse(s.tokens), d_head(s.vocabulary * s.width), d_head_again(s.vocabulary * s.width);
  const auto differences = [&](const Device<float>& got, uint64_t seed) {
    std::vector<float> out = got.host();
    if (seed > 0)
      for (size_t i = 0; i < out.size(); ++i) out[i] -= 0.01f * check::uniform(seed, i);
    return out;
  };
  {
    Device<char> workspace(mlac::cross_entropy_workspace(s));
    CUDA_OK(mlac::cross_entropy<ALIGNED>(0, s, x.data, head.data, targets_d.data, loss.data, lse.data, workspace.data));
    CUDA_OK(cudaDeviceSynchronize());
    check::report(name + ": alone", check::relative_error(loss.host(), std::vector<double>{wanted.loss}), 3e-5);
    check::report(name + ": lse", check::relative_error(lse.host(), wanted.lse), 1e-5);
  }
  {
    Device<char> workspace(mlac::cross_entropy_and_gradients_workspace(s)), other(mlac::cross_entropy_and_gradients_workspace(s));
    Device<float> loss_again(1);
    loss.poison();
    check::fill(d_head, 11, 0.01f);
    check::fill(d_head_again, 11, 0.01f);
    CUDA_OK((mlac::cross_entropy_and_gradients<ALIGNED, true>(0, s, x.data, head.data, targets_d.data, d_loss.data, loss.data, dx.data, d_head.data, workspace.data)));
    CUDA_OK((mlac::cross_entropy_and_gradients<ALIGNED, true>(0, s, x.data, head.data, targets_d.data, d_loss.data, loss_again.data, dx_again.data, d_head_again.data, other.data)));
    CUDA_OK(cudaDeviceSynchronize());
    check::report(name + ": with gradients", check::relative_error(loss.host(), std::vector<double>{wanted.loss}), 3e-5);
    check::report(name + ": dx", check::relative_error(dx.host(), wanted.dx), 6e-3);
    check::report(name + ": d head, added", check::relative_error(differences(d_head, 11), wanted.d_head), 6e-3);
    truth(name + ": the same bits twice", same_bits(loss, loss_again) && same_bits(dx, dx_again) && same_bits(d_head, d_head_again));
    d_head.poison();
    CUDA_OK((mlac::cross_entropy_and_gradients<ALIGNED, false>(0, s, x.data, head.data, targets_d.data, d_loss.data, loss.data, dx.data, d_head.data, workspace.data)));
    CUDA_OK(cudaDeviceSynchronize());
    check::report(name + ": d head, written", check::relative_error(d_head.host(), wanted.d_head), 6e-3);
  }
  {
    Device<char> workspace(mlac::cross_entropy_gradients_workspace(s));
    dx.poison();
    check::fill(d_head, 12, 0.01f);
    CUDA_OK((mlac::cross_entropy_gradients<ALIGNED, true>(0, s, d_loss.data, x.data, head.data, targets_d.data, lse.data, dx.data, d_head.data, workspace.data)));
    CUDA_OK(cudaDeviceSynchronize());
    // p − 1 comes from the kept lse here, to a few units in its last place.
    const double limit = kind == Targets::largest ? 2e-2 : 6e-3;
    check::report(name + ": dx from lse", check::relative_error(dx.host(), wanted.dx), limit);
    check::report(name + ": d head from lse", check::relative_error(differences(d_head, 12), wanted.d_head), limit);
  }
}

template <bool ALIGNED>
void check_next_logits(int64_t batch, int64_t length, int64_t width, int64_t vocabulary) {
  Device<bf16> x(batch * length * width), head(vocabulary * width);
  check::fill(x, 1);
  check::fill(head, 2);
  std::vector<int32_t> at(batch);
  for (int64_t b = 0; b < batch; ++b) at[b] = int32_t((b * 5 + 2) % length);
  const Device<int32_t> at_d(at);
  Device<float> logits(batch * vocabulary);
  mlac::logits_after<ALIGNED>(0, batch, length, width, vocabulary, x.data, head.data, at_d.data, logits.data);
  CUDA_OK(cudaDeviceSynchronize());
  const auto u = x.host(), h = head.host();
  std::vector<double> wanted(batch * vocabulary);
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t v = 0; v < vocabulary; ++v)
      for (int64_t i = 0; i < width; ++i) wanted[b * vocabulary + v] += double(float(u[(b * length + at[b]) * width + i])) * double(float(h[v * width + i]));
  check::report("next logits B " + std::to_string(batch) + " D " + std::to_string(width) + " V " + std::to_string(vocabulary), check::relative_error(logits.host(), wanted), 1e-5);
}

inline void check_loss() {
  check_cross_entropy<true>({100, 64, 512, 48}, 1);
  check_cross_entropy<true>({130, 72, 1000, 130}, 1);
  check_cross_entropy<true>({40, 64, 1024, 32}, 4, Targets::largest);
  check_cross_entropy<true>({40, 64, 512, 32}, 4, Targets::smallest);
  check_cross_entropy<true>({3, 8, 8, 3}, 1);
  check_cross_entropy<true>({40, 64, 4096, 29}, 1);  // the vocabulary in parts
  check_cross_entropy<true>({21, 72, 6144, 21}, 1);
  check_cross_entropy<false>({9, 21, 2048, 5}, 1);
  check_cross_entropy<false>({70, 37, 131, 32}, 1);
  check_cross_entropy<false>({65, 64, 99, 64}, 1);
  check_cross_entropy<false>({1, 5, 3, 1}, 1);
  check_next_logits<true>(5, 7, 264, 1000);
  check_next_logits<false>(3, 4, 37, 131);
  check_next_logits<true>(1, 1, 64, 9);
}

inline void time_loss() {
  const int64_t tokens = 32768, width = 768, vocabulary = 131072;
  Device<bf16> x(tokens * width), head(vocabulary * width), dx(tokens * width);
  Device<float> loss(1), lse(tokens), d_head(vocabulary * width);
  check::fill(x, 1);
  check::fill(head, 2, 0.1f);
  d_head.zero();
  std::vector<int32_t> targets(tokens);
  for (int64_t t = 0; t < tokens; ++t) targets[t] = int32_t(t * 7919 % vocabulary);
  const Device<int32_t> targets_d(targets);
  const Device<float> d_loss(std::vector<float>{1.f});
  const double product = 2. * tokens * width * vocabulary;
  const auto line = [&](const char* what, int64_t rows, double products, double ms) {
    std::printf("TIME %s tokens 32768 D 768 V 131072 rows %lld: %.3f ms, %.0f TFLOP/s\n", what, (long long)rows, ms, products * product / ms / 1e9);
  };
  for (const int64_t rows : {2048, 4096, 8192}) {
    const LossSizes s{tokens, width, vocabulary, rows};
    Device<char> workspace(mlac::cross_entropy_and_gradients_workspace(s));
    line("loss and gradients", rows, 3, check::milliseconds([&] {
           CUDA_OK((mlac::cross_entropy_and_gradients<true, true>(0, s, x.data, head.data, targets_d.data, d_loss.data, loss.data, dx.data, d_head.data, workspace.data)));
         }, 10));
  }
  {
    const LossSizes s{tokens, width, vocabulary, 4096};
    Device<char> workspace(mlac::cross_entropy_workspace(s));
    line("loss alone", 4096, 1,
         check::milliseconds([&] { CUDA_OK(mlac::cross_entropy<true>(0, s, x.data, head.data, targets_d.data, loss.data, lse.data, workspace.data)); }, 10));
  }
  {
    const LossSizes s{tokens, width, vocabulary, 2048};
    Device<char> workspace(mlac::cross_entropy_gradients_workspace(s));
    line("gradients from lse", 2048, 3, check::milliseconds([&] {
           CUDA_OK((mlac::cross_entropy_gradients<true, true>(0, s, d_loss.data, x.data, head.data, targets_d.data, lse.data, dx.data, d_head.data, workspace.data)));
         }, 10));
  }
  for (const int64_t rows : {2048, 4096}) {
    // The parts of one chunk, to see where the time goes.
    const LossSizes s{tokens, width, vocabulary, rows};
    Device<char> workspace(mlac::cross_entropy_and_gradients_workspace(s));
    mlac::Workspace rest{workspace.data};
    bf16* weights = rest.take<bf16>(s.rows * vocabulary);
    float* sums = rest.take<float>(s.rows * s.slices());
    bf16* x_scaled = rest.take<bf16>(s.rows * width);
    float* factor = rest.take<float>(s.rows);
    mlac::Aim* aims = rest.take<mlac::Aim>(tokens);
    float* losses = rest.take<float>(tokens);
    float* partial = rest.take<float>(s.parts() * s.rows * width);
    const mlac::KeepWeights<true> epilogue{vocabulary, s.slices(), aims, weights, sums};
    mlac::aim_kernel<true><<<mlac::ceil_div(tokens, 4), mlac::LOSS_THREADS>>>(tokens, width, x, head, targets_d, aims);
    const double logits = check::milliseconds([&] { CUDA_OK(mlac::logits_of<true>(0, s, s.rows, x.data, head.data, epilogue)); }, 10);
    const double hidden =
        check::milliseconds([&] { CUDA_OK((mlac::hidden_gradient_in_parts<true>(0, s, s.rows, weights, factor, head.data, dx.data, partial))); }, 10);
    const double of_head = check::milliseconds([&] { CUDA_OK((mlac::head_gradient<true>(0, s, s.rows, weights, x_scaled, d_head.data, false))); }, 10);
    const double weigh = check::milliseconds([&] {
      mlac::weigh_kernel<true><<<mlac::ceil_div(s.rows, mlac::ROWS_TOGETHER), mlac::WEIGH_THREADS>>>(s, s.rows, 1.f, d_loss, aims, sums, x, weights, factor, x_scaled, losses);
    });
    const auto rate = [&](double ms) { return product * s.rows / tokens / ms / 1e9; };
    std::printf("TIME of one chunk of %lld rows: logits %.3f ms (%.0f TFLOP/s), weigh %.3f ms, gradient of x %.3f ms (%.0f), of the head %.3f ms (%.0f)\n", (long long)s.rows, logits,
                rate(logits), weigh, hidden, rate(hidden), of_head, rate(of_head));
  }
}

}  // namespace forms
