// Attention's gradients on Hopper: the producer, which loads, and the adders, which add dQ. attention_hopper_backward.cuh has the picture.
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

template <class B, class Keys>
__device__ inline void produce_queries(const BackwardPlan& plan, const Keys& keys, const BackwardWork<B>& work, uint32_t shared) {
  keys.produce(plan, work, shared);
  for (int step = 0; step < work.steps; ++step) {
    const int stage = step % B::STAGES;
    const uint32_t full = shared + B::Q_FULL + stage * 8;
    barrier_wait(shared + B::Q_EMPTY + stage * 8, (step / B::STAGES & 1) ^ 1);
    barrier_arrive_expect(full, B::Q_BYTES + B::STATISTICS_BYTES);
    load_tile<B::A, B::QUERIES>(shared + B::Q_AT + stage * B::Q_BYTES, &plan.q, full, work.query(step), work.head(step), work.sequence);
    const Statistics* const statistics = plan.statistics + work.query_tile_of_all(plan, step) * B::QUERIES;
    load_bytes(shared + B::STATISTICS_AT + stage * B::STATISTICS_BYTES, statistics, B::STATISTICS_BYTES, full);
    barrier_wait(shared + B::DOUT_EMPTY, (step & 1) ^ 1);
    barrier_arrive_expect(shared + B::DOUT_FULL, B::DOUT_BYTES);
    load_tile<B::U, B::QUERIES>(shared + B::DOUT_AT, &plan.dout, shared + B::DOUT_FULL, work.query(step), work.head(step), work.sequence);
  }
  keys.produce_last(work, shared);
}

/// Adds a part of each step's dQ in its turn: tile t of keys has the term after t others.
template <class B>
__device__ inline void add_queries(const BackwardPlan& plan, const BackwardWork<B>& work, uint32_t shared, int part) {
  for (int step = 0; step < work.steps; ++step) {
    const int64_t sums = work.query_tile_of_all(plan, step) * B::CONSUMERS + part;
    const uint32_t from = shared + B::DQ_AT + part * B::PART_BYTES;
    while (work.tile > 0 && load_acquire(plan.turns + sums) < work.tile) {
    }
    fence_proxies();
    barrier_wait(shared + B::DQ_FULL + part * 8, step & 1);
    if (work.tile > 0) add_bytes(plan.partial + sums * B::PART_FLOATS, from, B::PART_BYTES);
    else store_bytes(plan.partial + sums * B::PART_FLOATS, from, B::PART_BYTES);
    stores_commit();
    stores_read();
    barrier_arrive(shared + B::DQ_EMPTY + part * 8);
    stores_done();
    fence_proxies();
    store_release(plan.turns + sums, work.tile + 1);
  }
}

}  // namespace mlac::flash::warpgroups
