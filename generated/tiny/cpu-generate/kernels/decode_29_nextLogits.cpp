// decode_29_nextLogits: nextLogits. Emitted by mlac: edit the model, not this file.
// reads  rmsnorm_norm [B D], head_2 [V D]
// writes nextLogits_head [B V]
// 524 kFLOP, 143 kB in float32, 3.7 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 8;
constexpr int64_t D = 128;
constexpr int64_t V = 256;

}  // namespace

// Logits of each row: nextLogits_head[b, v] = ⟨rmsnorm_norm[b], head_2[v]⟩
void decode_29_nextLogits(const real* rmsnorm_norm, const real* head_2, real* __restrict nextLogits_head) {
  const Range range("decode_29_nextLogits");
  const auto last = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return rmsnorm_norm[m * D + k]; };
  });
  const auto head = operand<Along::rows>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t k, int64_t n) { return head_2[n * D + k]; };
  });
  const auto epilogue = [=](int64_t, int64_t m, int64_t n, int64_t count, const real* sum) {
    std::copy_n(sum, count, nextLogits_head + m * V + n);
  };
  contract<1>(Grid{1, B, V }, epilogue, product<0>(D, last, head));
}

}  // namespace mlac
