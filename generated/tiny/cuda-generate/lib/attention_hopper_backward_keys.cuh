// Attention's gradients on Hopper: where a block's keys and values come from and their gradients go, where both lie in memory.
// attention_hopper_latent.cuh has the other way. A way is a kernel's argument, a plain struct with these functions:
//
//   make_barriers   one thread, before the block meets
//   produce         the producer thread, before the first queries; and `produce_last` after the last ones
//   take            a consumer: K and V lie in shared memory when it returns
//   store           a consumer: what becomes of its 64 rows of dK, which lack the factor `scale`, and dV
#pragma once

#include "attention_hopper_backward_plan.cuh"

namespace mlac::flash::warpgroups {

/// Writes WIDTH columns of a warpgroup's 64 rows, times `factor`, to memory, of which the first `rows` exist: a thread's sums from the one
/// numbered FIRST. `to`: the first row.
template <int WIDTH, int FIRST = 0, int COUNT>
__device__ inline void store_warpgroup(bf16* to, int64_t stride, int rows, const float (&sums)[COUNT], float factor) {
  const int lane = threadIdx.x % WARP, row = threadIdx.x / WARP % 4 * 16 + lane / 4;
#pragma unroll
  for (int part = 0; part < WIDTH / 32; ++part)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      uint32_t pairs[4];
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const int i = FIRST + (part * 4 + j) * 4 + half * 2;
        pairs[j] = pair_of(factor * sums[i], factor * sums[i + 1]);
      }
      transpose_quad(pairs);  // now eight columns that follow each other
      if (row + 8 * half < rows)
        *reinterpret_cast<uint4*>(to + (row + 8 * half) * stride + part * 32 + lane % 4 * 8) = make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]);
    }
}

template <class B>
struct StoredKeys {
  CUtensorMap k, v;
  bf16 *dk, *dv;
  static constexpr int BYTES = B::BYTES;

  __device__ static void make_barriers(uint32_t) {}

  __device__ void produce(const BackwardPlan&, const BackwardWork<B>& work, uint32_t shared) const {
    barrier_arrive_expect(shared + B::KEYS_FULL, B::K_BYTES + B::V_BYTES);
    load_tile<B::A, B::KEYS>(shared + B::K_AT, &k, shared + B::KEYS_FULL, work.first_key, work.group, work.sequence);
    load_tile<B::U, B::KEYS>(shared + B::V_AT, &v, shared + B::KEYS_FULL, work.first_key, work.group, work.sequence);
  }
  __device__ void produce_last(const BackwardWork<B>&, uint32_t) const {}

  __device__ void take(const BackwardPlan&, const BackwardWork<B>&, uint32_t shared, int) const {
    barrier_wait(shared + B::KEYS_FULL, 0);
  }

  __device__ void store(const BackwardPlan& plan, const BackwardWork<B>& work, uint32_t, int consumer, float (&sums_k)[B::A / 2], float (&sums_v)[B::U / 2]) const {
    const int own = work.first_key + consumer * 64;
    const int64_t row = (int64_t(work.sequence) * plan.length + own) * plan.groups + work.group;
    store_warpgroup<B::A>(dk + row * B::A, int64_t(plan.groups) * B::A, plan.length - own, sums_k, plan.scale);
    store_warpgroup<B::U>(dv + row * B::U, int64_t(plan.groups) * B::U, plan.length - own, sums_v, 1.f);
  }
};

}  // namespace mlac::flash::warpgroups
