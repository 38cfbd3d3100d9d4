// decode_14_route: route. Emitted by mlac: edit the model, not this file.
// model.ts:38   const routing = route(x, p.router, { topK: 2, score: "softmax", balance: { loss: 0.01 } });
// reads  linear_router [B E]
// writes gates [B topK], choice_2 [B topK] i32, slot [B topK] i32, source [rows] i32, offsets [E+1] i32, load_2 [E] i32, probabilities [B E], balance []
// 384 FLOP, 840 B, 0.46 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/routing_few.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 8;
constexpr int64_t E = 8;
constexpr int64_t rows = 16;

}  // namespace

/*
 * Routing of tokens to experts.
 *   probabilities = softmax(logits); the 2 largest are the token's choices, a tie going to the lower expert;
 *   gates = the chosen probabilities over their sum, times 1.
 * Rows of one expert lie together, in the order of their tokens: row `slot[choice]` belongs to choice `source[row]` = token · 2 + k,
 * and expert e owns rows offsets[e] to offsets[e + 1]. No token is dropped.
 */
void decode_14_route(cudaStream_t stream, const float* linear_router, float* gates, int32_t* choice_2, int32_t* slot, int32_t* source, int32_t* offsets, int32_t* load_2, float* probabilities, float* balance) {
  const Range range(stream, "decode_14_route");
  constexpr double SCALE = 1, AUX = 0.01;
  launched(choose_experts_of_few<Score::softmax, E, 2>(
      stream, B, SCALE, AUX, linear_router, nullptr, gates, choice_2, slot, source, offsets, load_2, probabilities, balance));
}

}  // namespace mlac
