// bwd_38_linearGradW: linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:31   linear(swiglu(linear(x, p.gate), linear(x, p.up)), p.down));
// reads  swiglu [B T W], d_x [B T D]
// writes d_down [W D]
// 403 MFLOP, 4.4 MB, 92 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t W = 384;
constexpr int64_t D = 128;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  float* d_down;

  /// What a sum is added to, read before its turn comes.
  __device__ Run fetch([[maybe_unused]] int group, [[maybe_unused]] int64_t m, int64_t n, int count) const {
    if (count == 0) return {};
    const int64_t at = m * D + n;
    return load<true>(d_down + at);
  }

  __device__ void operator()([[maybe_unused]] int group, int64_t m, int64_t n, int count, const Run (&sums)[1], Run d_down_run) const {
    if (count == 0) return;
    const int64_t at = m * D + n;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      d_down_run[j] += sums[0][j];
    }
    store<true>(d_down + at, d_down_run);
  }

  [[maybe_unused]] __device__ void operator()(int group, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    (*this)(group, m, n, count, sums, fetch(group, m, n, count));
  }
};

using Shape = Contraction<Kind::dense, Major::own, Major::own, 1, 1, true, false, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("bwd_38_linearGradW", ways_of<Shape>(D, true));

}  // namespace

void bwd_38_linearGradW(cudaStream_t stream, const bf16* swiglu, const bf16* d_x, float* d_down, char* workspace) {
  const Range range(stream, "bwd_38_linearGradW");
  const Product<1> products[] = {
      {B * T, {swiglu, B * T, W}, {{d_x, B * T, D}}},  // swiglu · d_x
  };
  const Extent extent{1, W, D, nullptr};
  const Epilogue epilogue{d_down};
  const Bare<float, 1> bare{{d_down}, true, workspace, 1572864};
  launched(contract<Shape>(stream, extent, products, epilogue, choice, bare));
}

}  // namespace mlac
