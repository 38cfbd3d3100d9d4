// bwd_27_sumOver: sumOver. Emitted by mlac: edit the model, not this file.
// model.ts:23   const shared = expand(linear(x, p.kRope), "H"); // one rotary key for all heads
// reads  d_shared [B T H R]
// writes sumOver [B T R]
// 262 kFLOP, 1.3 MB in float32, 0.20 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t H = 4;
constexpr int64_t R = 16;

}  // namespace

void bwd_27_sumOver(const real* d_shared, real* __restrict sumOver) {
  const Range range("bwd_27_sumOver");
  // one round per row of [B T]
  const RowChunks chunks = row_chunks(B * T);
  parallel_for(chunks.count, [=](int64_t chunk) {
    for (int64_t row = chunks.begin(chunk); row < chunks.end(chunk); ++row) {
      const real* d_shared_row = d_shared + row * (H * R);
      real* sumOver_row = sumOver + row * R;
      #pragma omp simd
      for (int64_t i = 0; i < 16; ++i) {
        real sum = d_shared_row[i];
        for (int64_t copy = 1; copy < 4; ++copy) sum += real(d_shared_row[copy * 16 + i]);
        sumOver_row[i] = sum;
      }
    }
  });
}

}  // namespace mlac
