// Rows that are gathered, summed and scattered: combine, lookup, and the constants.
#pragma once

#include "check.cuh"
#include "forms_shared.cuh"
#include "lib/combine.cuh"
#include "lib/fill.cuh"
#include "lib/lookup.cuh"

namespace forms {

using check::Device;
using mlac::bf16;

template <int TOP, int WIDTH>
void check_combine(int64_t tokens) {
  constexpr bool ALIGNED = WIDTH % 8 == 0;
  const std::string name = "combine tokens " + std::to_string(tokens) + " top " + std::to_string(TOP) + " D " + std::to_string(WIDTH);
  Device<bf16> rows(tokens * TOP * WIDTH), y(tokens * WIDTH), plain(tokens * WIDTH), dy(tokens * WIDTH);
  Device<float> gates(tokens * TOP), d_gates(tokens * TOP);
  check::fill(rows, 1);
  check::fill(dy, 2);
  check::fill(gates, 3);
  std::vector<int32_t> slot(tokens * TOP);
  for (size_t i = 0; i < slot.size(); ++i) slot[i] = int32_t(slot.size() - 1 - i);  // any permutation
  for (size_t i = 0; i + 7 < slot.size(); i += 3) std::swap(slot[i], slot[i + 7]);
  const Device<int32_t> slot_d(slot);
  mlac::sum_chosen_rows<ALIGNED, true, TOP, WIDTH>(0, tokens, rows.data, slot_d.data, gates.data, y.data);
  mlac::sum_chosen_rows<ALIGNED, false, TOP, WIDTH>(0, tokens, rows.data, slot_d.data, nullptr, plain.data);
  mlac::dot_chosen_rows<ALIGNED, TOP, WIDTH>(0, tokens, dy.data, rows.data, slot_d.data, d_gates.data);
  CUDA_OK(cudaDeviceSynchronize());
  const auto r = rows.host(), d = dy.host();
  const auto g = gates.host();
  std::vector<double> wanted_y(tokens * WIDTH), wanted_plain(tokens * WIDTH), wanted_gates(tokens * TOP);
  for (int64_t i = 0; i < tokens * TOP; ++i)
    for (int64_t c = 0; c < WIDTH; ++c) {
      const double x = float(r[slot[i] * int64_t(WIDTH) + c]);
      wanted_y[i / TOP * WIDTH + c] += g[i] * x;
      wanted_plain[i / TOP * WIDTH + c] += x;
      wanted_gates[i] += float(d[i / TOP * WIDTH + c]) * x;
    }
  check::report(name + ": with gates", check::relative_error(y.host(), wanted_y), 4e-3);
  check::report(name + ": plain", check::relative_error(plain.host(), wanted_plain), 4e-3);
  check::report(name + ": d gates", check::relative_error(d_gates.host(), wanted_gates), 1e-5);
}

/// ids: uniform; all the same; or few that come often, and many that come once.
enum class Ids { uniform, one, skewed };

inline std::vector<int32_t> some_ids(Ids kind, int64_t tokens, int64_t vocabulary) {
  std::vector<int32_t> ids(tokens);
  for (int64_t i = 0; i < tokens; ++i) {
    const double u = 0.5 + 0.5 * check::uniform(9, i);
    const double x = kind == Ids::uniform ? u : kind == Ids::one ? 0.7 : (std::pow(double(vocabulary), u) - 1) / vocabulary;  // skewed: p(id) ~ 1 / id
    ids[i] = int32_t(std::min<int64_t>(vocabulary - 1, int64_t(x * vocabulary)));
  }
  return ids;
}

template <bool ALIGNED, bool ADDS, typename To>
void check_lookup(Ids kind, int64_t tokens, int64_t vocabulary, int64_t width) {
  const std::string name = "lookup tokens " + std::to_string(tokens) + " V " + std::to_string(vocabulary) + " D " + std::to_string(width) +
                           (kind == Ids::uniform ? "" : kind == Ids::one ? " one id" : " skewed") + (ADDS ? " adds" : "") + (sizeof(To) == 2 ? " bf16" : "");
  const std::vector<int32_t> ids = some_ids(kind, tokens, vocabulary);
  const Device<int32_t> ids_d(ids);
  Device<bf16> table(vocabulary * width), out(tokens * width), dy(tokens * width);
  Device<To> gradient(vocabulary * width), again(vocabulary * width);
  Device<char> workspace(mlac::add_rows_workspace(tokens, width)), other(mlac::add_rows_workspace(tokens, width));
  check::fill(table, 1);
  check::fill(dy, 2);
  if (ADDS) {
    check::fill(gradient, 3);
    check::fill(again, 3);
  }
  const auto before = gradient.host();
  mlac::copy_rows<ALIGNED>(0, tokens, width, table.data, ids_d.data, out.data);
  mlac::add_rows<ALIGNED, ADDS>(0, tokens, vocabulary, width, dy.data, ids_d.data, gradient.data, workspace.data);
  mlac::add_rows<ALIGNED, ADDS>(0, tokens, vocabulary, width, dy.data, ids_d.data, again.data, other.data);
  CUDA_OK(cudaGetLastError());
  CUDA_OK(cudaDeviceSynchronize());
  const auto t = table.host(), d = dy.host(), got = out.host();
  bool copied = true;
  std::vector<double> wanted(vocabulary * width);
  if (ADDS)
    for (size_t i = 0; i < wanted.size(); ++i) wanted[i] = float(before[i]);
  for (int64_t i = 0; i < tokens; ++i)
    for (int64_t c = 0; c < width; ++c) {
      copied = copied && float(got[i * width + c]) == float(t[ids[i] * width + c]);
      wanted[ids[i] * width + c] += float(d[i * width + c]);
    }
  truth(name + ": rows", copied);
  check::report(name + ": gradient", check::relative_error(gradient.host(), wanted), sizeof(To) == 2 ? 4e-3 : 1e-5);
  truth(name + ": the same bits twice", same_bits(gradient, again));
}

template <typename T>
void check_fill(int64_t count, int64_t skip) {
  Device<T> out(count + skip);
  mlac::fill_with(0, count, -1.5, out.data + skip);
  CUDA_OK(cudaDeviceSynchronize());
  const auto got = out.host();
  bool right = true;
  for (int64_t i = 0; i < count; ++i) right = right && float(got[skip + i]) == -1.5f;
  for (int64_t i = 0; i < skip; ++i) right = right && std::isnan(float(got[i]));
  truth("fill " + std::to_string(count) + " from " + std::to_string(skip), right);
}

inline void check_rows() {
  check_combine<4, 768>(100);
  check_combine<6, 2048>(33);
  check_combine<2, 64>(1);
  check_combine<1, 37>(50);
  check_combine<3, 5>(71);
  check_lookup<true, true, float>(Ids::uniform, 1000, 50, 768);
  check_lookup<true, false, float>(Ids::uniform, 3000, 5000, 64);
  check_lookup<true, true, float>(Ids::one, 1000, 300, 264);
  check_lookup<true, false, bf16>(Ids::skewed, 2500, 1000, 520);
  check_lookup<false, true, float>(Ids::skewed, 777, 131, 37);
  check_lookup<false, false, float>(Ids::uniform, 65, 600, 261);
  check_lookup<true, true, float>(Ids::skewed, 64, 7, 8);
  check_lookup<true, true, float>(Ids::skewed, 1, 7, 8);
  check_lookup<true, true, float>(Ids::skewed, 9000, 300000, 16);  // three digits
  check_fill<float>(1, 0);
  check_fill<float>(1003, 0);
  check_fill<bf16>(517, 3);
}

inline void time_rows() {
  const int64_t tokens = 32768, vocabulary = 131072;
  constexpr int TOP = 4, WIDTH = 768;
  Device<bf16> rows(tokens * TOP * WIDTH), y(tokens * WIDTH);
  Device<float> gates(tokens * TOP), d_gates(tokens * TOP);
  check::fill(rows, 1);
  check::fill(gates, 3);
  std::vector<int32_t> slot(tokens * TOP);
  for (size_t i = 0; i < slot.size(); ++i) slot[i] = int32_t(i * 32771 % slot.size());  // odd: a permutation of a power of two
  const Device<int32_t> slot_d(slot);
  const double bytes = double(tokens) * (TOP + 1) * WIDTH * 2;
  const double forward = check::milliseconds([&] { mlac::sum_chosen_rows<true, true, TOP, WIDTH>(0, tokens, rows.data, slot_d.data, gates.data, y.data); });
  const double backward = check::milliseconds([&] { mlac::dot_chosen_rows<true, TOP, WIDTH>(0, tokens, y.data, rows.data, slot_d.data, d_gates.data); });
  std::printf("TIME combine tokens 32768 top 4 D 768: %.4f ms, %.2f TB/s; d gates %.4f ms, %.2f TB/s\n", forward, bytes / forward / 1e9, backward, bytes / backward / 1e9);

  Device<float> gradient(vocabulary * WIDTH);
  gradient.zero();
  Device<char> workspace(mlac::add_rows_workspace(tokens, WIDTH));
  for (const Ids kind : {Ids::uniform, Ids::skewed, Ids::one}) {
    const Device<int32_t> ids(some_ids(kind, tokens, vocabulary));
    const double copy = check::milliseconds([&] { mlac::copy_rows<true>(0, tokens, WIDTH, rows.data, ids.data, y.data); });
    const double add = check::milliseconds([&] { mlac::add_rows<true, true>(0, tokens, vocabulary, WIDTH, y.data, ids.data, gradient.data, workspace.data); });
    std::printf("TIME lookup tokens 32768 V 131072 D 768, %s: %.4f ms, %.2f TB/s; its gradient %.4f ms\n",
                kind == Ids::uniform ? "uniform ids" : kind == Ids::skewed ? "skewed ids" : "one id", copy, 4. * tokens * WIDTH / copy / 1e9, add);
  }
}

}  // namespace forms
