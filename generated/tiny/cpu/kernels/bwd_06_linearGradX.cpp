// bwd_06_linearGradX: linearGradX. Emitted by mlac: edit the model, not this file.
// model.ts:41   const shared = linear(swiglu(linear(x, p.sharedGate), linear(x, p.sharedUp)), p.sharedDown);
// reads  carried [B T D], sharedDown [S D]
// writes linear_grad_x_sharedDown [B T S]
// 134 MFLOP, 4.3 MB in float32, 32 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t S = 128;

}  // namespace

void bwd_06_linearGradX(const real* carried, const real* sharedDown, real* __restrict linear_grad_x_sharedDown) {
  const auto a = operand<Along::columns>([=]([[maybe_unused]] int64_t group, [[maybe_unused]] int64_t begin, [[maybe_unused]] int64_t end) {
    return [=](int64_t m, int64_t k) { return carried[m * D + k]; };
  });
  const auto b = operand<Along::rows>([=]([[maybe_unused]] int64_t group, [[maybe_unused]] int64_t begin, [[maybe_unused]] int64_t end) {
    return [=](int64_t k, int64_t n) { return sharedDown[n * D + k]; };
  });

  const Grid grid{1, B * T, S, nullptr, Grid::dense};
  const auto epilogue = [=]([[maybe_unused]] int64_t group, int64_t m, int64_t n, int64_t count, const real* linear_grad_x_sharedDown_sum) {
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) {
      const int64_t at = m * S + n + j;
      linear_grad_x_sharedDown[at] = linear_grad_x_sharedDown_sum[j];
    }
  };
  contract<1>(grid, epilogue, product<0>(D, a, b));
}

}  // namespace mlac
