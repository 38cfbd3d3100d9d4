// One optimizer step from the accumulated gradients: a rank moves what it owns, and all get the new weights. Emitted by mlac.
#include <algorithm>
#include <cmath>

#include "lib/routing.h"
#include "rank.h"

namespace mlac {

void update([[maybe_unused]] char* arena, Rank& rank, int64_t step, double rate, double clip, double* report) {
  real* const workspace = reinterpret_cast<real*>(arena + 9803904);

  const double norm = std::sqrt(rank.sum_of_squares());
  report[0] = norm;
  // A gradient that is not finite must not reach the weights: the caller sees the norm and stops.
  if (!std::isfinite(norm)) return;
  const double scale = clip > 0 ? std::min(1.0, clip / (norm + 1e-6)) : 1.0;

  // Number by number; between ranks the new weights travel behind the products that follow.
  rank.adamw(0, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale);  // embed
  rank.adamw(1, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale);  // first.attnNorm
  rank.adamw(5, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale);  // first.attn.kvNorm
  rank.adamw(8, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale);  // first.attn.qNorm
  rank.adamw(9, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale);  // first.attn.kNorm
  rank.adamw(11, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale);  // first.ffnNorm
  rank.adamw(15, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale);  // layers.attnNorm
  rank.adamw(19, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale);  // layers.attn.kvNorm
  rank.adamw(22, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale);  // layers.attn.qNorm
  rank.adamw(23, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale);  // layers.attn.kNorm
  rank.adamw(25, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale);  // layers.ffnNorm
  rank.adamw(26, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale);  // layers.moe.router
  rank.adamw(33, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale);  // norm
  rank.adamw(34, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale);  // head
  rank.weights_final({0, 1, 5, 8, 9, 11, 15, 19, 22, 23, 25, 26, 33, 34});

  // 52 matrices of 128 x 64
  muon(NewtonSchulz::symmetric, 128, 64, scale, rank.matrices({
    {3, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // first.attn.kvDown
    {17, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // layers.attn.kvDown
    {27, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // layers.moe.gate
    {28, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // layers.moe.up
  }), workspace);
  rank.weights_final({3, 17, 27, 28});

  // 32 matrices of 64 x 128
  muon(NewtonSchulz::symmetric, 64, 128, scale, rank.matrices({
    {6, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // first.attn.k
    {7, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // first.attn.v
    {20, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // layers.attn.k
    {21, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // layers.attn.v
    {29, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // layers.moe.down
  }), workspace);
  rank.weights_final({6, 7, 20, 21, 29});

  // 13 matrices of 128 x 128
  muon(NewtonSchulz::symmetric, 128, 128, scale, rank.matrices({
    {10, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // first.attn.out
    {24, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // layers.attn.out
    {30, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // layers.moe.sharedGate
    {31, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // layers.moe.sharedUp
    {32, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // layers.moe.sharedDown
  }), workspace);
  rank.weights_final({10, 24, 30, 31, 32});

  // 4 matrices of 128 x 192
  muon(NewtonSchulz::symmetric, 128, 192, scale, rank.matrices({
    {2, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // first.attn.q
    {16, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // layers.attn.q
  }), workspace);
  rank.weights_final({2, 16});

  // 2 matrices of 128 x 384
  muon(NewtonSchulz::symmetric, 128, 384, scale, rank.matrices({
    {12, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // first.ffn.gate
    {13, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // first.ffn.up
  }), workspace);
  rank.weights_final({12, 13});

  // 1 matrices of 384 x 128
  muon(NewtonSchulz::symmetric, 384, 128, scale, rank.matrices({
    {14, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // first.ffn.down
  }), workspace);
  rank.weights_final({14});

  // 4 matrices of 128 x 16
  muon(NewtonSchulz::symmetric, 128, 16, scale, rank.matrices({
    {4, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // first.attn.kRope
    {18, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // layers.attn.kRope
  }), workspace);
  rank.weights_final({4, 18});
  rank.wait();
}

}  // namespace mlac
