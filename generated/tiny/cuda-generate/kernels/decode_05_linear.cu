// decode_05_linear: linear. Emitted by mlac: edit the model, not this file.
// model.ts:24   const q = rmsnorm(linear(x, p.q), p.qNorm);
// reads  rmsnorm_attnNorm [B D], q [D H N+R]
// writes linear_q [B H N+R]
// 393 kFLOP, 54.3 kB, 7.2 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"
#include "../lib/contract_few.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 8;
constexpr int64_t D = 128;
constexpr int64_t H = 4;
constexpr int64_t N_R = 48;  // N+R

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  bf16* linear_q;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count == 0) return;
    const int64_t at = m * (H * N_R) + n;
    Run linear_q_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      linear_q_run[j] = sums[0][j];
    }
    store<true>(linear_q + at, linear_q_run);
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::own, 1, 1, true, false, false>;

}  // namespace

void decode_05_linear(cudaStream_t stream, const bf16* rmsnorm_attnNorm, const bf16* q, bf16* linear_q) {
  const Range range(stream, "decode_05_linear");
  const Product<1> products[] = {
      {D, {rmsnorm_attnNorm, B, D}, {{q, D, H * N_R}}},  // rmsnorm_attnNorm · q
  };
  const Extent extent{1, B, H * N_R, nullptr};
  const Epilogue epilogue{linear_q};
  launched(contract_few<Shape, 8>(stream, extent, products, epilogue));
}

}  // namespace mlac
