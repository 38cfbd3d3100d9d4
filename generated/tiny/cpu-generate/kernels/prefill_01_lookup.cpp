// prefill_01_lookup: lookup. Emitted by mlac: edit the model, not this file.
// model.ts:56   let x = p.first(lookup(p.embed, tokens));
// reads  embed [V D], tokens [B T] i32
// writes lookup_embed [B T D]
// 0 FLOP, 132 kB in float32, 0.0 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t D = 128;
constexpr int64_t B = 1;
constexpr int64_t T = 128;

}  // namespace

void prefill_01_lookup(const real* embed, const int32_t* tokens, real* __restrict lookup_embed) {
  const Range range("prefill_01_lookup");
  parallel_for((B * T), [=](int64_t token) {
    std::copy_n(embed + tokens[token] * D, D, lookup_embed + token * D);
  });
}

}  // namespace mlac
