// bwd_43_linearGradW: linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:27   return linear(mixed, p.out);
// reads  mixed [B T H U], add [B T D]
// writes d_out [H U D]
// 134 MFLOP, 2.2 MB, 62 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t H = 4;
constexpr int64_t U = 32;
constexpr int64_t D = 128;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  float* d_out;

  /// What a sum is added to, read before its turn comes.
  __device__ Run fetch([[maybe_unused]] int group, [[maybe_unused]] int64_t m, int64_t n, int count) const {
    if (count == 0) return {};
    const int64_t at = m * D + n;
    return load<true>(d_out + at);
  }

  __device__ void operator()([[maybe_unused]] int group, int64_t m, int64_t n, int count, const Run (&sums)[1], Run d_out_run) const {
    if (count == 0) return;
    const int64_t at = m * D + n;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      d_out_run[j] += sums[0][j];
    }
    store<true>(d_out + at, d_out_run);
  }

  [[maybe_unused]] __device__ void operator()(int group, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    (*this)(group, m, n, count, sums, fetch(group, m, n, count));
  }
};

using Shape = Contraction<Kind::dense, Major::own, Major::own, 1, 1, true, false, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("bwd_43_linearGradW", ways_of<Shape>(D, true));

}  // namespace

void bwd_43_linearGradW(cudaStream_t stream, const bf16* mixed, const bf16* add, float* d_out, char* workspace) {
  const Range range(stream, "bwd_43_linearGradW");
  const Product<1> products[] = {
      {B * T, {mixed, B * T, H * U}, {{add, B * T, D}}},  // mixed · add
  };
  const Extent extent{1, H * U, D, nullptr};
  const Epilogue epilogue{d_out};
  const Bare<float, 1> bare{{d_out}, true, workspace, 524288};
  launched(contract<Shape>(stream, extent, products, epilogue, choice, bare));
}

}  // namespace mlac
