// fwd_19_route: route. Emitted by mlac: edit the model, not this file.
// model.ts:38   const routing = route(x, p.router, { topK: 2, score: "softmax", balance: { loss: 0.01 } });
// reads  linear_router [B T E]
// writes route_0 [B T topK], route_1 [B T topK] i32, route_2 [B T topK] i32, route_3 [rows] i32, route_4 [E+1] i32, route_5 [E] i32, route_6 [B T E], route_7 []
// 197 kFLOP, 393 kB in float32, 0.50 FLOP a byte
#include "../lib/kernel.h"

namespace mlac {

namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t E = 8;
constexpr int64_t topK = 2;
constexpr int64_t rows = 8192;
constexpr int64_t E_1 = 9;  // E+1

}  // namespace

/*
 * Routing of tokens to experts.
 *   probabilities = softmax(logits); the 2 largest are the token's choices, a tie going to the lower expert;
 *   gates = the chosen probabilities over their sum, times 1.
 * Rows of one expert lie together, in the order of their tokens: row `slot[choice]` belongs to choice `source[row]` = token · 2 + k,
 * and expert e owns rows offsets[e] to offsets[e + 1]. No token is dropped.
 */
void fwd_19_route(const real* linear_router, real* __restrict route_0, int32_t* __restrict route_1, int32_t* __restrict route_2, int32_t* __restrict route_3, int32_t* __restrict route_4, int32_t* __restrict route_5, real* __restrict route_6, real* __restrict route_7) {
  constexpr int64_t TOP = 2;
  const RowChunks chunks = row_chunks((B * T));
  std::vector<int32_t> counts(chunks.count * E);   // per chunk, so that the sort is parallel and its order fixed
  std::vector<double> shares(chunks.count * E);
  parallel_for(chunks.count, [&](int64_t chunk) {
    int32_t* mine = &counts[chunk * E];
    double* share = &shares[chunk * E];
    for (int64_t token = chunks.begin(chunk); token < chunks.end(chunk); ++token) {
      real* p = route_6 + token * E;
      softmax_scores(linear_router + token * E, p, E);
      int32_t* chosen = route_1 + token * TOP;
      choose_largest(p, nullptr, E, TOP, chosen);
      real sum = 0;
      for (int64_t k = 0; k < TOP; ++k) sum += p[chosen[k]];
      for (int64_t k = 0; k < TOP; ++k) {
        route_0[token * TOP + k] = p[chosen[k]] / sum * real(1);
        mine[chosen[k]] += 1;
      }
      real whole = 0;
      for (int64_t e = 0; e < E; ++e) whole += p[e];
      for (int64_t e = 0; e < E; ++e) share[e] += p[e] / whole;
    }
  });

  // Counting sort: where each chunk's first row of each expert goes.
  int32_t next = 0;
  double balance = 0;
  for (int64_t e = 0; e < E; ++e) {
    route_4[e] = next;
    double share = 0;
    for (int64_t chunk = 0; chunk < chunks.count; ++chunk) {
      const int32_t n = counts[chunk * E + e];
      counts[chunk * E + e] = next;
      next += n;
      share += shares[chunk * E + e];
    }
    route_5[e] = next - route_4[e];
    balance += double(route_5[e]) / double((B * T) * TOP) * (share / double((B * T)));
  }
  route_4[E] = next;
  route_7[0] = real(0.01 * E * balance);

  parallel_for(chunks.count, [&](int64_t chunk) {
    int32_t* place = &counts[chunk * E];
    for (int64_t choice = chunks.begin(chunk) * TOP; choice < chunks.end(chunk) * TOP; ++choice) {
      const int32_t row = place[route_1[choice]]++;
      route_2[choice] = row;
      route_3[row] = int32_t(choice);
    }
  });
}

}  // namespace mlac
