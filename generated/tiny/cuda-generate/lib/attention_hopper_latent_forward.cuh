/*
 * Attention on Hopper, the forward pass, where keys and values come from a latent and never lie in memory (attention_hopper_latent_tile.cuh).
 *
 * A block owns 128 queries of one head and goes through the keys that they see, 128 at a time, the last ones first, as the blocks of
 * attention_hopper_forward.cuh do; but it makes each tile of keys and values itself, which others make again for their own queries: two to four
 * times the products of attention. It saves the keys and values of one layer, no more: to be chosen where nothing else fits.
 *
 *   make K and V │ S = Q·Kᵀ │ softmax │ out += P·V │ all meet │ make the next …
 */
#pragma once

#include "attention_hopper_forward.cuh"
#include "attention_hopper_latent_tile.cuh"
#include "launched.cuh"

namespace mlac {

namespace flash::warpgroups {

template <class F_, int N_>
struct LatentForward {
  using F = F_;
  static constexpr int N = N_, R = F::A - N, U = F::U, KEYS = F::KEYS, MEETING = 1, CONSUMER_WARPS = F::CONSUMERS * WARPGROUP / WARP;
  static constexpr int Q_AT = 0, K_AT = F::Q_BYTES, V_AT = K_AT + F::K_BYTES, STAGES_AT = V_AT + F::V_BYTES, SLICE_BYTES = LATENT_SLICE_BYTES<N, U, KEYS, false>;
  static constexpr int FIT = (232448 - 256 - STAGES_AT) / SLICE_BYTES, STAGES = FIT < 3 ? FIT : 3;
  /// Barriers: of the slices; full and empty of Q; of the rotary columns; when a tile has been read.
  static constexpr int SLICES = STAGES_AT + STAGES * SLICE_BYTES, Q_BARRIERS = SLICES + 16 * STAGES, ROTARY_FULL = Q_BARRIERS + 16, READ = ROTARY_FULL + 8, BYTES = READ + 8;
  using Tile = LatentTile<N, R, U, KEYS, STAGES, false>;
  using Queries = TileRing<F::Q_BYTES, 1>;
  static_assert(STAGES > 0 && BYTES <= 232448, "shared memory of a block");
  __device__ static Tile tile_of(uint32_t shared) { return {shared + K_AT, shared + V_AT, {shared + STAGES_AT, shared + SLICES}}; }
  __device__ static Queries queries_of(uint32_t shared) { return {shared + Q_AT, shared + Q_BARRIERS}; }
};

template <class L>
__device__ inline void produce_latent(const ForwardPlan& plan, const LatentMaps& maps, uint32_t shared) {
  using F = typename L::F;
  auto keys = L::tile_of(shared);
  auto q = L::queries_of(shared);
  int made = 0;  // tiles of keys so far
  for_each_tile<F>(plan, [&](const ForwardTile& tile) {
    load_tile<F::A, F::QUERIES>(q.tile(), &plan.q, q.wait_empty(), tile.row * F::QUERIES, tile.head, tile.sequence);
    ++q.count;
    for (int i = key_tiles<F>(plan, tile) - 1; i >= 0; --i, ++made) {
      barrier_wait(shared + L::READ, (made & 1) ^ 1);
      L::Tile::load_rotary(keys.rotary(), maps, shared + L::ROTARY_FULL, i * F::KEYS, tile.sequence);
      keys.load_slices(maps, i * F::KEYS, tile.group, tile.sequence);
    }
  });
}

template <class L>
__device__ inline void consume_latent(const ForwardPlan& plan, const LatentMaps& maps, uint32_t shared, int consumer) {
  using F = typename L::F;
  auto keys = L::tile_of(shared);
  auto q = L::queries_of(shared);
  const int own = L::Tile::first_row(consumer);  // the lane's first query, in the tile
  const uint64_t by_q = matrix_descriptor(true, 0) + descriptor_address(q.tiles + consumer * 64 * 128);
  const uint64_t by_k = matrix_descriptor(true, 0) + descriptor_address(keys.k), by_v = matrix_descriptor(false, slab_bytes(F::KEYS)) + descriptor_address(keys.v);
  int made = 0;
  for_each_tile<F>(plan, [&](const ForwardTile& tile) {
    const int last = key_tiles<F>(plan, tile) - 1;
    float out[F::U / 2], rstd[2], correction[2];
    Softmax softmax;
#pragma unroll
    for (int i = 0; i < F::U / 2; ++i) out[i] = 0.f;
    q.wait_full();
#pragma unroll 1
    for (int i = last; i >= 0; --i, ++made) {
      keys.make(maps.source, consumer, i * F::KEYS, plan.length, shared + L::ROTARY_FULL, made & 1, L::MEETING, rstd, [](int, int, uint32_t) {});
      float scores[F::KEYS / 2];
      uint32_t p[F::KEYS / 16][4];
      L::Tile::clear(scores);
      products_begin();
      multiply_transposed<F::A, F::QUERIES, F::KEYS>(scores, by_q, by_k);
      products_commit();
      products_wait<0>();
      hopper::pin(scores);
      if (i == last) hide_scores<F::CAUSAL>(scores, own, plan.length - last * F::KEYS);
      softmax.soften(scores, correction, plan.scale);
      round_scores<F::KEYS>(p, scores);
#pragma unroll
      for (int j = 0; j < F::U / 2; ++j) out[j] *= correction[j / 2 % 2];
      hopper::pin(out);
      products_begin();
      multiply_rows<F::U, F::KEYS>(out, p, by_v);
      products_commit();
      products_wait<0>();
      hopper::pin(out);
      pin(p);
      meet<L::Tile::CONSUMER_THREADS>(L::MEETING);  // both have read K and V
      if (threadIdx.x % WARP == 0) barrier_arrive(shared + L::READ);
    }
    q.release();
    store_rows<F>(plan, tile, tile.row * F::QUERIES + own, softmax, out);
  });
}

template <class L>
__global__ void __launch_bounds__(L::F::THREADS, 1) latent_forward_kernel(const __grid_constant__ ForwardPlan plan, const __grid_constant__ LatentMaps maps) {
  using F = typename L::F;
  extern __shared__ __align__(1024) unsigned char warpgroups_memory[];
  const uint32_t shared = address_of(warpgroups_memory);
  if (threadIdx.x == 0) {
    if (shared % 1024) __trap();  // the swizzle counts from multiples of 1024 bytes
    L::tile_of(shared).make_barriers();
    barrier_init(L::queries_of(shared).full, 1);
    barrier_init(L::queries_of(shared).empty, L::CONSUMER_WARPS);
    barrier_init(shared + L::ROTARY_FULL, 1);
    barrier_init(shared + L::READ, L::CONSUMER_WARPS);
    barrier_init_done();
  }
  __syncthreads();
  const int warpgroup = __shfl_sync(0xffffffffu, int(threadIdx.x / WARPGROUP), 0);
  if (warpgroup == 0) {
    give_registers<F::PRODUCER_REGISTERS>();
    if (threadIdx.x == 0) produce_latent<L>(plan, maps, shared);
  } else {
    take_registers<F::CONSUMER_REGISTERS>();
    consume_latent<L>(plan, maps, shared, warpgroup - 1);
  }
}

}  // namespace flash::warpgroups

/// out and lse as attention_forward makes them. q [batch length heads N + R]. N 64 or 128, R 64, U 64 or 128.
template <int N, int R, int U, bool CAUSAL>
cudaError_t latent_attention_forward(cudaStream_t stream, int64_t batch, int64_t length, int64_t heads, int64_t groups, float scale, const bf16* q,
                                     const LatentSource& source, bf16* out, float* lse) {
  using namespace flash::warpgroups;
  using F = flash::warpgroups::Forward<N + R, U, CAUSAL, false>;
  using L = LatentForward<F, N>;
  if (batch * length * heads == 0) return cudaSuccess;
  const int rows = int(ceil_div(length, F::QUERIES)), bundles = (rows + F::TOGETHER - 1) / F::TOGETHER;
  ForwardPlan plan{{}, {}, {}, int(length), int(heads), int(groups), rows, bundles, int(batch * heads * bundles), scale * 1.4426950408889634f, out, lse};
  LatentMaps maps;
  if (const cudaError_t error = make_heads_map(&plan.q, q, batch, length, heads, F::A, F::QUERIES)) return error;
  if (const cudaError_t error = make_latent_maps<N, R, U, F::KEYS>(&maps, source, batch, length, groups)) return error;
  const auto kernel = latent_forward_kernel<L>;
  if (const cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, L::BYTES)) return error;
  const int blocks = plan.work < multiprocessors() ? plan.work : multiprocessors();
  kernel<<<unsigned(blocks), F::THREADS, L::BYTES, stream>>>(plan, maps);
  return cudaGetLastError();
}

}  // namespace mlac
