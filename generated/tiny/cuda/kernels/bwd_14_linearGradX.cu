// bwd_14_linearGradX: linearGradX. Emitted by mlac: edit the model, not this file.
// model.ts:38   const routing = route(x, p.router, { topK: 2, score: "softmax", balance: { loss: 0.01 } });
// reads  route_grad_ [B T E], router [D E]
// writes linear_grad_x_router [B T D]
// 8.4 MFLOP, 1.1 MB, 7.5 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t E = 8;
constexpr int64_t D = 128;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  bf16* linear_grad_x_router;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count == 0) return;
    const int64_t at = m * D + n;
    Run linear_grad_x_router_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      linear_grad_x_router_run[j] = sums[0][j];
    }
    store<true>(linear_grad_x_router + at, linear_grad_x_router_run);
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::k, 1, 1, true, false, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("bwd_14_linearGradX", ways_of<Shape>(D, true));

}  // namespace

void bwd_14_linearGradX(cudaStream_t stream, const bf16* route_grad_, const bf16* router, bf16* linear_grad_x_router, char* workspace) {
  const Range range(stream, "bwd_14_linearGradX");
  const Product<1> products[] = {
      {E, {route_grad_, B * T, E}, {{router, D, E}}},  // route_grad_ · router
  };
  const Extent extent{1, B * T, D, nullptr};
  const Epilogue epilogue{linear_grad_x_router};
  const Bare<bf16, 1> bare{{linear_grad_x_router}, false, workspace, 4194304};
  launched(contract<Shape>(stream, extent, products, epilogue, choice, bare));
}

}  // namespace mlac
