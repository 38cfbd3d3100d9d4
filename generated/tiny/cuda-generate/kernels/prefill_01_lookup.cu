// prefill_01_lookup: lookup. Emitted by mlac: edit the model, not this file.
// model.ts:56   let x = p.first(lookup(p.embed, tokens));
// reads  embed [V D], tokens [B T] i32
// writes lookup_embed [B T D]
// 0 FLOP, 66.0 kB, 0.0 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/lookup.cuh"

namespace mlac {
namespace {

constexpr int64_t D = 128;
constexpr int64_t B = 1;
constexpr int64_t T = 128;

}  // namespace

void prefill_01_lookup(cudaStream_t stream, const bf16* embed, const int32_t* tokens, bf16* lookup_embed) {
  const Range range(stream, "prefill_01_lookup");
  copy_rows<true>(stream, B * T, D, embed, tokens, lookup_embed);
}

}  // namespace mlac
