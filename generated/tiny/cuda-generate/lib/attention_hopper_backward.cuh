/*
 * Attention's gradients on Hopper: warpgroup products on tiles that TMA loads (after FlashAttention-3: Shah et al., arXiv:2407.08608).
 * The products are those of attention_backward.cuh.
 *
 * A block owns 128 keys of one group and goes through the queries of the group's heads, 64 at a time. Three warpgroups:
 *
 *   producer   one thread loads K and V once and, for each step, Q, dO and their statistics, into a ring of STAGES tiles.
 *   adders     two threads of the same warpgroup, one for each consumer. They add each step's dQ to the float32 sums in the workspace
 *              (TMA's add), when it is their block's turn: so no one who multiplies waits for another block.
 *   consumers  two warpgroups, 64 of the keys each. dK and dV stay in registers.
 *
 * S and dP are formed with keys as rows, Sᵀ = K·Qᵀ and dPᵀ = V·dOᵀ. So Pᵀ and dSᵀ are the left operands of dV += Pᵀ·dO and dK += dSᵀ·Q just as
 * they come out of these products. Only dS goes through shared memory, for dQ = dS·K, which has a term of both warpgroups' keys: each
 * forms half of its columns, of all 128 keys. It does so a step later, from the other of two dS: so neither has to wait for the other, they
 * drift apart, and one multiplies while the other makes P and dS.
 *
 *   Sᵀ (begun before) │ P │ dPᵀ, dV │ dS → shared │ dK │ dQ of the step before │ dQ → shared │ begin the next Sᵀ │ …
 *
 * Registers of a consumer thread for A = 192, U = 128: dK 96, dV 64, and at most 64 more, of dPᵀ, P and dS.
 * Shared memory: K and V 80 KB, two of Q 48 KB, one dO 16 KB, two dS 32 KB, dQ 48 KB.
 *
 * Blocks draw tickets; the first tile of keys, which the most queries see, comes first, and all go through the queries from the last to the
 * first. So tile t adds its term after tile t − 1, and the blocks that end the launch are short ones. It should begin a moment behind tile
 * t − 1, for an addition takes its time; so the tickets go through a bundle of groups, as many as stay in the L2 cache, tile by tile.
 *
 * dQ's sums lie in the workspace as the threads hold them, and a small kernel makes bf16 of them in the end.
 */
#pragma once

#include "attention_hopper_backward_consume.cuh"
#include "attention_hopper_backward_copies.cuh"
#include "attention_hopper_backward_keys.cuh"
#include "workspace.cuh"

