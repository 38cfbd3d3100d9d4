// bwd_13_routeGrad: routeGrad. Emitted by mlac: edit the model, not this file.
// model.ts:38   const routing = route(x, p.router, { topK: 2, score: "softmax", balance: { loss: 0.01 } });
// reads  probabilities [B T E], gates [B T topK], choice_2 [B T topK] i32, load_2 [E] i32, pick [B T topK], expand []
// writes route_grad_ [B T E]
// 328 kFLOP, 295 kB, 1.1 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/routing.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t E = 8;

}  // namespace

// Through the gates (a quotient of probabilities), the balance loss (loads are constants) and softmax.
void bwd_13_routeGrad(cudaStream_t stream, const float* probabilities, const float* gates, const int32_t* choice_2, const int32_t* load_2, const float* pick, const float* expand, bf16* route_grad_) {
  const Range range(stream, "bwd_13_routeGrad");
  constexpr double SCALE = 1, AUX = 0.01;
  choose_experts_grad<Score::softmax, E, 2>(
      stream, B * T, SCALE, AUX, probabilities, gates, choice_2, load_2, pick, expand, route_grad_);
}

}  // namespace mlac
