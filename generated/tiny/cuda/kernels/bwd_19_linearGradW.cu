// bwd_19_linearGradW: linearGradW. Emitted by mlac: edit the model, not this file.
// model.ts:38   const routing = route(x, p.router, { topK: 2, score: "softmax", balance: { loss: 0.01 } });
// reads  rmsnorm_ffnNorm [B T D], route_grad_ [B T E]
// writes d_router [D E]
// 8.4 MFLOP, 1.1 MB, 7.5 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t E = 8;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  float* d_router;

  /// What a sum is added to, read before its turn comes.
  __device__ Run fetch([[maybe_unused]] int group, [[maybe_unused]] int64_t m, int64_t n, int count) const {
    if (count == 0) return {};
    const int64_t at = m * E + n;
    return load<true>(d_router + at);
  }

  __device__ void operator()([[maybe_unused]] int group, int64_t m, int64_t n, int count, const Run (&sums)[1], Run d_router_run) const {
    if (count == 0) return;
    const int64_t at = m * E + n;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      d_router_run[j] += sums[0][j];
    }
    store<true>(d_router + at, d_router_run);
  }

  [[maybe_unused]] __device__ void operator()(int group, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    (*this)(group, m, n, count, sums, fetch(group, m, n, count));
  }
};

using Shape = Contraction<Kind::dense, Major::own, Major::own, 1, 1, true, false, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("bwd_19_linearGradW", ways_of<Shape>(E, true));

}  // namespace

void bwd_19_linearGradW(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const bf16* route_grad_, float* d_router, char* workspace) {
  const Range range(stream, "bwd_19_linearGradW");
  const Product<1> products[] = {
      {B * T, {rmsnorm_ffnNorm, B * T, D}, {{route_grad_, B * T, E}}},  // rmsnorm_ffnNorm · route_grad_
  };
  const Extent extent{1, D, E, nullptr};
  const Epilogue epilogue{d_router};
  const Bare<float, 1> bare{{d_router}, true, workspace, 32768};
  launched(contract<Shape>(stream, extent, products, epilogue, choice, bare));
}

}  // namespace mlac
