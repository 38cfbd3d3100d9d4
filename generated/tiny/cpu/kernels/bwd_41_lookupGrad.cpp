// bwd_41_lookupGrad: lookupGrad. Emitted by mlac: edit the model, not this file.
// model.ts:56   let x = p.first(lookup(p.embed, tokens));
// reads  add [B T D], tokens [B T] i32
// writes d_embed [V D]
// 524 kFLOP, 2.2 MB in float32, 0.23 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;

}  // namespace

// Adds each token's gradient to its row. Threads share out the columns, so that a row's tokens are added in their own order.
void bwd_41_lookupGrad(const real* add, const int32_t* tokens, real* __restrict d_embed) {
  const Range range("bwd_41_lookupGrad");
  constexpr int64_t PART = 32;  // columns: two cache lines
  parallel_for((D + PART - 1) / PART, [=](int64_t part) {
    const int64_t begin = part * PART, end = std::min<int64_t>(begin + PART, D);
    for (int64_t token = 0; token < (B * T); ++token) {
      real* row = d_embed + tokens[token] * D;
      const real* from = add + token * D;
#pragma omp simd
      for (int64_t i = begin; i < end; ++i) row[i] += from[i];
    }
  });
}

}  // namespace mlac
