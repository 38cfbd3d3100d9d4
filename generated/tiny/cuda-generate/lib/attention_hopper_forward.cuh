/*
 * Attention on Hopper, the forward pass: a persistent kernel of three warpgroups per block, one block per multiprocessor
 * (after FlashAttention-3: Shah et al., arXiv:2407.08608).
 *
 *   producer   one thread loads (TMA) a tile of 128 queries, and the tiles of 128 keys and of their values that these queries see, the
 *              last ones first, into rings of STAGES tiles. It runs ahead into the block's next tile of queries.
 *   consumers  two warpgroups, 64 of the queries each. Output, scores and probabilities stay in registers; the probabilities are the
 *              left operand of the product with V just as they come out of the one with K.
 *
 *   S₀ = Q·K₀ᵀ │ softmax │ begin S₁ = Q·K₁ᵀ │ begin out += P₀·V₀ │ wait for S₁ │ softmax │ wait for out, rescale it │ begin S₂ …
 *
 * So a warpgroup's own softmax runs during its product with V, and during the other warpgroup's products. With TURNS the warpgroups begin
 * products in turn, so that one multiplies while the other is in its softmax; without, they find their own rhythm.
 *
 * Barriers, of Q and of each stage of K and V: `full` completes with TMA's bytes; at `empty` each consumer warp arrives when its
 * products that read the tile are done.
 *
 * Only the first tile of keys has scores to hide: those after the queries (CAUSAL, and tiles of queries and keys begin at the same
 * tokens) or beyond the sequence. Each query sees a key in it. Rows beyond a sequence are zeros to TMA; their results are not stored.
 *
 * The order of work: CAUSAL, a block takes the tiles i before the last and i after the first of a head together, which is the same
 * work for each i. The blocks take such pairs in order, so that those at work share few heads, whose keys stay in the L2 cache.
 */
#pragma once

#include "attention_hopper_softmax.cuh"

