// decode_22_route: route. Emitted by mlac: edit the model, not this file.
// model.ts:38   const routing = route(x, p.router, { topK: 2, score: "softmax", balance: { loss: 0.01 } });
// reads  linear_router [B E]
// writes gates [B topK], choice_2 [B topK] i32, slot [B topK] i32, source [rows] i32, offsets [E+1] i32, load [E] i32, probabilities [B E], balance []
// 384 FLOP, 840 B in float32, 0.46 FLOP a byte
#include "../lib/kernel.h"

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
void decode_22_route(const real* linear_router, real* __restrict gates, int32_t* __restrict choice_2, int32_t* __restrict slot, int32_t* __restrict source, int32_t* __restrict offsets, int32_t* __restrict load, real* __restrict probabilities, real* __restrict balance) {
  const Range range("decode_22_route");
  constexpr int64_t TOP = 2;
  const RowChunks chunks = row_chunks(B);
  std::vector<int32_t> counts(chunks.count * E);   // per chunk, so that the sort is parallel and its order fixed
  std::vector<double> shares(chunks.count * E);
  parallel_for(chunks.count, [&](int64_t chunk) {
    int32_t* mine = &counts[chunk * E];
    double* share = &shares[chunk * E];
    for (int64_t token = chunks.begin(chunk); token < chunks.end(chunk); ++token) {
      real* p = probabilities + token * E;
      softmax_scores(linear_router + token * E, p, E);
      int32_t* chosen = choice_2 + token * TOP;
      choose_largest(p, nullptr, E, TOP, chosen);
      real sum = 0;
      for (int64_t k = 0; k < TOP; ++k) sum += p[chosen[k]];
      for (int64_t k = 0; k < TOP; ++k) {
        gates[token * TOP + k] = p[chosen[k]] / sum * real(1);
        mine[chosen[k]] += 1;
      }
      real whole = 0;
      for (int64_t e = 0; e < E; ++e) whole += p[e];
      for (int64_t e = 0; e < E; ++e) share[e] += p[e] / whole;
    }
  });

  // Counting sort: where each chunk's first row of each expert goes.
  int32_t next = 0;
  double uneven = 0;
  for (int64_t e = 0; e < E; ++e) {
    offsets[e] = next;
    double share = 0;
    for (int64_t chunk = 0; chunk < chunks.count; ++chunk) {
      const int32_t n = counts[chunk * E + e];
      counts[chunk * E + e] = next;
      next += n;
      share += shares[chunk * E + e];
    }
    load[e] = next - offsets[e];
    uneven += double(load[e]) / double(B * TOP) * (share / double(B));
  }
  offsets[E] = next;
  balance[0] = real(0.01 * E * uneven);

  parallel_for(chunks.count, [&](int64_t chunk) {
    int32_t* place = &counts[chunk * E];
    for (int64_t choice = chunks.begin(chunk) * TOP; choice < chunks.end(chunk) * TOP; ++choice) {
      const int32_t row = place[choice_2[choice]]++;
      slot[choice] = row;
      source[row] = int32_t(choice);
    }
  });
}

}  // namespace mlac
