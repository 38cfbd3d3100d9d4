// Attention's gradients on Hopper: the producer, which loads, and the adder, which adds dQ. attention_hopper_backward.cuh has the picture.
#pragma once

#include "attention_hopper_backward_plan.cuh"

namespace mlac::flash::warpgroups {

/// Contiguous bytes to shared memory; `barrier` hears of them.
__device__ inline void load_bytes(uint32_t to, const void* from, uint32_t bytes, uint32_t barrier) {
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(to), "l"(from), "r"(bytes), "r"(barrier)
               : "memory");
}
/// Contiguous bytes from shared memory; and the same with float32 numbers added to what is there.
__device__ inline void store_bytes(float* to, uint32_t from, uint32_t bytes) {
  asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(to), "r"(from), "r"(bytes) : "memory");
}
__device__ inline void add_bytes(float* to, uint32_t from, uint32_t bytes) {
  asm volatile("cp.reduce.async.bulk.global.shared::cta.bulk_group.add.f32 [%0], [%1], %2;" ::"l"(to), "r"(from), "r"(bytes) : "memory");
}
__device__ inline void stores_commit() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }
/// Until what this thread stores has been read; and until it is written.
__device__ inline void stores_read() { asm volatile("cp.async.bulk.wait_group.read 0;" ::: "memory"); }
__device__ inline void stores_done() { asm volatile("cp.async.bulk.wait_group 0;" ::: "memory"); }
/// Between ordinary accesses and TMA's, in memory of any kind.
__device__ inline void fence_proxies() { asm volatile("fence.proxy.async;" ::: "memory"); }

template <class B>
__device__ inline void produce_queries(const BackwardPlan& plan, const BackwardWork<B>& work, uint32_t shared) {
  barrier_arrive_expect(shared + B::KEYS_FULL, B::K_BYTES + B::V_BYTES);
  load_tile<B::A, B::KEYS>(shared + B::K_AT, &plan.k, shared + B::KEYS_FULL, work.first_key, work.group, work.sequence);
  load_tile<B::U, B::KEYS>(shared + B::V_AT, &plan.v, shared + B::KEYS_FULL, work.first_key, work.group, work.sequence);
  for (int step = 0; step < work.steps; ++step) {
    const int stage = step % B::STAGES;
    const uint32_t full = shared + B::FULL + stage * 8, tile = shared + B::STAGES_AT + stage * B::STAGE_BYTES;
    barrier_wait(shared + B::EMPTY + stage * 8, (step / B::STAGES & 1) ^ 1);
    barrier_arrive_expect(full, B::STAGE_BYTES + B::STATISTICS_BYTES);
    load_tile<B::A, B::QUERIES>(tile, &plan.q, full, work.query(step), work.head(step), work.sequence);
    load_bytes(shared + B::STATISTICS_AT + stage * B::STATISTICS_BYTES, plan.statistics + work.query_tile(plan, step) * B::QUERIES, B::STATISTICS_BYTES, full);
    load_tile<B::U, B::QUERIES>(tile + B::Q_BYTES, &plan.dout, full, work.query(step), work.head(step), work.sequence);
  }
}

/// Adds each step's dQ in its turn.
template <class B>
__device__ inline void add_queries(const BackwardPlan& plan, const BackwardWork<B>& work, uint32_t shared) {
  for (int step = 0; step < work.steps; ++step) {
    const int query = work.query(step);
    const int64_t tile = work.query_tile(plan, step);
    // The last tile of keys that these queries see has the first term of their dQ.
    const int last_seen = B::CAUSAL && query + B::QUERIES < plan.length ? query + B::QUERIES - 1 : plan.length - 1, terms = last_seen / B::KEYS - work.tile + 1;
    while (terms > 1 && load_acquire(plan.turns + tile) < terms - 1) {
    }
    fence_proxies();
    for (int slab = 0; slab < B::SLABS; ++slab) {
      float* const to = plan.partial + (tile * B::SLABS + slab) * B::SLAB_FLOATS;
      const uint32_t from = shared + B::DQ_AT + slab * B::SLAB_BYTES;
      barrier_wait(shared + B::DQ_FULL + slab * 8, step & 1);
      if (terms > 1) add_bytes(to, from, B::SLAB_BYTES);
      else store_bytes(to, from, B::SLAB_BYTES);
      stores_commit();
    }
    stores_read();
    for (int slab = 0; slab < B::SLABS; ++slab) barrier_arrive(shared + B::DQ_EMPTY + slab * 8);
    stores_done();
    fence_proxies();
    if (work.tile > 0) store_release(plan.turns + tile, terms);
  }
}

}  // namespace mlac::flash::warpgroups
