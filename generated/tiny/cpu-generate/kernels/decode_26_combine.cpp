// decode_26_combine: combine. Emitted by mlac: edit the model, not this file.
// model.ts:42   return add(combine(routed, routing), shared);
// reads  routed [E rows D], slot [B topK] i32, gates [B topK]
// writes combine [B D]
// 4.1 kFLOP, 12.4 kB in float32, 0.33 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t rows = 16;
constexpr int64_t D = 128;
constexpr int64_t B = 8;

}  // namespace

// Each token sums the rows of its 2 choices, weighted by its gates: a gather, so nothing is added to by two threads.
void decode_26_combine(const real* routed, const int32_t* slot, const real* gates, real* __restrict combine) {
  const Range range("decode_26_combine");
  constexpr int64_t TOP = 2;
  parallel_for(B, [=](int64_t token) {
    real* out = combine + token * D;
    std::fill_n(out, D, real(0));
    for (int64_t k = 0; k < TOP; ++k) {
      const real* from = routed + slot[token * TOP + k] * D;
      const real gate = gates[token * TOP + k];
#pragma omp simd
      for (int64_t i = 0; i < D; ++i) out[i] += gate * from[i];
    }
  });
}

}  // namespace mlac
