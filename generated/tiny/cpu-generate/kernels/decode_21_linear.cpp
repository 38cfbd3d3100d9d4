// decode_21_linear: linear. Emitted by mlac: edit the model, not this file.
// model.ts:38   const routing = route(x, p.router, { topK: 2, score: "softmax", balance: { loss: 0.01 } });
// reads  rmsnorm_ffnNorm [B D], router [D E]
// writes linear_router [B E]
// 16.4 kFLOP, 8.4 kB in float32, 1.9 FLOP a byte
#include "../lib/kernel.h"
#include "../lib/few_rows.h"

namespace mlac {

namespace {

constexpr int64_t B = 8;
constexpr int64_t D = 128;
constexpr int64_t E = 8;

}  // namespace

void decode_21_linear(const real* rmsnorm_ffnNorm, const real* router, real* __restrict linear_router) {
  const Range range("decode_21_linear");
  const auto a = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return rmsnorm_ffnNorm[m * D + k]; };
  });
  const auto b = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return router[k * E + n]; };
  });

  const Grid grid{1, B, E, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* linear_router_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * E + n + j;
      linear_router[at] = linear_router_sum[j];
    }
  };
  contract_few<1>(grid, epilogue, product<0>(D, a, b));
}

}  // namespace mlac
