// prefill_21_combine: combine. Emitted by mlac: edit the model, not this file.
// model.ts:42   return add(combine(routed, routing), shared);
// reads  routed [E rows D], slot [B T topK] i32, gates [B T topK]
// writes combine [B T D]
// 65.5 kFLOP, 100 kB, 0.65 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/combine.cuh"

namespace mlac {
namespace {

constexpr int64_t rows = 256;
constexpr int64_t D = 128;
constexpr int64_t B = 1;
constexpr int64_t T = 128;

}  // namespace

// Each token sums the rows of its 2 choices, weighted by its gates: a gather, so nothing is added to by two threads.
void prefill_21_combine(cudaStream_t stream, const bf16* routed, const int32_t* slot, const float* gates, bf16* combine) {
  const Range range(stream, "prefill_21_combine");
  constexpr bool ALIGNED = true, GATED = true;
  sum_chosen_rows<ALIGNED, GATED, 2, D, false>(stream, B * T, routed, slot, gates, combine);
}

}  // namespace mlac
