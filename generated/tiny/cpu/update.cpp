// One optimizer step from the accumulated gradients. Emitted by mlac.
#include <cmath>
#include <vector>

#include "lib/optimizer.h"
#include "lib/routing.h"
#include "model.h"

namespace mlac {

void update(char* arena, int64_t step, double rate, double clip, double* report) {
  const auto reals = [arena](int64_t byte) { return reinterpret_cast<real*>(arena + byte); };

  double squares = 0;
  squares += sum_of_squares(reals(4901888), 32768);  // embed
  squares += sum_of_squares(reals(5032960), 128);  // first.attnNorm
  squares += sum_of_squares(reals(5033472), 24576);  // first.attn.q
  squares += sum_of_squares(reals(5131776), 8192);  // first.attn.kvDown
  squares += sum_of_squares(reals(5164544), 2048);  // first.attn.kRope
  squares += sum_of_squares(reals(5172736), 64);  // first.attn.kvNorm
  squares += sum_of_squares(reals(5172992), 8192);  // first.attn.k
  squares += sum_of_squares(reals(5205760), 8192);  // first.attn.v
  squares += sum_of_squares(reals(5238528), 48);  // first.attn.qNorm
  squares += sum_of_squares(reals(5238720), 48);  // first.attn.kNorm
  squares += sum_of_squares(reals(5238912), 16384);  // first.attn.out
  squares += sum_of_squares(reals(5304448), 128);  // first.ffnNorm
  squares += sum_of_squares(reals(5304960), 49152);  // first.ffn.gate
  squares += sum_of_squares(reals(5501568), 49152);  // first.ffn.up
  squares += sum_of_squares(reals(5698176), 49152);  // first.ffn.down
  squares += sum_of_squares(reals(5894784), 384);  // layers.attnNorm
  squares += sum_of_squares(reals(5896320), 73728);  // layers.attn.q
  squares += sum_of_squares(reals(6191232), 24576);  // layers.attn.kvDown
  squares += sum_of_squares(reals(6289536), 6144);  // layers.attn.kRope
  squares += sum_of_squares(reals(6314112), 192);  // layers.attn.kvNorm
  squares += sum_of_squares(reals(6314880), 24576);  // layers.attn.k
  squares += sum_of_squares(reals(6413184), 24576);  // layers.attn.v
  squares += sum_of_squares(reals(6511488), 144);  // layers.attn.qNorm
  squares += sum_of_squares(reals(6512064), 144);  // layers.attn.kNorm
  squares += sum_of_squares(reals(6512640), 49152);  // layers.attn.out
  squares += sum_of_squares(reals(6709248), 384);  // layers.ffnNorm
  squares += sum_of_squares(reals(6710784), 3072);  // layers.moe.router
  squares += sum_of_squares(reals(6723072), 196608);  // layers.moe.gate
  squares += sum_of_squares(reals(7509504), 196608);  // layers.moe.up
  squares += sum_of_squares(reals(8295936), 196608);  // layers.moe.down
  squares += sum_of_squares(reals(9082368), 49152);  // layers.moe.sharedGate
  squares += sum_of_squares(reals(9278976), 49152);  // layers.moe.sharedUp
  squares += sum_of_squares(reals(9475584), 49152);  // layers.moe.sharedDown
  squares += sum_of_squares(reals(9672192), 128);  // norm
  squares += sum_of_squares(reals(9672704), 32768);  // head
  const double norm = std::sqrt(squares);
  report[0] = norm;
  // A gradient that is not finite must not reach the weights: the caller sees the norm and stops.
  if (!std::isfinite(norm)) return;
  const double scale = clip > 0 ? std::min(1.0, clip / (norm + 1e-6)) : 1.0;
  real* const workspace = reals(14987392);

  // 4 matrices of 128 x 192
  muon(NewtonSchulz::symmetric, 128, 192, scale, {
    {reals(131584), reals(9803776), reals(5033472), 1, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // first.attn.q
    {reals(994432), reals(10663936), reals(5896320), 3, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // layers.attn.q
  }, workspace);

  // 52 matrices of 128 x 64
  muon(NewtonSchulz::symmetric, 128, 64, scale, {
    {reals(229888), reals(9902080), reals(5131776), 1, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // first.attn.kvDown
    {reals(1289344), reals(10958848), reals(6191232), 3, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // layers.attn.kvDown
    {reals(1821184), reals(11474944), reals(6723072), 24, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // layers.moe.gate
    {reals(2607616), reals(12261376), reals(7509504), 24, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // layers.moe.up
  }, workspace);

  // 4 matrices of 128 x 16
  muon(NewtonSchulz::symmetric, 128, 16, scale, {
    {reals(262656), reals(9934848), reals(5164544), 1, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // first.attn.kRope
    {reals(1387648), reals(11057152), reals(6289536), 3, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // layers.attn.kRope
  }, workspace);

  // 32 matrices of 64 x 128
  muon(NewtonSchulz::symmetric, 64, 128, scale, {
    {reals(271104), reals(9943040), reals(5172992), 1, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // first.attn.k
    {reals(303872), reals(9975808), reals(5205760), 1, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // first.attn.v
    {reals(1412992), reals(11081728), reals(6314880), 3, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // layers.attn.k
    {reals(1511296), reals(11180032), reals(6413184), 3, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // layers.attn.v
    {reals(3394048), reals(13047808), reals(8295936), 24, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // layers.moe.down
  }, workspace);

  // 13 matrices of 128 x 128
  muon(NewtonSchulz::symmetric, 128, 128, scale, {
    {reals(337024), reals(10008576), reals(5238912), 1, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // first.attn.out
    {reals(1610752), reals(11278336), reals(6512640), 3, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // layers.attn.out
    {reals(4180480), reals(13834240), reals(9082368), 3, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // layers.moe.sharedGate
    {reals(4377088), reals(14030848), reals(9278976), 3, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // layers.moe.sharedUp
    {reals(4573696), reals(14227456), reals(9475584), 3, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // layers.moe.sharedDown
  }, workspace);

  // 2 matrices of 128 x 384
  muon(NewtonSchulz::symmetric, 128, 384, scale, {
    {reals(403072), reals(10074112), reals(5304960), 1, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // first.ffn.gate
    {reals(599680), reals(10270720), reals(5501568), 1, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // first.ffn.up
  }, workspace);

  // 1 matrices of 384 x 128
  muon(NewtonSchulz::symmetric, 384, 128, scale, {
    {reals(796288), reals(10467328), reals(5698176), 1, Muon{0.01 * rate, 0.95, 0.01, 5 } },  // first.ffn.down
  }, workspace);

  adamw(AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale, 32768, reals(0), reals(4901888), reals(14424064), reals(14555136));  // embed
  adamw(AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale, 128, reals(131072), reals(5032960), reals(14686208), reals(14686720));  // first.attnNorm
  adamw(AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale, 64, reals(270848), reals(5172736), reals(14687232), reals(14687488));  // first.attn.kvNorm
  adamw(AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale, 48, reals(336640), reals(5238528), reals(14687744), reals(14687936));  // first.attn.qNorm
  adamw(AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale, 48, reals(336832), reals(5238720), reals(14688128), reals(14688320));  // first.attn.kNorm
  adamw(AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale, 128, reals(402560), reals(5304448), reals(14688512), reals(14689024));  // first.ffnNorm
  adamw(AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale, 384, reals(992896), reals(5894784), reals(14689536), reals(14691072));  // layers.attnNorm
  adamw(AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale, 192, reals(1412224), reals(6314112), reals(14692608), reals(14693376));  // layers.attn.kvNorm
  adamw(AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale, 144, reals(1609600), reals(6511488), reals(14694144), reals(14694720));  // layers.attn.qNorm
  adamw(AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale, 144, reals(1610176), reals(6512064), reals(14695296), reals(14695872));  // layers.attn.kNorm
  adamw(AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale, 384, reals(1807360), reals(6709248), reals(14696448), reals(14697984));  // layers.ffnNorm
  adamw(AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale, 3072, reals(1808896), reals(6710784), reals(14699520), reals(14711808));  // layers.moe.router
  adamw(AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale, 128, reals(4770304), reals(9672192), reals(14724096), reals(14724608));  // norm
  adamw(AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0 }, step, scale, 32768, reals(4770816), reals(9672704), reals(14725120), reals(14856192));  // head
}

}  // namespace mlac