namespace mlac::flash::warpgroups {

template <int A_, int U_, bool CAUSAL_, bool TURNS_>
struct Forward {
  static constexpr int A = A_, U = U_, QUERIES = 128, KEYS = 128, CONSUMERS = 2, THREADS = (1 + CONSUMERS) * WARPGROUP;
  static constexpr bool CAUSAL = CAUSAL_, TURNS = TURNS_;
  static constexpr int Q_BYTES = QUERIES * A * 2, K_BYTES = KEYS * A * 2, V_BYTES = KEYS * U * 2;
  static constexpr int STAGES = 2, BARRIERS = 2 + 4 * STAGES;
  static constexpr int BYTES = Q_BYTES + STAGES * (K_BYTES + V_BYTES) + BARRIERS * 8;
  static constexpr int EMPTY_ARRIVALS = CONSUMERS * WARPGROUP / WARP;
  static constexpr int PRODUCER_REGISTERS = 24, CONSUMER_REGISTERS = 240;
  static constexpr int TOGETHER = CAUSAL ? 2 : 1;  // tiles of queries that a block takes at once
  static_assert(BYTES <= 232448, "shared memory of a block");
  static_assert(QUERIES == KEYS && QUERIES == 64 * CONSUMERS, "one tile of keys meets the diagonal");
};

/// Widths of heads that the kernel is for.
template <int A, int U>
constexpr bool SUPPORTED = (A == 64 || A == 128 || A == 192) && (U == 64 || U == 128);

struct ForwardPlan {
  CUtensorMap q, k, v;
  int length, heads, groups, rows, bundles, work;  // rows: tiles of queries of a head; bundles: of them, taken together; work: bundles of all heads
  float scale;                                     // times log2(e)
  bf16* out;
  float* lse;
};

struct ForwardTile {
  int sequence, head, group, row;  // row: which tile of queries
};

/// `call(tile)` for the block's tiles of queries, in the same order for producer and consumers.
template <class F, typename Call>
__device__ inline void for_each_tile(const ForwardPlan& plan, const Call& call) {
  for (int i = blockIdx.x; i < plan.work; i += gridDim.x) {
    const int pair = i / plan.bundles, bundle = i - pair * plan.bundles, sequence = pair / plan.heads, head = pair - sequence * plan.heads;
    const int group = head / (plan.heads / plan.groups), longest = plan.rows - 1 - bundle;
#pragma unroll 1
    for (int which = 0; which < F::TOGETHER; ++which) {
      if (which && bundle == longest) break;  // the middle one
      call(ForwardTile{sequence, head, group, which ? bundle : longest});
    }
  }
}

/// Tiles of keys that a tile of queries sees.
template <class F>
__device__ inline int key_tiles(const ForwardPlan& plan, const ForwardTile& tile) { return F::CAUSAL ? tile.row + 1 : plan.rows; }

/// The rings of a block, each thread's own copy.
template <class F>
struct Rings {
  TileRing<F::Q_BYTES, 1> q;
  TileRing<F::K_BYTES, F::STAGES> k;
  TileRing<F::V_BYTES, F::STAGES> v;
  __device__ Rings(uint32_t shared, uint32_t barriers)
      : q(shared, barriers), k(shared + F::Q_BYTES, barriers + 16), v(shared + F::Q_BYTES + F::STAGES * F::K_BYTES, barriers + 16 + 16 * F::STAGES) {}
};

template <class F>
__device__ inline void produce(const ForwardPlan& plan, Rings<F> rings) {
  for_each_tile<F>(plan, [&](const ForwardTile& tile) {
    const int tiles = key_tiles<F>(plan, tile);
    load_tile<F::A, F::QUERIES>(rings.q.tile(), &plan.q, rings.q.wait_empty(), tile.row * F::QUERIES, tile.head, tile.sequence);
    ++rings.q.count;
    // The consumers multiply with a tile of keys before they do with the values of the tile before it.
    for (int step = 0; step <= tiles; ++step) {
      if (step < tiles) {
        load_tile<F::A, F::KEYS>(rings.k.tile(), &plan.k, rings.k.wait_empty(), (tiles - 1 - step) * F::KEYS, tile.group, tile.sequence);
        ++rings.k.count;
      }
      if (step > 0) {
        load_tile<F::U, F::KEYS>(rings.v.tile(), &plan.v, rings.v.wait_empty(), (tiles - step) * F::KEYS, tile.group, tile.sequence);
        ++rings.v.count;
      }
    }
  });
}

/// Divides the output by the sums and stores it with lse. Four lanes exchange what they have of a row, so that each stores 16 bytes at a time.
template <class F>
__device__ inline void store_rows(const ForwardPlan& plan, const ForwardTile& tile, int first, const Softmax& softmax, const float (&out)[F::U / 2]) {
  const int lane = threadIdx.x % WARP;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int query = first + half * 8;
    const int64_t row = (int64_t(tile.sequence) * plan.length + query) * plan.heads + tile.head;
    const float sum = sum_of_lanes<4>(softmax.sum[half]), factor = 1.f / sum, ln_2 = 0.6931471805599453f;
    const bool exists = query < plan.length;
    if (exists && lane % 4 == 0) plan.lse[row] = softmax.largest[half] * plan.scale * ln_2 + __logf(sum);
    bf16* const to = plan.out + row * F::U + lane % 4 * 8;
#pragma unroll
    for (int column = 0; column < F::U; column += 32) {
      uint32_t x[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int at = (column / 8 + i) * 4 + 2 * half;
        x[i] = pair_of(factor * out[at], factor * out[at + 1]);
      }
      transpose_quad(x);
      if (exists) *reinterpret_cast<uint4*>(to + column) = make_uint4(x[0], x[1], x[2], x[3]);
    }
  }
}

