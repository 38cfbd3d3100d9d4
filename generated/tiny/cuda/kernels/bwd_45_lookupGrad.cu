// bwd_45_lookupGrad: lookupGrad. Emitted by mlac: edit the model, not this file.
// model.ts:56   let x = p.first(lookup(p.embed, tokens));
// reads  add [B T D], tokens [B T] i32
// writes d_embed [V D]
// 524 kFLOP, 1.2 MB, 0.44 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/lookup.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t D = 128;
constexpr int64_t V = 256;

}  // namespace

// Adds each token's gradient to its row. The tokens are sorted by row first, so that no two blocks add to one row and a row's tokens are added in their own order.
void bwd_45_lookupGrad(cudaStream_t stream, const bf16* add, const int32_t* tokens, float* d_embed, char* workspace) {
  const Range range(stream, "bwd_45_lookupGrad");
  constexpr bool ALIGNED = true, ADDS = true;
  add_rows<ALIGNED, ADDS>(stream, B * T, V, D, add, tokens, d_embed, workspace);
}

}  // namespace mlac
