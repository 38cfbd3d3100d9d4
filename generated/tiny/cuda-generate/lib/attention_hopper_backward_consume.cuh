// Attention's gradients on Hopper: the consumers, which multiply. attention_hopper_backward.cuh has the picture.
#pragma once

#include "attention_hopper_backward_plan.cuh"

namespace mlac::flash::warpgroups {

/// sums (64 queries x WIDTH) = dS times columns of K, of 128 keys. Both lie with keys as rows.
template <int WIDTH>
__device__ inline void multiply_ds(float (&sums)[WIDTH / 2], uint64_t ds, uint64_t keys) {
#pragma unroll
  for (int step = 0; step < 8; ++step)
    hopper::multiply<WIDTH, 1, 1>(sums, ds + step * descriptor_step(false), keys + step * descriptor_step(false), step > 0);
}

/// A part of dQ as the threads hold it: number 4i … of a thread lies at [i][thread].
template <int COUNT>
__device__ inline void put_part(uint32_t to, const float (&sums)[COUNT]) {
#pragma unroll
  for (int i = 0; i < COUNT / 4; ++i)
    asm volatile("st.shared.v4.f32 [%0], {%1, %2, %3, %4};" ::"r"(to + (i * WARPGROUP + threadIdx.x % WARPGROUP) * 16), "f"(sums[4 * i]), "f"(sums[4 * i + 1]),
                 "f"(sums[4 * i + 2]), "f"(sums[4 * i + 3])
                 : "memory");
}

// --------------------------------------------------------------------------------------------------------------- consumers

/// A pair of neighbouring queries' statistics.
__device__ inline float4 load_statistics(uint32_t at) {
  float4 x;
  asm volatile("ld.shared.v4.f32 {%0, %1, %2, %3}, [%4];" : "=f"(x.x), "=f"(x.y), "=f"(x.z), "=f"(x.w) : "r"(at));
  return x;
}
__device__ inline void store_matrices(uint32_t at, const uint32_t (&x)[4]) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(at), "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]) : "memory");
}

