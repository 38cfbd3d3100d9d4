// bwd_10_pick: pick. Emitted by mlac: edit the model, not this file.
// model.ts:42   return add(combine(routed, routing), shared);
// reads  sumColumns [E rows], slot [B T topK] i32
// writes pick [B T topK]
// 0 FLOP, 98.3 kB, 0.0 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/kernel.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t topK = 2;

}  // namespace

namespace {

__global__ void pick_kernel(const float* from, const int32_t* index, float* to) {
  const int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
  if (i < B * T * topK) to[i] = from[index[i]];
}

}  // namespace

void bwd_10_pick(cudaStream_t stream, const float* sumColumns, const int32_t* slot, float* pick) {
  const Range range(stream, "bwd_10_pick");
  pick_kernel<<<unsigned(ceil_div(B * T * topK, 256)), 256, 0, stream>>>(sumColumns, slot, pick);
}

}  // namespace mlac
