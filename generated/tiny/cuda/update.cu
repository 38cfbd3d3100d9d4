// One optimizer step from the accumulated gradients: a rank moves what it owns, and all get the new weights. Emitted by mlac.
#include "lib/launched.cuh"
#include "rank.h"

namespace mlac {

void update(cudaStream_t stream, char* arena, Rank& rank, [[maybe_unused]] int64_t step, [[maybe_unused]] double rate, double clip) {
  auto* const gradients = reinterpret_cast<Gradients*>(arena + 9871360);
  char* const workspace = arena + 9879808;

  rank.measure_gradients(stream, clip, gradients);

  // Number by number; between ranks the new weights travel behind the products that follow.
  adamw(stream, step, gradients, rank.numbers({
    {0, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // embed
    {1, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // first.attnNorm
    {5, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // first.attn.kvNorm
    {8, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // first.attn.qNorm
    {9, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // first.attn.kNorm
    {11, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // first.ffnNorm
    {15, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // layers.attnNorm
    {19, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // layers.attn.kvNorm
    {22, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // layers.attn.qNorm
    {23, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // layers.attn.kNorm
    {25, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // layers.ffnNorm
    {26, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // layers.moe.router
    {33, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // norm
    {34, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // head
  }));
  rank.weights_final({0, 1, 5, 8, 9, 11, 15, 19, 22, 23, 25, 26, 33, 34});

  // 52 matrices of 128 x 64
  launched(muon<NewtonSchulz::symmetric, Shape::tall>(stream, {128, 64, 52, 5}, gradients, rank.matrices({
    {3, Muon{0.01 * rate, 0.95, 0.01} },  // first.attn.kvDown
    {17, Muon{0.01 * rate, 0.95, 0.01} },  // layers.attn.kvDown
    {27, Muon{0.01 * rate, 0.95, 0.01} },  // layers.moe.gate
    {28, Muon{0.01 * rate, 0.95, 0.01} },  // layers.moe.up
  }), workspace));
  rank.weights_final({3, 17, 27, 28});

  // 32 matrices of 64 x 128
  launched(muon<NewtonSchulz::symmetric, Shape::wide>(stream, {64, 128, 32, 5}, gradients, rank.matrices({
    {6, Muon{0.01 * rate, 0.95, 0.01} },  // first.attn.k
    {7, Muon{0.01 * rate, 0.95, 0.01} },  // first.attn.v
    {20, Muon{0.01 * rate, 0.95, 0.01} },  // layers.attn.k
    {21, Muon{0.01 * rate, 0.95, 0.01} },  // layers.attn.v
    {29, Muon{0.01 * rate, 0.95, 0.01} },  // layers.moe.down
  }), workspace));
  rank.weights_final({6, 7, 20, 21, 29});

  // 13 matrices of 128 x 128
  launched(muon<NewtonSchulz::symmetric, Shape::wide>(stream, {128, 128, 13, 5}, gradients, rank.matrices({
    {10, Muon{0.01 * rate, 0.95, 0.01} },  // first.attn.out
    {24, Muon{0.01 * rate, 0.95, 0.01} },  // layers.attn.out
    {30, Muon{0.01 * rate, 0.95, 0.01} },  // layers.moe.sharedGate
    {31, Muon{0.01 * rate, 0.95, 0.01} },  // layers.moe.sharedUp
    {32, Muon{0.01 * rate, 0.95, 0.01} },  // layers.moe.sharedDown
  }), workspace));
  rank.weights_final({10, 24, 30, 31, 32});

  // 4 matrices of 128 x 192
  launched(muon<NewtonSchulz::symmetric, Shape::wide>(stream, {128, 192, 4, 5}, gradients, rank.matrices({
    {2, Muon{0.01 * rate, 0.95, 0.01} },  // first.attn.q
    {16, Muon{0.01 * rate, 0.95, 0.01} },  // layers.attn.q
  }), workspace));
  rank.weights_final({2, 16});

  // 2 matrices of 128 x 384
  launched(muon<NewtonSchulz::symmetric, Shape::wide>(stream, {128, 384, 2, 5}, gradients, rank.matrices({
    {12, Muon{0.01 * rate, 0.95, 0.01} },  // first.ffn.gate
    {13, Muon{0.01 * rate, 0.95, 0.01} },  // first.ffn.up
  }), workspace));
  rank.weights_final({12, 13});

  // 1 matrices of 384 x 128
  launched(muon<NewtonSchulz::symmetric, Shape::tall>(stream, {384, 128, 1, 5}, gradients, rank.matrices({
    {14, Muon{0.01 * rate, 0.95, 0.01} },  // first.ffn.down
  }), workspace));
  rank.weights_final({14});

  // 4 matrices of 128 x 16
  launched(muon<NewtonSchulz::symmetric, Shape::tall>(stream, {128, 16, 4, 5}, gradients, rank.matrices({
    {4, Muon{0.01 * rate, 0.95, 0.01} },  // first.attn.kRope
    {18, Muon{0.01 * rate, 0.95, 0.01} },  // layers.attn.kRope
  }), workspace));
  rank.weights_final({4, 18});
  rank.wait();
}

}  // namespace mlac
