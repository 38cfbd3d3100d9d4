// decode_03_linear_rmsnorm: rmsnorm, linear. Emitted by mlac: edit the model, not this file.
// model.ts:22   const latent = rmsnorm(linear(x, p.kvDown), p.kvNorm);
// model.ts:25   const k = rmsnorm(concat(linear(latent, p.k), shared), p.kNorm);
// reads  linear_kvDown [B C], kvNorm [C], k_ [C H N]
// writes linear_k [B H N]
// 133 kFLOP, 19.7 kB, 6.8 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"
#include "../lib/contract_few.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 8;
constexpr int64_t C = 64;
constexpr int64_t H = 4;
constexpr int64_t N = 32;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  bf16* linear_k;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count == 0) return;
    const int64_t at = m * (H * N) + n;
    Run linear_k_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      linear_k_run[j] = sums[0][j];
    }
    store<true>(linear_k + at, linear_k_run);
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::own, 1, 1, true, false, false>;

}  // namespace

void decode_03_linear_rmsnorm(cudaStream_t stream, const bf16* linear_kvDown, const float* kvNorm, const bf16* k_, bf16* linear_k) {
  const Range range(stream, "decode_03_linear_rmsnorm");
  const Product<1> products[] = {
      {C, {linear_kvDown, B, C}, {{k_, C, H * N}}},  // linear_kvDown · k_
  };
  const Extent extent{1, B, H * N, nullptr};
  const Epilogue epilogue{linear_k};
  launched(contract_few<Shape, 8>(stream, extent, products, epilogue, few::Normed{kvNorm, float(0.000001)}));
}

}  // namespace mlac
