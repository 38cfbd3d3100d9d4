// bwd_30_linearGradW: linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:24   const q = rmsnorm(linear(x, p.q), p.qNorm);
// reads  rmsnorm_attnNorm [B T D], rmsnorm_grad_x_qNorm [B T H N+R]
// writes d_q [D H N+R]
// 201 MFLOP, 2.7 MB, 74 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t H = 4;
constexpr int64_t N_R = 48;  // N+R

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  float* d_q;

  /// What a sum is added to, read before its turn comes.
  __device__ Run fetch([[maybe_unused]] int group, [[maybe_unused]] int64_t m, int64_t n, int count) const {
    if (count == 0) return {};
    const int64_t at = m * (H * N_R) + n;
    return load<true>(d_q + at);
  }

  __device__ void operator()([[maybe_unused]] int group, int64_t m, int64_t n, int count, const Run (&sums)[1], Run d_q_run) const {
    if (count == 0) return;
    const int64_t at = m * (H * N_R) + n;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      d_q_run[j] += sums[0][j];
    }
    store<true>(d_q + at, d_q_run);
  }

  [[maybe_unused]] __device__ void operator()(int group, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    (*this)(group, m, n, count, sums, fetch(group, m, n, count));
  }
};

using Shape = Contraction<Kind::dense, Major::own, Major::own, 1, 1, true, false, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("bwd_30_linearGradW", ways_of<Shape>(H * N_R, true));

}  // namespace

void bwd_30_linearGradW(cudaStream_t stream, const bf16* rmsnorm_attnNorm, const bf16* rmsnorm_grad_x_qNorm, float* d_q, char* workspace) {
  const Range range(stream, "bwd_30_linearGradW");
  const Product<1> products[] = {
      {B * T, {rmsnorm_attnNorm, B * T, D}, {{rmsnorm_grad_x_qNorm, B * T, H * N_R}}},  // rmsnorm_attnNorm · rmsnorm_grad_x_qNorm
  };
  const Extent extent{1, D, H * N_R, nullptr};
  const Epilogue epilogue{d_q};
  const Bare<float, 1> bare{{d_q}, true, workspace, 786432};
  launched(contract<Shape>(stream, extent, products, epilogue, choice, bare));
}

}  // namespace mlac
