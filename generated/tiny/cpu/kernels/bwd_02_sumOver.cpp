// bwd_02_sumOver: sumOver. Emitted by mlac: edit the model, not this file.
// model.ts:38   const routing = route(x, p.router, { topK: 2, score: "softmax", balance: { loss: 0.01 } });
// reads  balance [layers]
// writes sumOver []
// 3 FLOP, 16 B in float32, 0.19 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

void bwd_02_sumOver(const real* balance, real* __restrict sumOver) {
  const Range range("bwd_02_sumOver");
  // one round per row of []
  const RowChunks chunks = row_chunks(1);
  parallel_for(chunks.count, [=](int64_t chunk) {
    for (int64_t row = chunks.begin(chunk); row < chunks.end(chunk); ++row) {
      #pragma omp simd
      for (int64_t i = 0; i < 1; ++i) {
        real sum = balance[i];
        for (int64_t copy = 1; copy < 3; ++copy) sum += real(balance[copy * 1 + i]);
        sumOver[i] = sum;
      }
    }
  });
}

}  // namespace mlac
