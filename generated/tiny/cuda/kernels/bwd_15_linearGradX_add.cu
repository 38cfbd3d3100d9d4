// bwd_15_linearGradX_add: linearGradX, add. Emitted by mlac: edit the model, not this file.
// model.ts:38   const routing = route(x, p.router, { topK: 2, score: "softmax", balance: { loss: 0.01 } });
// model.ts:39   const rows = dispatch(x, routing); // [E rows D]: the tokens of each expert
// model.ts:41   const shared = linear(swiglu(linear(x, p.sharedGate), linear(x, p.sharedUp)), p.sharedDown);
// reads  swiglu_grad_up [B T S], sharedUp [D S], swiglu_grad_gate [B T S], sharedGate [D S], combine [B T D], linear_grad_x_router [B T D]
// writes add [B T D]
// 270 MFLOP, 5.3 MB, 51 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t S = 128;
constexpr int64_t D = 128;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  const bf16* combine;
  const bf16* linear_grad_x_router;
  bf16* add;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count == 0) return;
    const int64_t at = m * D + n;
    Run combine_run = load<true>(combine + at);
    Run linear_grad_x_router_run = load<true>(linear_grad_x_router + at);
    Run add_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      const real add_2_j = sums[0][j] + combine_run[j];
      const real add_j = add_2_j + linear_grad_x_router_run[j];
      add_run[j] = add_j;
    }
    store<true>(add + at, add_run);
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::k, 1, 2, true, false, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("bwd_15_linearGradX_add", ways_of<Shape>(D, false));

}  // namespace

void bwd_15_linearGradX_add(cudaStream_t stream, const bf16* swiglu_grad_up, const bf16* sharedUp, const bf16* swiglu_grad_gate, const bf16* sharedGate, const bf16* combine, const bf16* linear_grad_x_router, bf16* add) {
  const Range range(stream, "bwd_15_linearGradX_add");
  const Product<1> products[] = {
      {S, {swiglu_grad_up, B * T, S}, {{sharedUp, D, S}}},  // swiglu_grad_up · sharedUp
      {S, {swiglu_grad_gate, B * T, S}, {{sharedGate, D, S}}},  // swiglu_grad_gate · sharedGate
  };
  const Extent extent{1, B * T, D, nullptr};
  const Epilogue epilogue{combine, linear_grad_x_router, add};
  launched(contract<Shape>(stream, extent, products, epilogue, choice));
}

}  // namespace mlac
