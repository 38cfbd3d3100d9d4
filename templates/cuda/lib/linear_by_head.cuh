// A product for each head with its own part of a weight [C H N]. compiler/ops/linearByHead.ts says what it is for.
#pragma once

#include "contract_few.cuh"

namespace mlac {

namespace by_head {

/// y [rows heads WRITES]
struct Store {
  bf16* y;
  int64_t heads, writes;
  __device__ void operator()(int head, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count > 0) store_aligned(y + (m * heads + head) * writes + n, sums[0]);
  }
};

/// A thread per result, for widths that are no multiples of 8.
template <bool BACK>
__global__ void __launch_bounds__(256) plain_kernel(int64_t count, int heads, int reads, int writes, const bf16* x, const bf16* w, bf16* y) {
  next_may_begin();
  inputs_ready();
  const int64_t i = blockIdx.x * int64_t(256) + threadIdx.x, n = i % writes, head = i / writes % heads;
  if (i >= count) return;
  float sum = 0;
  for (int64_t k = 0; k < reads; ++k) sum += to_float(x[i / writes * reads + k]) * to_float(BACK ? w[(n * heads + head) * reads + k] : w[(k * heads + head) * writes + n]);
  y[i] = from_float<bf16>(sum);
}

}  // namespace by_head

/// y[m, h] = x[m, h] · w[:, h, :], w [READS heads WRITES]; BACK: with the other way round of w [WRITES heads READS]. x [ROWS heads READS]; y [ROWS
/// heads WRITES]. No kernel of the stream writes w. Returns what the launch returned.
template <int ROWS, int READS, int WRITES, bool BACK>
cudaError_t linear_by_head(cudaStream_t stream, int64_t heads, const bf16* x, const bf16* w, bf16* y) {
  if constexpr (READS % RUN == 0 && WRITES % RUN == 0) {
    using C = Contraction<Kind::batched, Major::k, BACK ? Major::k : Major::own>;
    few::Job<C, few::Plain, few::Sides<by_head::Store>> job{};
    job.groups = int(heads), job.m = ROWS, job.n[0] = WRITES, job.k[0] = READS;
    job.a[0] = {x, heads * READS, READS};
    job.b[0][0][0] = {w, heads * (BACK ? READS : WRITES), BACK ? READS : WRITES};
    job.epilogues = {by_head::Store{y, heads, WRITES}};
    return few::launch<C, few::tiles_of(ROWS, 1)>(stream, job, heads);
  } else {
    const int64_t count = ROWS * heads * WRITES;
    return launch_overlapping(stream, by_head::plain_kernel<BACK>, unsigned(ceil_div(count, 256)), 256, 0, 1, count, int(heads), READS, WRITES, x, w, y);
  }
}

}  // namespace mlac
