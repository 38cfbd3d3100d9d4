// What the checks and timings of products with few rows share: operands with random contents, epilogues.
#pragma once

#include "decode_tools.cuh"
#include "lib/linear_by_head.cuh"

/// Keeps the sums; two of them as the hidden rows of an expert.
template <int SUMS>
struct KeepSums {
  float* y;
  int64_t n;
  __device__ void operator()(int, int64_t m, int64_t column, int count, const mlac::Run (&sums)[SUMS]) const {
    if (count == 0) return;
    mlac::Run out = sums[0];
    if constexpr (SUMS == 2)
#pragma unroll
      for (int j = 0; j < mlac::RUN; ++j) out[j] = mlac::silu(sums[0][j]) * sums[1][j];
    mlac::store_aligned(y + m * n + column, out);
  }
};

/// x [rows K] (gathered: of `sources` rows), weights [E K N] or, by k, [E N K].
template <int SUMS>
struct FewRows {
  int64_t m, k, n, groups;
  bool by_k;
  Device<bf16> x, w0, w1;
  Device<float> y;
  std::vector<int32_t> offsets, index;
  Device<int32_t> device_offsets, device_index;
  FewRows(int64_t m, int64_t k, int64_t n, int64_t groups, bool by_k, int64_t sources, const std::vector<int32_t>& offsets, const std::vector<int32_t>& index)
      : m(m), k(k), n(n), groups(groups), by_k(by_k), x(sources * k), w0(groups * k * n), w1(SUMS > 1 ? groups * k * n : 8), y(m * n), offsets(offsets), index(index),
        device_offsets(offsets), device_index(index) {
    check::fill(x, 1, 1.f);
    check::fill(w0, 2, 1.f / std::sqrt(float(k)));
    check::fill(w1, 3, 1.f / std::sqrt(float(k)));
  }
  mlac::Product<SUMS> product(int divisor = 1) const {
    mlac::Product<SUMS> p{k, {x, m, k, 0, index.empty() ? nullptr : static_cast<const int32_t*>(device_index), divisor}, {}};
    const bf16* weights[2] = {w0, w1};
    for (int s = 0; s < SUMS; ++s) p.b[s] = {weights[s], by_k ? n : k, by_k ? k : n, groups > 1 ? k * n : 0};
    return p;
  }
  mlac::Extent extent() const { return {int(groups), m, n, device_offsets}; }
};
