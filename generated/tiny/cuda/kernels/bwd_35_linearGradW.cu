// bwd_35_linearGradW: linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:22   const latent = rmsnorm(linear(x, p.kvDown), p.kvNorm);
// reads  rmsnorm_attnNorm [B T D], rmsnorm_grad_x_kvNorm [B T C]
// writes d_kvDown [D C]
// 67.1 MFLOP, 1.6 MB, 42 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t C = 64;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  float* d_kvDown;

  /// What a sum is added to, read before its turn comes.
  __device__ Run fetch([[maybe_unused]] int group, [[maybe_unused]] int64_t m, int64_t n, int count) const {
    if (count == 0) return {};
    const int64_t at = m * C + n;
    return load<true>(d_kvDown + at);
  }

  __device__ void operator()([[maybe_unused]] int group, int64_t m, int64_t n, int count, const Run (&sums)[1], Run d_kvDown_run) const {
    if (count == 0) return;
    const int64_t at = m * C + n;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      d_kvDown_run[j] += sums[0][j];
    }
    store<true>(d_kvDown + at, d_kvDown_run);
  }

  [[maybe_unused]] __device__ void operator()(int group, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    (*this)(group, m, n, count, sums, fetch(group, m, n, count));
  }
};

using Shape = Contraction<Kind::dense, Major::own, Major::own, 1, 1, true, false, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("bwd_35_linearGradW", ways_of<Shape>(C, true));

}  // namespace

void bwd_35_linearGradW(cudaStream_t stream, const bf16* rmsnorm_attnNorm, const bf16* rmsnorm_grad_x_kvNorm, float* d_kvDown, char* workspace) {
  const Range range(stream, "bwd_35_linearGradW");
  const Product<1> products[] = {
      {B * T, {rmsnorm_attnNorm, B * T, D}, {{rmsnorm_grad_x_kvNorm, B * T, C}}},  // rmsnorm_attnNorm · rmsnorm_grad_x_kvNorm
  };
  const Extent extent{1, D, C, nullptr};
  const Epilogue epilogue{d_kvDown};
  const Bare<float, 1> bare{{d_kvDown}, true, workspace, 262144};
  launched(contract<Shape>(stream, extent, products, epilogue, choice, bare));
}

}  // namespace mlac
