// bwd_08_linearGradW_dispatch: dispatch, linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:40   const routed = linear(swiglu(linear(rows, p.gate), linear(rows, p.up)), p.down);
// model.ts:42   return add(combine(routed, routing), shared);
// reads  d_x [B T D], source [rows] i32, weigh [E rows F], offsets [E+1] i32
// writes d_down [E F D]
// 134 MFLOP, 2.4 MB, 56 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t rows = 8192;  // of all experts together
constexpr int64_t F = 64;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  float* d_down;

  /// What a sum is added to, read before its turn comes.
  __device__ Run fetch([[maybe_unused]] int group, [[maybe_unused]] int64_t m, int64_t n, int count) const {
    if (count == 0) return {};
    const int64_t at = (group * F + m) * D + n;
    return load<true>(d_down + at);
  }

  __device__ void operator()([[maybe_unused]] int group, int64_t m, int64_t n, int count, const Run (&sums)[1], Run d_down_run) const {
    if (count == 0) return;
    const int64_t at = (group * F + m) * D + n;
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

using Shape = Contraction<Kind::ragged_k, Major::own, Major::own, 1, 1, true, false, true>;

/// Which way it is computed, among those that there are for it.
Choice choice("bwd_08_linearGradW_dispatch", ways_of<Shape>(D, false));

}  // namespace

void bwd_08_linearGradW_dispatch(cudaStream_t stream, const bf16* d_x, const int32_t* source, const bf16* weigh, const int32_t* offsets, float* d_down) {
  const Range range(stream, "bwd_08_linearGradW_dispatch");
  const Product<1> products[] = {
      {0, {weigh, rows, F}, {{d_x, rows, D, 0, source, 2, B * T}}},  // weigh · d_x[source / 2]
  };
  const Extent extent{8, F, D, offsets};
  const Epilogue epilogue{d_down};
  launched(contract<Shape>(stream, extent, products, epilogue, choice));
}

}  // namespace mlac
