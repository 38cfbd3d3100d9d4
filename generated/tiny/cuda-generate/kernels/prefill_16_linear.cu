// prefill_16_linear: linear. Emitted by mlac: edit the model, not this file.
// model.ts:38   const routing = route(x, p.router, { topK: 2, score: "softmax", balance: { loss: 0.01 } });
// reads  rmsnorm_ffnNorm [B T D], router [D E]
// writes linear_router [B T E]
// 262 kFLOP, 38.9 kB, 6.7 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t D = 128;
constexpr int64_t E = 8;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  float* linear_router;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count == 0) return;
    const int64_t at = m * E + n;
    Run linear_router_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      linear_router_run[j] = sums[0][j];
    }
    store<true>(linear_router + at, linear_router_run);
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::own, 1, 1, true, false, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("prefill_16_linear", ways_of<Shape>(E, true));

}  // namespace

void prefill_16_linear(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const bf16* router, float* linear_router, char* workspace) {
  const Range range(stream, "prefill_16_linear");
  const Product<1> products[] = {
      {D, {rmsnorm_ffnNorm, B * T, D}, {{router, D, E}}},  // rmsnorm_ffnNorm · router
  };
  const Extent extent{1, B * T, E, nullptr};
  const Epilogue epilogue{linear_router};
  const Bare<float, 1> bare{{linear_router}, false, workspace, 32768};
  launched(contract<Shape>(stream, extent, products, epilogue, choice, bare));
}

}  // namespace mlac
