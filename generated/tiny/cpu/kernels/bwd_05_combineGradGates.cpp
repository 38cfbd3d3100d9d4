// bwd_05_combineGradGates: combineGradGates. Emitted by mlac: edit the model, not this file.
// model.ts:42   return add(combine(routed, routing), shared);
// reads  d_x [B T D], routed [E rows D], slot [B T topK] i32
// writes combine_grad_gates [B T topK]
// 2.1 MFLOP, 6.4 MB in float32, 0.33 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;

}  // namespace

// d gate[t, k] = ⟨d y[t], the row of choice k⟩
void bwd_05_combineGradGates(const real* d_x, const real* routed, const int32_t* slot, real* __restrict combine_grad_gates) {
  const Range range("bwd_05_combineGradGates");
  constexpr int64_t TOP = 2;
  parallel_for((B * T), [=](int64_t token) {
    const real* dy = d_x + token * D;
    for (int64_t k = 0; k < TOP; ++k) {
      const real* row = routed + slot[token * TOP + k] * D;
      real sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int64_t i = 0; i < D; ++i) sum += dy[i] * row[i];
      combine_grad_gates[token * TOP + k] = sum;
    }
  });
}

}  // namespace mlac
