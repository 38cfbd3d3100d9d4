// bwd_12_combine: combine. Emitted by mlac: edit the model, not this file.
// model.ts:39   const rows = dispatch(x, routing); // [E rows D]: the tokens of each expert
// reads  add [E rows D], slot [B T topK] i32
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
void bwd_12_combine(cudaStream_t stream, const bf16* add, const int32_t* slot, bf16* combine) {
  const Range range(stream, "bwd_12_combine");
  constexpr bool ALIGNED = true, GATED = false;
  sum_chosen_rows<ALIGNED, GATED, 2, D, false>(stream, B * T, add, slot, nullptr, combine);
}

}  // namespace mlac
