// decode_13_linear_rmsnorm: rmsnorm, linear. Emitted by mlac: edit the model, not this file.
// model.ts:38   const routing = route(x, p.router, { topK: 2, score: "softmax", balance: { loss: 0.01 } });
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  add [B D], ffnNorm [D], router [D E]
// writes linear_router [B E]
// 20.5 kFLOP, 4.9 kB, 4.2 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"
#include "../lib/contract_few.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 8;
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

}  // namespace

void decode_13_linear_rmsnorm(cudaStream_t stream, const bf16* add, const float* ffnNorm, const bf16* router, float* linear_router) {
  const Range range(stream, "decode_13_linear_rmsnorm");
  const Product<1> products[] = {
      {D, {add, B, D}, {{router, D, E}}},  // add · router
  };
  const Extent extent{1, B, E, nullptr};
  const Epilogue epilogue{linear_router};
  launched(contract_few<Shape, 8>(stream, extent, products, epilogue, few::Normed{ffnNorm, float(0.000001)}));
}

}  // namespace mlac
