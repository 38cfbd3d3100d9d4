// prefill_27_nextLogits: nextLogits. Emitted by mlac: edit the model, not this file.
// reads  rmsnorm_norm [B T D], head_2 [V D], position [B] i32
// writes nextLogits_head [B V]
// 65.5 kFLOP, 133 kB in float32, 0.49 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t D = 128;
constexpr int64_t V = 256;

}  // namespace

// Logits of one position of each sequence: nextLogits_head[b, v] = ⟨rmsnorm_norm[b, position[b]], head_2[v]⟩
void prefill_27_nextLogits(const real* rmsnorm_norm, const real* head_2, const int32_t* position, real* __restrict nextLogits_head) {
  const Range range("prefill_27_nextLogits");
  const auto last = operand<Along::columns>([=](int64_t, int64_t, int64_t) {
    return [=](int64_t m, int64_t k) { return rmsnorm_norm[(m * T + position[m]) * D + k]; };
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
