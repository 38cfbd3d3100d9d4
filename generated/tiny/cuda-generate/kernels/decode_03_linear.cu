// decode_03_linear: linear. Emitted by mlac: edit the model, not this file.
// model.ts:22   const latent = rmsnorm(linear(x, p.kvDown), p.kvNorm);
// reads  rmsnorm_attnNorm [B D], kvDown [D C]
// writes linear_kvDown [B C]
// 131 kFLOP, 19.5 kB, 6.7 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"
#include "../lib/contract_few.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 8;
constexpr int64_t D = 128;
constexpr int64_t C = 64;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  bf16* linear_kvDown;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count == 0) return;
    const int64_t at = m * C + n;
    Run linear_kvDown_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      linear_kvDown_run[j] = sums[0][j];
    }
    store<true>(linear_kvDown + at, linear_kvDown_run);
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::own, 1, 1, true, false, false>;

}  // namespace

void decode_03_linear(cudaStream_t stream, const bf16* rmsnorm_attnNorm, const bf16* kvDown, bf16* linear_kvDown) {
  const Range range(stream, "decode_03_linear");
  const Product<1> products[] = {
      {D, {rmsnorm_attnNorm, B, D}, {{kvDown, D, C}}},  // rmsnorm_attnNorm · kvDown
  };
  const Extent extent{1, B, C, nullptr};
  const Epilogue epilogue{linear_kvDown};
  launched(contract_few<Shape, 8>(stream, extent, products, epilogue));
}

}  // namespace mlac
