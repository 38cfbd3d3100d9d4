// prefill_23_combine: combine. Emitted by mlac: edit the model, not this file.
// model.ts:42   return add(combine(routed, routing), shared);
// reads  routed [E rows D], slot [B T topK] i32, gates [B T topK]
// writes combine [B T D]
// 65.5 kFLOP, 199 kB in float32, 0.33 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t rows = 256;
constexpr int64_t D = 128;
constexpr int64_t B = 1;
constexpr int64_t T = 128;

}  // namespace

// Each token sums the rows of its 2 choices, weighted by its gates: a gather, so nothing is added to by two threads.
void prefill_23_combine(const real* routed, const int32_t* slot, const real* gates, real* __restrict combine) {
  const Range range("prefill_23_combine");
  constexpr int64_t TOP = 2;
  parallel_for((B * T), [=](int64_t token) {
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
