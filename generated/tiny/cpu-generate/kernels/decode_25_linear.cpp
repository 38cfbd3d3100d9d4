// decode_25_linear: linear. Emitted by mlac: edit the model, not this file.
// model.ts:41   const shared = linear(swiglu(linear(x, p.sharedGate), linear(x, p.sharedUp)), p.sharedDown);
// reads  rmsnorm_ffnNorm [B D], sharedGate [D S], sharedUp [D S]
// writes linear_sharedGate [B S], linear_sharedUp [B S]
// 524 kFLOP, 143 kB in float32, 3.7 FLOP a byte
#include "../lib/kernel.h"
#include "../lib/few_rows.h"

namespace mlac {

namespace {

constexpr int64_t B = 8;
constexpr int64_t D = 128;
constexpr int64_t S = 128;

}  // namespace

void decode_25_linear(const real* rmsnorm_ffnNorm, const real* sharedGate, const real* sharedUp, real* __restrict linear_sharedGate, real* __restrict linear_sharedUp) {
  const Range range("decode_25_linear");
  const auto a = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return rmsnorm_ffnNorm[m * D + k]; };
  });
  const auto b = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return sharedGate[k * S + n]; };
  });
  const auto b_2 = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return sharedUp[k * S + n]; };
  });

  const Grid grid{1, B, S, nullptr, Grid::dense};
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* linear_sharedGate_sum, const real* linear_sharedUp_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * S + n + j;
      linear_sharedGate[at] = linear_sharedGate_sum[j];
      linear_sharedUp[at] = linear_sharedUp_sum[j];
    }
  };
  contract_few<2>(grid, epilogue, product<0>(D, a, b, b_2));
}

}  // namespace mlac
