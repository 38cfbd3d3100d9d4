// One optimizer step from the accumulated gradients. Emitted by mlac.
#include "lib/launched.cuh"
#include "lib/muon.cuh"
#include "lib/optimizer.cuh"
#include "model.h"

namespace mlac {

void update(cudaStream_t stream, char* arena, [[maybe_unused]] int64_t step, [[maybe_unused]] double rate, double clip) {
  const auto reals = [arena](int64_t byte) { return reinterpret_cast<float*>(arena + byte); };
  [[maybe_unused]] const auto whole = [arena](int64_t byte) { return Weight{arena + byte, nullptr}; };
  [[maybe_unused]] const auto split = [arena](int64_t high, int64_t remainder) { return Weight{arena + high, reinterpret_cast<uint16_t*>(arena + remainder)}; };
  auto* const gradients = reinterpret_cast<Gradients*>(arena + 15055872);
  char* const workspace = arena + 15064320;

  measure_gradients(stream, reals(GRADIENTS_AT), GRADIENTS_BYTES / 4, clip, gradients, reals(REPORT_AT));

  // 4 matrices of 128 x 192
  launched(muon<NewtonSchulz::symmetric, Shape::wide>(stream, {128, 192, 4, 5}, gradients, {
    {split(66048, 2520576), reals(9804800), reals(5033984), 1, Muon{0.01 * rate, 0.95, 0.01} },  // first.attn.q
    {split(498944, 2950656), reals(10664960), reals(5896960), 3, Muon{0.01 * rate, 0.95, 0.01} },  // layers.attn.q
  }, workspace));

  // 52 matrices of 128 x 64
  launched(muon<NewtonSchulz::symmetric, Shape::tall>(stream, {128, 64, 52, 5}, gradients, {
    {split(115200, 2569728), reals(9903104), reals(5132288), 1, Muon{0.01 * rate, 0.95, 0.01} },  // first.attn.kvDown
    {split(646400, 3098112), reals(10959872), reals(6191872), 3, Muon{0.01 * rate, 0.95, 0.01} },  // layers.attn.kvDown
    {split(914432, 3362304), reals(11475968), reals(6724096), 24, Muon{0.01 * rate, 0.95, 0.01} },  // layers.moe.gate
    {split(1307648, 3755520), reals(12262400), reals(7510528), 24, Muon{0.01 * rate, 0.95, 0.01} },  // layers.moe.up
  }, workspace));

  // 4 matrices of 128 x 16
  launched(muon<NewtonSchulz::symmetric, Shape::tall>(stream, {128, 16, 4, 5}, gradients, {
    {split(131584, 2586112), reals(9935872), reals(5165056), 1, Muon{0.01 * rate, 0.95, 0.01} },  // first.attn.kRope
    {split(695552, 3147264), reals(11058176), reals(6290176), 3, Muon{0.01 * rate, 0.95, 0.01} },  // layers.attn.kRope
  }, workspace));

  // 32 matrices of 64 x 128
  launched(muon<NewtonSchulz::symmetric, Shape::wide>(stream, {64, 128, 32, 5}, gradients, {
    {split(135936, 2590208), reals(9944064), reals(5173504), 1, Muon{0.01 * rate, 0.95, 0.01} },  // first.attn.k
    {split(152320, 2606592), reals(9976832), reals(5206272), 1, Muon{0.01 * rate, 0.95, 0.01} },  // first.attn.v
    {split(708608, 3159552), reals(11082752), reals(6315520), 3, Muon{0.01 * rate, 0.95, 0.01} },  // layers.attn.k
    {split(757760, 3208704), reals(11181056), reals(6413824), 3, Muon{0.01 * rate, 0.95, 0.01} },  // layers.attn.v
    {split(1700864, 4148736), reals(13048832), reals(8296960), 24, Muon{0.01 * rate, 0.95, 0.01} },  // layers.moe.down
  }, workspace));

  // 13 matrices of 128 x 128
  launched(muon<NewtonSchulz::symmetric, Shape::wide>(stream, {128, 128, 13, 5}, gradients, {
    {split(169216, 2622976), reals(10009600), reals(5239552), 1, Muon{0.01 * rate, 0.95, 0.01} },  // first.attn.out
    {split(808448, 3257856), reals(11279360), reals(6513664), 3, Muon{0.01 * rate, 0.95, 0.01} },  // layers.attn.out
    {split(2094080, 4541952), reals(13835264), reals(9083392), 3, Muon{0.01 * rate, 0.95, 0.01} },  // layers.moe.sharedGate
    {split(2192384, 4640256), reals(14031872), reals(9280000), 3, Muon{0.01 * rate, 0.95, 0.01} },  // layers.moe.sharedUp
    {split(2290688, 4738560), reals(14228480), reals(9476608), 3, Muon{0.01 * rate, 0.95, 0.01} },  // layers.moe.sharedDown
  }, workspace));

  // 2 matrices of 128 x 384
  launched(muon<NewtonSchulz::symmetric, Shape::wide>(stream, {128, 384, 2, 5}, gradients, {
    {split(202496, 2655744), reals(10075136), reals(5305600), 1, Muon{0.01 * rate, 0.95, 0.01} },  // first.ffn.gate
    {split(300800, 2754048), reals(10271744), reals(5502208), 1, Muon{0.01 * rate, 0.95, 0.01} },  // first.ffn.up
  }, workspace));

  // 1 matrices of 384 x 128
  launched(muon<NewtonSchulz::symmetric, Shape::tall>(stream, {384, 128, 1, 5}, gradients, {
    {split(399104, 2852352), reals(10468352), reals(5698816), 1, Muon{0.01 * rate, 0.95, 0.01} },  // first.ffn.down
  }, workspace));

  adamw(stream, step, gradients, {
    {split(0, 2455040), reals(4902400), reals(14425088), reals(14556160), 32768, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // embed
    {whole(65536), reals(5033472), reals(14687232), reals(14687744), 128, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // first.attnNorm
    {whole(135680), reals(5173248), reals(14688256), reals(14688512), 64, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // first.attn.kvNorm
    {whole(168704), reals(5239040), reals(14688768), reals(14689024), 48, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // first.attn.qNorm
    {whole(168960), reals(5239296), reals(14689280), reals(14689536), 48, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // first.attn.kNorm
    {whole(201984), reals(5305088), reals(14689792), reals(14690304), 128, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // first.ffnNorm
    {whole(497408), reals(5895424), reals(14690816), reals(14692352), 384, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // layers.attnNorm
    {whole(707840), reals(6314752), reals(14693888), reals(14694656), 192, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // layers.attn.kvNorm
    {whole(806912), reals(6512128), reals(14695424), reals(14696192), 144, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // layers.attn.qNorm
    {whole(807680), reals(6512896), reals(14696960), reals(14697728), 144, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // layers.attn.kNorm
    {whole(906752), reals(6710272), reals(14698496), reals(14700032), 384, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // layers.ffnNorm
    {split(908288, 3356160), reals(6711808), reals(14701568), reals(14713856), 3072, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // layers.moe.router
    {whole(2388992), reals(9673216), reals(14726144), reals(14726656), 128, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // norm
    {split(2389504, 4836864), reals(9673728), reals(14727168), reals(14858240), 32768, AdamW{0.003 * rate, 0.9, 0.95, 1e-8, 0.0} },  // head
  });
}

}  // namespace mlac
