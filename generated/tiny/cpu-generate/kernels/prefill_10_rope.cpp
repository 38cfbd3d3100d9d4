// prefill_10_rope: rope. Emitted by mlac: edit the model, not this file.
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  mul [B T R]
// writes rope [B T R]
// 6.1 kFLOP, 16.4 kB in float32, 0.38 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t R = 16;

// Looked up by position; filled when the library is loaded.
const std::vector<real> rope_cos = table(1024, [](int64_t i) { return std::cos(double(int64_t(i) / 8) * std::pow(double(10000), -2.0 * double(int64_t(i) % 8) / 16)); });
const std::vector<real> rope_sin = table(1024, [](int64_t i) { return std::sin(double(int64_t(i) / 8) * std::pow(double(10000), -2.0 * double(int64_t(i) % 8) / 16)); });

}  // namespace

void prefill_10_rope(const real* mul, real* __restrict rope) {
  const Range range("prefill_10_rope");
  // one round per row of [B T]
  const RowChunks chunks = row_chunks(B * T);
  parallel_for(chunks.count, [=](int64_t chunk) {
    for (int64_t row = chunks.begin(chunk); row < chunks.end(chunk); ++row) {
      const real* mul_row = mul + row * R;
      real* rope_row = rope + row * R;
      #pragma omp simd
      for (int64_t i = 0; i < 8; ++i) {
        const real cosine = rope_cos[(row % T) * 8 + i], sine = rope_sin[(row % T) * 8 + i];
        const real turned_u = mul_row[0 + i], turned_v = mul_row[8 + i];
        rope_row[0 + i] = turned_u * cosine - turned_v * sine;
        rope_row[8 + i] = turned_v * cosine + turned_u * sine;
      }
    }
  });
}

}  // namespace mlac
