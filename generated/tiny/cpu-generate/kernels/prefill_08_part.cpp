// prefill_08_part: part. Emitted by mlac: edit the model, not this file.
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  kNorm [N+R]
// writes part_kNorm [R]
// 0 FLOP, 256 B in float32, 0.0 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

void prefill_08_part(const real* kNorm, real* __restrict part_kNorm) {
  const Range range("prefill_08_part");
  // one round per row of []
  const RowChunks chunks = row_chunks(1);
  parallel_for(chunks.count, [=](int64_t chunk) {
    for (int64_t row = chunks.begin(chunk); row < chunks.end(chunk); ++row) {
      #pragma omp simd
      for (int64_t i = 0; i < 16; ++i) part_kNorm[i] = kNorm[32 + i];
    }
  });
}

}  // namespace mlac