template <class F>
__device__ inline void consume(const ForwardPlan& plan, Rings<F> rings, int consumer) {
  constexpr int TURN = 1;  // the named barrier of consumer 0's turn; consumer 1's is the next
  const int own = consumer * 64 + threadIdx.x / WARP % 4 * 16 + threadIdx.x % WARP / 4;  // the lane's first query, in the tile
  const uint64_t q = matrix_descriptor(true, 0) + descriptor_address(rings.q.tiles + consumer * 64 * 128);
  const auto k = [&] { return matrix_descriptor(true, 0) + descriptor_address(rings.k.tile()); };
  const auto v = [&] { return matrix_descriptor(false, slab_bytes(F::KEYS)) + descriptor_address(rings.v.tile()); };
  if (F::TURNS && consumer == 1) let_go<2 * WARPGROUP>(TURN);

  for_each_tile<F>(plan, [&](const ForwardTile& tile) {
    const int tiles = key_tiles<F>(plan, tile);
    float scores[F::KEYS / 2], out[F::U / 2], correction[2];
    uint32_t p[F::KEYS / 16][4];
    Softmax softmax;
#pragma unroll
    for (int i = 0; i < F::U / 2; ++i) out[i] = 0.f;

    rings.q.wait_full();
    rings.k.wait_full();
    products_begin();
    multiply_transposed<F::A, F::QUERIES, F::KEYS>(scores, q, k());
    products_commit();
    products_wait<0>();
    hopper::pin(scores);
    rings.k.release();
    if (tiles == 1) rings.q.release();
    hide_scores<F::CAUSAL>(scores, own, plan.length - (tiles - 1) * F::KEYS);
    softmax.soften(scores, correction, plan.scale);
    round_scores<F::KEYS>(p, scores);

#pragma unroll 1
    for (int step = 1; step < tiles; ++step) {
      rings.k.wait_full();
      if (F::TURNS) meet<2 * WARPGROUP>(TURN + consumer);
      products_begin();
      multiply_transposed<F::A, F::QUERIES, F::KEYS>(scores, q, k());
      products_commit();
      rings.v.wait_full();
      products_begin();
      multiply_rows<F::U, F::KEYS>(out, p, v());
      products_commit();
      if (F::TURNS) let_go<2 * WARPGROUP>(TURN + (consumer ^ 1));
      products_wait<1>();
      hopper::pin(scores);
      rings.k.release();
      if (step + 1 == tiles) rings.q.release();
      softmax.soften(scores, correction, plan.scale);
      hopper::pin(scores);  // not to be put off until after the wait
      products_wait<0>();
      hopper::pin(out);
      pin(p);
      rings.v.release();
      round_scores<F::KEYS>(p, scores);
#pragma unroll
      for (int i = 0; i < F::U / 2; ++i) out[i] *= correction[i / 2 % 2];
    }

    rings.v.wait_full();
    products_begin();
    multiply_rows<F::U, F::KEYS>(out, p, v());
    products_commit();
    products_wait<0>();
    hopper::pin(out);
    pin(p);
    rings.v.release();
    store_rows<F>(plan, tile, tile.row * F::QUERIES + own, softmax, out);
  });
  if (F::TURNS && consumer == 0) meet<2 * WARPGROUP>(TURN);  // the turn that it did not take
}

template <class F>
__global__ void __launch_bounds__(F::THREADS, 1) forward_kernel(const __grid_constant__ ForwardPlan plan) {
  extern __shared__ __align__(1024) unsigned char warpgroups_memory[];
  const uint32_t shared = address_of(warpgroups_memory), barriers = shared + F::BYTES - F::BARRIERS * 8;
  const Rings<F> rings(shared, barriers);
  if (threadIdx.x == 0) {
    if (shared % 1024) __trap();  // the swizzle counts from multiples of 1024 bytes
    const auto init = [](const auto& ring, int stages) {
      for (int stage = 0; stage < stages; ++stage) {
        barrier_init(ring.full + stage * 8, 1);
        barrier_init(ring.empty + stage * 8, F::EMPTY_ARRIVALS);
      }
    };
    init(rings.q, 1);
    init(rings.k, F::STAGES);
    init(rings.v, F::STAGES);
    barrier_init_done();
  }
  __syncthreads();
  const int warpgroup = __shfl_sync(0xffffffffu, int(threadIdx.x / WARPGROUP), 0);
  if (warpgroup == 0) {
    give_registers<F::PRODUCER_REGISTERS>();
    if (threadIdx.x == 0) produce<F>(plan, rings);
  } else {
    take_registers<F::CONSUMER_REGISTERS>();
    consume<F>(plan, rings, warpgroup - 1);
  }
}

/// attention_forward for SUPPORTED widths; see there.
template <int A, int U, bool CAUSAL, bool TURNS = true>
cudaError_t forward(cudaStream_t stream, int64_t batch, int64_t length, int64_t heads, int64_t groups, float scale, const bf16* q, const bf16* k, const bf16* v,
                    bf16* out, float* lse) {
  using F = Forward<A, U, CAUSAL, TURNS>;
  if (batch * length * heads == 0) return cudaSuccess;
  const int rows = int(ceil_div(length, F::QUERIES)), bundles = (rows + F::TOGETHER - 1) / F::TOGETHER;
  ForwardPlan plan{{}, {}, {}, int(length), int(heads), int(groups), rows, bundles, int(batch * heads * bundles), scale * 1.4426950408889634f, out, lse};
  if (const cudaError_t error = make_heads_map(&plan.q, q, batch, length, heads, A, F::QUERIES)) return error;
  if (const cudaError_t error = make_heads_map(&plan.k, k, batch, length, groups, A, F::KEYS)) return error;
  if (const cudaError_t error = make_heads_map(&plan.v, v, batch, length, groups, U, F::KEYS)) return error;
  const auto kernel = forward_kernel<F>;
  if (const cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, F::BYTES)) return error;
  const int blocks = plan.work < multiprocessors() ? plan.work : multiprocessors();
  kernel<<<unsigned(blocks), F::THREADS, F::BYTES, stream>>>(plan);
  return cudaGetLastError();
}

}  // namespace mlac::flash::warpgroups
