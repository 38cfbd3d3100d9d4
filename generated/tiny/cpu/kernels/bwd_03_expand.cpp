// bwd_03_expand: expand. Emitted by mlac: edit the model, not this file.
// model.ts:38   const routing = route(x, p.router, { topK: 2, score: "softmax", balance: { loss: 0.01 } });
// reads  lossScale []
// writes expand [layers]
// 0 FLOP, 16 B in float32, 0.0 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t layers = 3;

}  // namespace

void bwd_03_expand(const real* lossScale, real* __restrict expand) {
  const Range range("bwd_03_expand");
  // one round per row of []
  const RowChunks chunks = row_chunks(1);
  parallel_for(chunks.count, [=](int64_t chunk) {
    for (int64_t row = chunks.begin(chunk); row < chunks.end(chunk); ++row) {
      #pragma omp simd
      for (int64_t i = 0; i < layers; ++i) {
        const real expand_i = lossScale[0];
        expand[i] = expand_i;
      }
    }
  });
}

}  // namespace mlac
