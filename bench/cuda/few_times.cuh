// The time of products with few rows at lite's sizes, and the share of the memory's bandwidth that it comes to.
#pragma once

#include "few_shared.cuh"

namespace {

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
    CUDA_OK((mlac::contract_few<C, M>(stream, p.extent(), {product}, KeepSums<SUMS>{p.y, n}, mlac::few::Plain{}, mlac::few::Order{true, true})));
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

/// The products of a layer of lite, one after the other as in a step, each layer with weights of its own: what counts, since a launch may use
/// the time in which the one ahead of it ends.
template <int M>
void time_layer() {
  using One = mlac::Contraction<mlac::Kind::dense, mlac::Major::k, mlac::Major::own>;
  using Two = mlac::Contraction<mlac::Kind::dense, mlac::Major::k, mlac::Major::own, 2>;
  using Up = mlac::Contraction<mlac::Kind::ragged_m, mlac::Major::k, mlac::Major::own, 2, 1, true, true>;
  using Down = mlac::Contraction<mlac::Kind::ragged_m, mlac::Major::k, mlac::Major::own>;
  constexpr int D = 2048, Q = 3072, LATENT = 512, R = 64, F = 1408, S = 2816, EXPERTS = M == 1 ? 6 : 64, LAYERS = M == 1 ? 8 : 4;
  const int64_t sizes[] = {D * Q, D * LATENT, D * R, LATENT * D, D * D, D * 64, 2 * D * S, S * D, int64_t(EXPERTS) * 2 * D * F, int64_t(EXPERTS) * F * D};
  int64_t all = 0;
  for (const int64_t n : sizes) all += n;
  Device<bf16> weights(LAYERS * all), x(M * D), wide(M * S), inner(6 * M * F);
  Device<float> y(6 * M * D), gain(D);
  check::fill(weights, 1, .02f), check::fill(x, 2), check::fill(wide, 3), check::fill(inner, 4), check::fill(gain, 5);
  std::vector<int32_t> offsets{0}, index;
  for (int e = 0; e < EXPERTS; ++e) offsets.push_back((e + 1) * 6 * M / EXPERTS);
  for (int i = 0; i < 6 * M; ++i) index.push_back(i);
  const Device<int32_t> device_offsets(offsets), device_index(index);
  const mlac::few::Normed norm{gain, 1e-6f};
  const mlac::Operand a{x, M, D}, b{wide, M, S}, gathered{x, 6 * M, D, 0, device_index, 6}, hidden{inner, 6 * M, F};
  const auto keep = [&](int64_t n) { return KeepSums<1>{y, n}; };
  const double ms = in_a_row(LAYERS, [&](cudaStream_t stream, int layer) {
    const bf16* w = weights + layer * all;
    const auto next = [&](int64_t n) { return (w += n) - n; };
    const bf16 *const q = next(D * Q), *const latent = next(D * LATENT), *const rotary = next(D * R), *const values = next(LATENT * D), *const out = next(D * D), *const router = next(D * 64);
    const bf16 *const gate = next(D * S), *const up = next(D * S), *const down = next(S * D), *const gates = next(int64_t(EXPERTS) * D * F), *const ups = next(int64_t(EXPERTS) * D * F);
    CUDA_OK((mlac::contract_few_side_by_side<One, M>(stream, M, D, a, norm, mlac::few::Columns<KeepSums<1>>{{q, D, Q}, Q, keep(Q)},
                                                     mlac::few::Columns<KeepSums<1>>{{latent, D, LATENT}, LATENT, keep(LATENT)}, mlac::few::Columns<KeepSums<1>>{{rotary, D, R}, R, keep(R)})));
    CUDA_OK((mlac::linear_by_head<M, LATENT, 128, false>(stream, 16, wide, values, inner)));
    CUDA_OK((mlac::contract_few<One, M>(stream, {1, M, D, nullptr}, {{D, a, {{out, D, D}}}}, keep(D))));
    CUDA_OK((mlac::contract_few<One, M>(stream, {1, M, 64, nullptr}, {{D, a, {{router, D, 64}}}}, keep(64), norm)));
    CUDA_OK((mlac::contract_few<Two, M>(stream, {1, M, S, nullptr}, {{D, a, {{gate, D, S}, {up, D, S}}}}, KeepSums<2>{y, S}, norm, mlac::few::Order{false, true})));
    CUDA_OK((mlac::contract_few<Up, 6 * M>(stream, {EXPERTS, 6 * M, F, device_offsets}, {{D, gathered, {{gates, D, F, D * F}, {ups, D, F, D * F}}}}, KeepSums<2>{y, F}, norm, mlac::few::Order{true, true})));
    CUDA_OK((mlac::contract_few<Down, 6 * M>(stream, {EXPERTS, 6 * M, D, device_offsets}, {{F, hidden, {{w, F, D, F * D}}}}, keep(D), mlac::few::Plain{}, mlac::few::Order{true, false})));
    CUDA_OK((mlac::contract_few<One, M>(stream, {1, M, D, nullptr}, {{S, b, {{down, S, D}}}}, keep(D))));
  });
  tell("the products of a layer, 8 launches, rows " + std::to_string(M), ms, 2. * all);
}

void few_times() {
  copied = copy_speed();
  std::printf("a copy: %.2f TB/s\n", copied);
  time_layer<1>();
  time_layer<64>();
  time_products<1>();
  time_products<64>();
}

}  // namespace
