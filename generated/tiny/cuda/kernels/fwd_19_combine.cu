// fwd_19_combine: combine. Emitted by mlac: edit the model, not this file.
// model.ts:42   return add(combine(routed, routing), shared);
// reads  routed [E rows D], slot [B T topK] i32
// writes combine [B T D]
// 1.0 MFLOP, 3.2 MB, 0.33 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/combine.cuh"

namespace mlac {
namespace {

constexpr int64_t rows = 8192;
constexpr int64_t D = 128;
constexpr int64_t B = 16;
constexpr int64_t T = 256;

}  // namespace

// Each token sums the rows of its 2 choices: a gather, so nothing is added to by two threads.
void fwd_19_combine(cudaStream_t stream, const bf16* routed, const int32_t* slot, bf16* combine) {
  const Range range(stream, "fwd_19_combine");
  constexpr bool ALIGNED = true, GATED = false;
  sum_chosen_rows<ALIGNED, GATED, 2, D, false>(stream, B * T, routed, slot, nullptr, combine);
}

}  // namespace mlac
