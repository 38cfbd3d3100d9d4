// What the checks and timings of decoding's kernels share: operands, epilogues, caches with random contents.
#pragma once

#include "check.cuh"
#include "lib/cache_write.cuh"
#include "lib/decode_attention.cuh"
#include "lib/decode_attention_latent.cuh"
#include "lib/linear_by_head.cuh"
#include "lib/routing_few.cuh"
#include "lib/sample.cuh"

using check::Device;
using mlac::bf16;

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

/// A cache with random contents, and rows of requests of random length.
struct Requests {
  int64_t rows, context;
  std::vector<int32_t> slot, position;
  Device<int32_t> device_slot, device_position;
  Requests(int64_t context, const std::vector<int32_t>& slot, const std::vector<int32_t>& position)
      : rows(int64_t(slot.size())), context(context), slot(slot), position(position), device_slot(slot), device_position(position) {}
  int64_t from(int64_t row) const { return slot[row] < 0 ? 0 : row; }
};

template <typename Kernel>
inline double speed(double bytes, const Kernel& kernel, double& ms) {
  ms = check::milliseconds(kernel, 21);
  return bytes / ms * 1e-9;
}
