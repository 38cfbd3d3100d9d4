// The logits of few rows: the head, read once, is all the work.
#pragma once

#include "contract_few.cuh"

namespace mlac {

struct StoreLogits {
  float* logits;
  int64_t vocabulary;
  __device__ void operator()(int, int64_t row, int64_t v, int count, const Run (&sums)[1]) const {
    float* const to = logits + row * vocabulary + v;
    if (count == RUN && vocabulary % RUN == 0) return store_aligned(to, sums[0]);
#pragma unroll
    for (int j = 0; j < RUN; ++j)
      if (j < count) to[j] = sums[0][j];
  }
};

/// logits[r, v] = ⟨x[r], head[v]⟩. x [ROWS, width]; head [vocabulary, width], which no kernel of the stream writes; logits [ROWS, vocabulary]. The
/// width is a multiple of 8. With few::Normed, x is normalised while it is read. Returns what the launch returned.
template <int ROWS, typename Norm = few::Plain>
cudaError_t logits_of_rows(cudaStream_t stream, int64_t width, int64_t vocabulary, const bf16* x, const bf16* head, float* logits, const Norm& norm = {}) {
  using C = Contraction<Kind::dense, Major::k, Major::k>;
  return contract_few<C, ROWS>(stream, Extent{1, ROWS, vocabulary, nullptr}, {{width, {x, ROWS, width}, {{head, vocabulary, width}}}}, StoreLogits{logits, vocabulary}, norm);
}

}  // namespace mlac
