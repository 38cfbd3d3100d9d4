// The gradients of cross entropy from the kept log-sum-exp; see cross_entropy.cuh.
#pragma once

#include "cross_entropy.cuh"

namespace mlac {

/// d z = (exp(z − lse) − one-hot of the target) · scale
template <bool ALIGNED, typename Lse>
struct KeepGradients {
  int64_t vocabulary;
  float share;  // 1 / tokens
  const float* d_loss;
  const int32_t* targets;
  const Lse* lse;
  bf16* d_logits;
  struct OfRow {
    float scale, log_sum;
    int32_t target;
  };
  __device__ OfRow fetch(int, int64_t m, int64_t, int count) const {
    if (count <= 0) return {0.f, 0.f, -1};
    return {__ldg(d_loss) * share, to_float(lse[m]), __ldg(targets + m)};
  }
  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&z)[1], const OfRow& row) const {
    if (count <= 0) return;
    const float scale = row.scale, log_sum = row.log_sum;
    const int64_t target = row.target - n;
    Run d;
#pragma unroll
    for (int j = 0; j < RUN; ++j) d[j] = exp(z[0][j] - log_sum) * scale;
    if (target >= 0 && target < count) {
#pragma unroll
      for (int j = 0; j < RUN; ++j)
        if (j == target) d[j] = expm1f(z[0][j] - log_sum) * scale;
    }
    store<ALIGNED>(d_logits + m * vocabulary + n, d, count);
  }
  __device__ void operator()(int group, int64_t m, int64_t n, int count, const Run (&z)[1]) const { (*this)(group, m, n, count, z, fetch(group, m, n, count)); }
};

constexpr int64_t cross_entropy_gradients_workspace(const LossSizes& sizes) { return room(sizes.rows * sizes.vocabulary, sizeof(bf16)); }

/// dx [tokens, width]; d_head [vocabulary, width], += if ADDS; lse [tokens] as cross_entropy left it.
template <bool ALIGNED, bool ADDS, typename Lse, typename Dx, typename Dhead>
cudaError_t cross_entropy_gradients(cudaStream_t stream, const LossSizes& sizes, const float* d_loss, const bf16* x, const bf16* head, const int32_t* targets, const Lse* lse, Dx* dx,
                                    Dhead* d_head, char* workspace) {
  bf16* d_logits = Workspace{workspace}.take<bf16>(sizes.rows * sizes.vocabulary);
  for (int64_t begin = 0; begin < sizes.tokens; begin += sizes.rows) {
    const int64_t rows = sizes.tokens - begin < sizes.rows ? sizes.tokens - begin : sizes.rows;
    const bf16* x_rows = x + begin * sizes.width;
    const KeepGradients<ALIGNED, Lse> epilogue{sizes.vocabulary, float(1. / double(sizes.tokens)), d_loss, targets + begin, lse + begin, d_logits};
    cudaError_t error = logits_of<ALIGNED>(stream, sizes, rows, x_rows, head, epilogue);
    if (error != cudaSuccess) return error;
    error = hidden_gradient<ALIGNED, false>(stream, sizes, rows, d_logits, nullptr, head, dx + begin * sizes.width);
    if (error == cudaSuccess) error = head_gradient<ALIGNED>(stream, sizes, rows, d_logits, x_rows, d_head, !ADDS && begin == 0);
    if (error != cudaSuccess) return error;
  }
  return cudaGetLastError();
}

}  // namespace mlac
