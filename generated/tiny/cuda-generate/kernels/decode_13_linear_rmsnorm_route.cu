// decode_13_linear_rmsnorm_route: rmsnorm, linear, route. Emitted by mlac: edit the model, not this file.
// model.ts:38   const routing = route(x, p.router, { topK: 2, score: "softmax", balance: { loss: 0.01 } });
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  add [B D], ffnNorm [D], router [D E]
// writes gates [B topK], slot [B topK] i32, source [rows] i32, offsets [E+1] i32
// 20.9 kFLOP, 4.8 kB, 4.3 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"
#include "../lib/contract_few.cuh"
#include "../lib/route_rows.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 8;
constexpr int64_t D = 128;
constexpr int64_t E = 8;

}  // namespace

namespace {

/// Tokens that have chosen their experts: 0 before a launch and after it.
__device__ unsigned tokens_routed;

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  float* gates;
  int32_t* slot;
  int32_t* source;
  int32_t* offsets;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    Run linear_router_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      linear_router_run[j] = sums[0][j];
    }
    route_row<Score::softmax, E, 2>(linear_router_run, m, int(n), count, B, float(1), nullptr, gates, slot, source, offsets, &tokens_routed);
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::own, 1, 1, true, false, false>;

}  // namespace

void decode_13_linear_rmsnorm_route(cudaStream_t stream, const bf16* add, const float* ffnNorm, const bf16* router, float* gates, int32_t* slot, int32_t* source, int32_t* offsets) {
  const Range range(stream, "decode_13_linear_rmsnorm_route");
  const Product<1> products[] = {
      {D, {add, B, D}, {{router, D, E}}},  // add · router
  };
  const Extent extent{1, B, E, nullptr};
  const Epilogue epilogue{gates, slot, source, offsets};
  launched(contract_few<Shape, 8>(stream, extent, products, epilogue, few::Normed{ffnNorm, float(0.000001)}));
}

}  // namespace mlac