/// `consumer`: 0 or 1, the same for the warpgroup.
template <class B, class Keys>
__device__ inline void consume_queries(const BackwardPlan& plan, const Keys& keys, const BackwardWork<B>& work, uint32_t shared, int consumer) {
  constexpr int A = B::A, U = B::U, KEYS = B::KEYS, QUERIES = B::QUERIES;
  const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP % 4;
  const int key = work.first_key + consumer * 64 + warp * 16 + lane / 4;  // the lane's first row of Sᵀ
  const auto stage_of = [](int step) { return step & (B::STAGES - 1); };
  const auto parity_of = [](int step) { return step / B::STAGES & 1; };
  const auto q_of = [&](int step) { return shared + B::Q_AT + stage_of(step) * B::Q_BYTES; };
  const auto ds_of = [&](int step) { return shared + B::DS_AT + stage_of(step) * B::DS_BYTES; };
  const auto by_k = [](uint32_t at) { return matrix_descriptor(true, 0) + descriptor_address(at); };
  const auto by_rows = [](uint32_t at, uint32_t slab) { return matrix_descriptor(false, slab) + descriptor_address(at); };
  const auto arrive = [&](uint32_t barrier) {  // for the warp
    __syncwarp();
    if (lane == 0) barrier_arrive(shared + barrier);
  };

  keys.take(plan, work, shared, consumer);
  float dk[A / 2], dv[U / 2], s[32];
  uint32_t ds[4][4];
#pragma unroll
  for (int i = 0; i < A / 2; ++i) dk[i] = 0.f;
#pragma unroll
  for (int i = 0; i < U / 2; ++i) dv[i] = 0.f;
  hopper::pin(dk);  // not to be put off until products have begun
  hopper::pin(dv);

  const auto begin_scores = [&](int step) {
    products_begin();
    multiply_transposed<A, KEYS, QUERIES>(s, by_k(shared + B::K_AT + consumer * 64 * 128), by_k(q_of(step)));
    products_commit();
  };
  // This consumer's columns of dQ: its whole slab of K and then, where a third is shared, half of that one.
  const auto begin_dq = [&](float(&dq)[B::PART / 2], int step) {
    constexpr int SLAB = slab_bytes(KEYS);
    const int half_at = (A / 128) * B::CONSUMERS * SLAB + consumer * 64, first_at = B::WHOLE ? consumer * SLAB : half_at;
    products_begin();
    multiply_ds<B::PART>(dq, by_rows(ds_of(step), 0), by_rows(shared + B::K_AT + first_at, half_at - first_at));
    products_commit();
  };
  // … to where the adder takes it from.
  const auto give_dq = [&](const float(&dq)[B::PART / 2], int step) {
    barrier_wait(shared + B::DQ_EMPTY + consumer * 8, (step & 1) ^ 1);
    put_part(shared + B::DQ_AT + consumer * B::PART_BYTES, dq);
    fence_for_async_proxy();
    arrive(B::DQ_FULL + consumer * 8);
  };

  barrier_wait(shared + B::Q_FULL, 0);
  begin_scores(0);

#pragma unroll 1
  for (int step = 0; step < work.steps; ++step) {
    const uint32_t statistics = shared + B::STATISTICS_AT + stage_of(step) * B::STATISTICS_BYTES + lane % 4 * 16;
    const int first = work.query(step);
    uint32_t p[4][4];
    products_wait<0>();
    hopper::pin(s);
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      const float4 own = load_statistics(statistics + j * 64);
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const float first_p = power_of_2(fmaf(s[4 * j + 2 * half], plan.scale_log2, -own.x));
        p[j / 2][j % 2 * 2 + half] = pair_here(first_p, power_of_2(fmaf(s[4 * j + 2 * half + 1], plan.scale_log2, -own.z)));
      }
    }
    // Hidden by their bits: whatever 2^ made of them, infinity too, becomes zero.
    if (work.first_key + KEYS > plan.length || (B::CAUSAL && work.first_key + KEYS > first + 1)) {
      const int query = first + lane % 4 * 2;
#pragma unroll
      for (int i = 0; i < 16; ++i) {
        const int row = key + i % 2 * 8, column = query + i / 2 * 8;
        uint32_t seen = row < plan.length ? 0xffffffffu : 0u;
        if (B::CAUSAL) seen = row <= column ? seen : row == column + 1 ? seen & 0xffff0000u : 0u;
        p[i / 4][i % 4] &= seen;
      }
    }

    float dp[32];
    barrier_wait(shared + B::DOUT_FULL, step & 1);
    products_begin();
    multiply_transposed<U, KEYS, QUERIES>(dp, by_k(shared + B::V_AT + consumer * 64 * 128), by_k(shared + B::DOUT_AT));
    multiply_rows<U, QUERIES>(dv, p, by_rows(shared + B::DOUT_AT, slab_bytes(QUERIES)));
    products_commit();
    products_wait<0>();
    hopper::pin(dp);
    hopper::pin(dv);
    pin(p);
    arrive(B::DOUT_EMPTY);
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      const float4 own = load_statistics(statistics + j * 64);
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const uint32_t pair = p[j / 2][j % 2 * 2 + half];
        ds[j / 2][j % 2 * 2 + half] = pair_here(low_half(pair) * (dp[4 * j + 2 * half] - own.y), high_half(pair) * (dp[4 * j + 2 * half + 1] - own.w));
      }
    }
    // Where the lane stores dSᵀ: its row, and in it chunks of 16 bytes, swizzled.
    const uint32_t ds_row = ds_of(step) + (consumer * 64 + warp * 16 + lane % 16) * 128;
    barrier_wait(shared + B::DS_EMPTY + stage_of(step) * 8, parity_of(step) ^ 1);
#pragma unroll
    for (int i = 0; i < 4; ++i) store_matrices(ds_row + ((2 * i + lane / 16) ^ (lane % 8)) * 16, ds[i]);
    fence_for_async_proxy();
    arrive(B::DS_FULL + stage_of(step) * 8);

    products_begin();
    multiply_rows<A, QUERIES>(dk, ds, by_rows(q_of(step), slab_bytes(QUERIES)));
    products_commit();
    // In the first step there is no dQ yet, and in the last no next Sᵀ: they are formed for nothing, for a branch around products serialises them.
    float dq[B::PART / 2];
    if (step > 0) barrier_wait(shared + B::DS_FULL + stage_of(step - 1) * 8, parity_of(step - 1));
    products_wait<0>();
    hopper::pin(dk);
    pin(ds);
    barrier_arrive(shared + B::Q_EMPTY + stage_of(step) * 8);  // each thread for itself, for each has read the statistics
    begin_dq(dq, step - 1);
    products_wait<0>();
    hopper::pin(dq);
    if (step > 0) {
      arrive(B::DS_EMPTY + stage_of(step - 1) * 8);
      give_dq(dq, step - 1);
    }
    const int next = step + 1 < work.steps ? step + 1 : step;
    barrier_wait(shared + B::Q_FULL + stage_of(next) * 8, parity_of(next));
    begin_scores(next);
  }
  products_wait<0>();
  hopper::pin(s);
  const int last = work.steps - 1;
  float dq[B::PART / 2];
  barrier_wait(shared + B::DS_FULL + stage_of(last) * 8, parity_of(last));
  begin_dq(dq, last);
  products_wait<0>();
  hopper::pin(dq);
  give_dq(dq, last);
  keys.store(plan, work, shared, consumer, dk, dv);
}

}  // namespace mlac::flash::warpgroups
