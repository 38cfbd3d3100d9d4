// bwd_11_combine: combine. Emitted by mlac: edit the model, not this file.
// model.ts:39   const rows = dispatch(x, routing); // [E rows D]: the tokens of each expert
// reads  add [E rows D], slot [B T topK] i32
// writes combine [B T D]
// 1.0 MFLOP, 6.3 MB in float32, 0.17 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t rows = 8192;
constexpr int64_t D = 128;
constexpr int64_t B = 16;
constexpr int64_t T = 256;

}  // namespace

// Each token sums the rows of its 2 choices: a gather, so nothing is added to by two threads.
void bwd_11_combine(const real* add, const int32_t* slot, real* __restrict combine) {
  const Range range("bwd_11_combine");
  constexpr int64_t TOP = 2;
  parallel_for((B * T), [=](int64_t token) {
    real* out = combine + token * D;
    std::fill_n(out, D, real(0));
    for (int64_t k = 0; k < TOP; ++k) {
      const real* from = add + slot[token * TOP + k] * D;
#pragma omp simd
      for (int64_t i = 0; i < D; ++i) out[i] += from[i];
    }
  });
}

}  // namespace mlac
