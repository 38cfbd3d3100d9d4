// fwd_16_pick: pick. Emitted by mlac: edit the model, not this file.
// model.ts:42   return add(combine(routed, routing), shared);
// reads  gates [B T topK], source [rows] i32
// writes pick [E rows]
// 0 FLOP, 98.3 kB, 0.0 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/kernel.cuh"

namespace mlac {
namespace {

constexpr int64_t rows = 8192;  // of all experts together

}  // namespace

namespace {

__global__ void pick_kernel(const float* from, const int32_t* index, float* to) {
  const int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
  if (i < rows) to[i] = from[index[i]];
}

}  // namespace

void fwd_16_pick(cudaStream_t stream, const float* gates, const int32_t* source, float* pick) {
  const Range range(stream, "fwd_16_pick");
  pick_kernel<<<unsigned(ceil_div(rows, 256)), 256, 0, stream>>>(gates, source, pick);
}

}  // namespace mlac