namespace mlac::flash::warpgroups {

/// dq from its sums. A block makes one consumer's part of one tile of queries.
template <class B>
__global__ void __launch_bounds__(WARPGROUP) round_queries_kernel(int length, int heads, int query_tiles, float scale, const float* partial, bf16* dq) {
  const int part = blockIdx.x % B::CONSUMERS, first = blockIdx.x / B::CONSUMERS % query_tiles * B::QUERIES;
  const int64_t pair = blockIdx.x / B::CONSUMERS / query_tiles, sequence = pair / heads, head = pair % heads;
  const float4* const from = reinterpret_cast<const float4*>(partial + int64_t(blockIdx.x) * B::PART_FLOATS) + threadIdx.x;
  float sums[B::PART / 2];
#pragma unroll
  for (int i = 0; i < B::PART / 8; ++i) {
    const float4 x = from[i * WARPGROUP];
    sums[4 * i] = x.x, sums[4 * i + 1] = x.y, sums[4 * i + 2] = x.z, sums[4 * i + 3] = x.w;
  }
  bf16* const to = dq + ((sequence * length + first) * heads + head) * B::A;
  const int64_t stride = int64_t(heads) * B::A;
  store_warpgroup<B::WHOLE, 0>(to + part * B::WHOLE, stride, length - first, sums, scale);
  store_warpgroup<B::PART - B::WHOLE, B::WHOLE / 2>(to + B::CONSUMERS * B::WHOLE + part * (B::PART - B::WHOLE), stride, length - first, sums, scale);
}

template <class B, class Keys>
__global__ void __launch_bounds__(B::THREADS, 1) backward_kernel(const __grid_constant__ BackwardPlan plan, const __grid_constant__ Keys keys) {
  extern __shared__ __align__(1024) unsigned char warpgroups_memory[];
  __shared__ int ticket;
  constexpr int CONSUMER_WARPS = B::CONSUMERS * WARPGROUP / WARP;
  const uint32_t shared = address_of(warpgroups_memory);
  if (threadIdx.x == 0) {
    if (shared % 1024) __trap();  // the swizzle counts from multiples of 1024 bytes
    ticket = atomicAdd(plan.tickets, 1);
    barrier_init(shared + B::KEYS_FULL, 1);
    for (int stage = 0; stage < B::STAGES; ++stage) {
      barrier_init(shared + B::Q_FULL + stage * 8, 1);
      barrier_init(shared + B::Q_EMPTY + stage * 8, B::CONSUMERS * WARPGROUP);
      barrier_init(shared + B::DS_FULL + stage * 8, CONSUMER_WARPS);
      barrier_init(shared + B::DS_EMPTY + stage * 8, CONSUMER_WARPS);
    }
    barrier_init(shared + B::DOUT_FULL, 1);
    barrier_init(shared + B::DOUT_EMPTY, CONSUMER_WARPS);
    for (int part = 0; part < B::CONSUMERS; ++part) {
      barrier_init(shared + B::DQ_FULL + part * 8, WARPGROUP / WARP);
      barrier_init(shared + B::DQ_EMPTY + part * 8, 1);
    }
    Keys::make_barriers(shared);
    barrier_init_done();
  }
  __syncthreads();
  const BackwardWork<B> work(plan, ticket);
  const int warpgroup = __shfl_sync(0xffffffffu, int(threadIdx.x / WARPGROUP), 0);
  if (warpgroup == 0) {
    give_registers<B::PRODUCER_REGISTERS>();
    if (threadIdx.x == 0) produce_queries(plan, keys, work, shared);
    else if (threadIdx.x == WARP) add_queries<B>(plan, work, shared, 0);
    else if (threadIdx.x == 2 * WARP) add_queries<B>(plan, work, shared, 1);
  } else {
    take_registers<B::CONSUMER_REGISTERS>();
    consume_queries(plan, keys, work, shared, warpgroup - 1);
  }
}

/// The gradients of the queries, and through `keys` those of what the keys and values come from. `space`: attention_backward_workspace.
template <class B, class Keys>
cudaError_t launch_backward(cudaStream_t stream, int64_t batch, int64_t length, int64_t heads, int64_t groups, float scale, const bf16* q, const Keys& keys,
                            const bf16* out, const float* lse, const bf16* dout, bf16* dq, Workspace space) {
  constexpr int A = B::A, U = B::U;
  const int64_t query_tiles = ceil_div(length, B::QUERIES), key_tiles = ceil_div(length, B::KEYS), padded_length = query_tiles * B::QUERIES;
  const int64_t rows = batch * heads * padded_length, turn_count = batch * heads * query_tiles * B::CONSUMERS + 1;  // the tickets are last
  auto* const statistics = space.take<Statistics>(rows);
  auto* const partial = space.take<float>(rows * A);
  auto* const turns = space.take<int>(turn_count);
  // What a group's blocks read and add to again and again: Q, dO and the sums of dQ.
  const int64_t group_bytes = heads / groups * padded_length * (2 * (A + U) + 4 * A), bundle_bytes = int64_t(40) << 20;
  const int bundle = int(max(int64_t(1), min(bundle_bytes / group_bytes, batch * groups)));
  BackwardPlan plan{{}, {}, int(length), int(heads), int(groups), int(key_tiles), int(query_tiles), int(batch * groups), bundle, scale, scale * LOG2_E,
                    statistics, partial, turns, turns + turn_count - 1};
  if (const cudaError_t error = make_heads_map(&plan.q, q, batch, length, heads, A, B::QUERIES)) return error;
  if (const cudaError_t error = make_heads_map(&plan.dout, dout, batch, length, heads, U, B::QUERIES)) return error;

  make_statistics<U>(stream, length, heads, padded_length, rows, dout, out, lse, statistics, turns, turn_count);
  const auto kernel = backward_kernel<B, Keys>;
  const cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, Keys::BYTES);
  if (error != cudaSuccess) return error;
  kernel<<<unsigned(batch * groups * key_tiles), B::THREADS, Keys::BYTES, stream>>>(plan, keys);
  const unsigned parts = unsigned(batch * heads * query_tiles * B::CONSUMERS);
  round_queries_kernel<B><<<parts, WARPGROUP, 0, stream>>>(int(length), int(heads), int(query_tiles), scale, partial, dq);
  return cudaGetLastError();
}

/// attention_backward for BACKWARD_SUPPORTED widths; see there. The workspace is laid out as the portable kernel's.
template <int A, int U, bool CAUSAL>
cudaError_t backward(cudaStream_t stream, int64_t batch, int64_t length, int64_t heads, int64_t groups, float scale, const bf16* q, const bf16* k, const bf16* v,
                     const bf16* out, const float* lse, const bf16* dout, bf16* dq, bf16* dk, bf16* dv, char* workspace) {
  using B = Backward<A, U, CAUSAL>;
  if (batch * length * heads == 0) return cudaSuccess;
  StoredKeys<B> keys{{}, {}, dk, dv};
  if (const cudaError_t error = make_heads_map(&keys.k, k, batch, length, groups, A, B::KEYS)) return error;
  if (const cudaError_t error = make_heads_map(&keys.v, v, batch, length, groups, U, B::KEYS)) return error;
  return launch_backward<B>(stream, batch, length, heads, groups, scale, q, keys, out, lse, dout, dq, {workspace});
}

}  // namespace mlac::flash::warpgroups
