// decode_04_linear: linear. Emitted by mlac: edit the model, not this file.
// model.ts:23   const shared = expand(linear(x, p.kRope), "H"); // one rotary key for all heads
// reads  rmsnorm_attnNorm [B D], kRope [D R]
// writes linear_kRope [B R]
// 32.8 kFLOP, 6.4 kB, 5.1 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"
#include "../lib/contract_few.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 8;
constexpr int64_t D = 128;
constexpr int64_t R = 16;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  bf16* linear_kRope;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count == 0) return;
    const int64_t at = m * R + n;
    Run linear_kRope_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      linear_kRope_run[j] = sums[0][j];
    }
    store<true>(linear_kRope + at, linear_kRope_run);
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::own, 1, 1, true, false, false>;

}  // namespace

void decode_04_linear(cudaStream_t stream, const bf16* rmsnorm_attnNorm, const bf16* kRope, bf16* linear_kRope) {
  const Range range(stream, "decode_04_linear");
  const Product<1> products[] = {
      {D, {rmsnorm_attnNorm, B, D}, {{kRope, D, R}}},  // rmsnorm_attnNorm · kRope
  };
  const Extent extent{1, B, R, nullptr};
  const Epilogue epilogue{linear_kRope};
  launched(contract_few<Shape, 8>(stream, extent, products, epilogue));
}

}  // namespace mlac
