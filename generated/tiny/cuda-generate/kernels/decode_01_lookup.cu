// decode_01_lookup: lookup. Emitted by mlac: edit the model, not this file.
// model.ts:56   let x = p.first(lookup(p.embed, tokens));
// reads  embed [V D], tokens [B] i32
// writes lookup_embed [B D]
// 0 FLOP, 4.1 kB, 0.0 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/lookup.cuh"

namespace mlac {
namespace {

constexpr int64_t D = 128;
constexpr int64_t B = 8;

}  // namespace

void decode_01_lookup(cudaStream_t stream, const bf16* embed, const int32_t* tokens, bf16* lookup_embed) {
  const Range range(stream, "decode_01_lookup");
  copy_rows<true>(stream, B, D, embed, tokens, lookup_embed);
}

}  // namespace mlac
