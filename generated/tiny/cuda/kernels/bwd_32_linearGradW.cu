// bwd_32_linearGradW: linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:23   const shared = expand(linear(x, p.kRope), "H"); // one rotary key for all heads
// reads  rmsnorm_attnNorm [B T D], sumOver [B T R]
// writes d_kRope [D R]
// 16.8 MFLOP, 1.2 MB, 14 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t R = 16;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  float* d_kRope;

  /// What a sum is added to, read before its turn comes.
  __device__ Run fetch([[maybe_unused]] int group, [[maybe_unused]] int64_t m, int64_t n, int count) const {
    if (count == 0) return {};
    const int64_t at = m * R + n;
    return load<true>(d_kRope + at);
  }

  __device__ void operator()([[maybe_unused]] int group, int64_t m, int64_t n, int count, const Run (&sums)[1], Run d_kRope_run) const {
    if (count == 0) return;
    const int64_t at = m * R + n;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      d_kRope_run[j] += sums[0][j];
    }
    store<true>(d_kRope + at, d_kRope_run);
  }

  [[maybe_unused]] __device__ void operator()(int group, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    (*this)(group, m, n, count, sums, fetch(group, m, n, count));
  }
};

using Shape = Contraction<Kind::dense, Major::own, Major::own, 1, 1, true, false, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("bwd_32_linearGradW", ways_of<Shape>(R, true));

}  // namespace

void bwd_32_linearGradW(cudaStream_t stream, const bf16* rmsnorm_attnNorm, const bf16* sumOver, float* d_kRope, char* workspace) {
  const Range range(stream, "bwd_32_linearGradW");
  const Product<1> products[] = {
      {B * T, {rmsnorm_attnNorm, B * T, D}, {{sumOver, B * T, R}}},  // rmsnorm_attnNorm · sumOver
  };
  const Extent extent{1, D, R, nullptr};
  const Epilogue epilogue{d_kRope};
  const Bare<float, 1> bare{{d_kRope}, true, workspace, 65536};
  launched(contract<Shape>(stream, extent, products, epilogue, choice, bare));
}

}  // namespace mlac
