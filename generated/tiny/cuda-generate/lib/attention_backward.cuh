/*
 * Attention's gradients (FlashAttention: Dao et al., arXiv:2205.14135, 2307.08691), on mma.sync: sm_80 and up. Shapes: see attention.cuh; dout
 * like out, dq, dk, dv like q, k, v.
 *
 *   P = 2^(S·scale·log2(e) − lse·log2(e)) with S = Q·Kᵀ,   dP = dO·Vᵀ,   dS = P ∘ (dP − D),   D[row] = Σ dO ∘ out
 *   dV = Pᵀ·dO,   dK = scale · dSᵀ·Q,   dQ = scale · dS·K
 *
 * A block owns a tile of keys of one group: it goes through the queries of the group's heads and forms these five products; dK and dV stay in
 * registers. dQ of a tile of queries has a term from each tile of keys. They are added in a fixed order, so the bits are the same in each run:
 * the last tile of keys first. The first block writes its term to the workspace, as float32, those after it add theirs, and the block of
 * the first keys writes dq. A number per tile of queries says whose turn it is.
 *
 * That costs little, for who is before a block in this order is ahead of it in time too. Blocks draw tickets: those of one group
 * follow each other, the last keys first, so a block waits for earlier tickets only, and there is always one that need not wait. With
 * CAUSAL each begins at the queries of its own keys, some tiles behind the ticket before it, and all go on at the same pace.
 * (The other way is a kernel of its own for dQ, which forms S and dP again: 7 products, 3A + 2U becomes 5A + 3U… 38% more at A = 192, U = 128.)
 *
 *   K, V, Q₀, dO₀ │ wait, barrier │ Q₁, dO₁ ← │ S → P → shared │ dP → dS → shared │ wait for the turn │ barrier │ dV += │ dQ += │ dK += │ wait, barrier │ …
 *
 * `←`: a copy begins, for which the next wait waits. The turn is passed on after the barrier that follows dQ.
 */
#pragma once

#include "attention_statistics.cuh"
#include "workspace.cuh"
#ifdef MLAC_HOPPER
#include "attention_hopper_backward.cuh"
#endif

namespace mlac {

namespace flash {

struct Plan {
  int keys, queries;  // of a tile
  int stages;         // tiles of queries in shared memory
};

constexpr int backward_bytes(int a, int u, const Plan& plan) {
  const int queries = plan.stages * plan.queries, row = stride_of(a) + stride_of(u);
  return 2 * ((plan.keys + queries) * row + 2 * plan.queries * (plan.keys + 8)) + 8 * queries + 16;
}
/// The largest tiles that fit the shared memory and, as dK and dV of 256 threads, the registers.
constexpr Plan backward_plan(int a, int u) {
  constexpr Plan plans[] = { {128, 64, 2}, {64, 64, 2}, {64, 32, 2}, {64, 32, 1}, {32, 32, 1} };
  for (const Plan& plan : plans)
    if (backward_bytes(a, u, plan) <= SHARED_BYTES && plan.keys * (padded(a) + padded(u)) <= 160 * 256) return plan;
  return plans[4];
}

template <int A_, int U_, bool CAUSAL_>
struct Backward {
  static constexpr int A = A_, U = U_;
  static constexpr bool CAUSAL = CAUSAL_;
  static_assert(A <= 256 && U <= 256, "the heads are too wide");
  static constexpr int WARPS = 8, THREADS = WARPS * WARP;
  static constexpr Plan PLAN = backward_plan(A, U);
  static constexpr int KEYS = PLAN.keys, QUERIES = PLAN.queries, STAGES = PLAN.stages, BYTES = backward_bytes(A, U, PLAN);
  static_assert(BYTES <= SHARED_BYTES);
  static constexpr int SA = stride_of(A), SU = stride_of(U), SK = KEYS + 8;
  /// How the warps share S, dP and dQ, and dK and dV: rows × columns.
  static constexpr int S_ROWS = 2, S_COLUMNS = 4, K_ROWS = KEYS < 64 ? 2 : 4, K_COLUMNS = WARPS / K_ROWS;
  /// A warp's runs of 16 rows and of 8 columns of them.
  static constexpr int MS = QUERIES / S_ROWS / 16, NS = KEYS / S_COLUMNS / 8, NQ = padded(A) / S_COLUMNS / 8;
  static constexpr int MK = KEYS / K_ROWS / 16, NK = padded(A) / K_COLUMNS / 8, NV = padded(U) / K_COLUMNS / 8;
};

struct BackwardArguments {
  int length, heads, groups, key_tiles, query_tiles;
  float scale, scale_log2;  // the second times log2(e)
  const bf16 *q, *k, *v, *dout;
  const Statistics* statistics;  // [batch heads query_tiles QUERIES]
  float* partial;                // [batch heads query_tiles], the sums of dQ so far, as the threads hold them
  int* turns;                    // [batch heads query_tiles], how many terms are in `partial`
  int* tickets;                  // how many are drawn
  bf16 *dq, *dk, *dv;
};

/// What a block's threads tell each other.
struct Notes {
  int ticket;
  int query_tile;  // of this step, as a row of `partial`
  int terms;       // in its dQ after this step
};

template <class B>
__global__ void __launch_bounds__(B::THREADS, 1) backward_kernel(const BackwardArguments x) {
  constexpr int A = B::A, U = B::U, KEYS = B::KEYS, QUERIES = B::QUERIES, SA = B::SA, SU = B::SU, SK = B::SK, THREADS = B::THREADS;
  constexpr int MS = B::MS, NS = B::NS, NQ = B::NQ, MK = B::MK, NK = B::NK, NV = B::NV;
  extern __shared__ __align__(128) unsigned char flash_memory[];
  bf16* const k = reinterpret_cast<bf16*>(flash_memory);
  bf16* const v = k + KEYS * SA;
  bf16* const q = v + KEYS * SU;                          // [STAGES]
  bf16* const dout = q + B::STAGES * QUERIES * SA;        // [STAGES]
  bf16* const p = dout + B::STAGES * QUERIES * SU;        // [QUERIES KEYS]
  bf16* const ds = p + QUERIES * SK;                      // the same
  Statistics* const statistics = reinterpret_cast<Statistics*>(ds + QUERIES * SK);  // [STAGES]
  volatile Notes* const notes = reinterpret_cast<Notes*>(statistics + B::STAGES * QUERIES);  // volatile: read again rather than kept in registers, which are scarce

  const int warp = threadIdx.x / WARP, lane_row8 = threadIdx.x % WARP / 4, lane_column = threadIdx.x % 4 * 2;
  const int s_row = warp % B::S_ROWS * 16 * MS, s_column = warp / B::S_ROWS * 8 * NS;  // where the warp's S, dP and dQ begin
  const int q_column = warp / B::S_ROWS * 8 * NQ;
  const int k_row = warp % B::K_ROWS * 16 * MK, k_column = warp / B::K_ROWS * 8 * NK, v_column = warp / B::K_ROWS * 8 * NV;  // dK and dV

  if (threadIdx.x == 0) notes->ticket = atomicAdd(x.tickets, 1);
  __syncthreads();
  const int ticket = notes->ticket, length = x.length, tile = x.key_tiles - 1 - ticket % x.key_tiles, first_key = tile * KEYS;
  const int sequence = ticket / x.key_tiles / x.groups, group = ticket / x.key_tiles % x.groups;
  const int start = sequence * length;  // in tokens
  const int64_t key_row = int64_t(start + first_key) * x.groups + group;
  const int first_tile = B::CAUSAL ? first_key / QUERIES : 0;  // of queries
  const int share = x.heads / x.groups, tiles = x.query_tiles - first_tile, steps = share * tiles;

  // The queries of one step.
  const auto copy_queries = [&](int step, int stage) {
    const int head = group * share + step / tiles, t = first_tile + step % tiles, first = t * QUERIES, stride_q = x.heads * A, stride_o = x.heads * U;
    const int64_t row = int64_t(start + first) * x.heads + head;
    copy_rows<QUERIES, A, THREADS>(q + stage * QUERIES * SA, own_share<A, THREADS>(x.q + row * A, stride_q), stride_q, length - first);
    copy_rows<QUERIES, U, THREADS>(dout + stage * QUERIES * SU, own_share<U, THREADS>(x.dout + row * U, stride_o), stride_o, length - first);
    if (threadIdx.x < QUERIES / 2)
      copy_async(shared_address(statistics + stage * QUERIES + 2 * threadIdx.x),
                 x.statistics + (int64_t(sequence * x.heads + head) * x.query_tiles + t) * QUERIES + 2 * threadIdx.x, 16);
  };

  copy_rows<KEYS, A, THREADS>(k, own_share<A, THREADS>(x.k + key_row * A, x.groups * A), x.groups * A, length - first_key);
  copy_rows<KEYS, U, THREADS>(v, own_share<U, THREADS>(x.v + key_row * U, x.groups * U), x.groups * U, length - first_key);
  copy_queries(0, 0);

  float dk[MK][NK][4], dv[MK][NV][4];
  clear(dk);
  clear(dv);
  // Where this thread's numbers of the step's dQ lie in the workspace.
  const auto partial = [&] { return x.partial + int64_t(notes->query_tile) * (QUERIES * padded(A)) + 4 * threadIdx.x; };

  for (int step = 0; step < steps; ++step) {
    const int t = first_tile + step % tiles, first = t * QUERIES, stage = B::STAGES == 1 ? 0 : step % 2;
    const int query_tile = (sequence * x.heads + group * share + step / tiles) * x.query_tiles + t;
    const bf16* const q_now = q + stage * QUERIES * SA;
    const bf16* const dout_now = dout + stage * QUERIES * SU;
    const Statistics* const own = statistics + stage * QUERIES + s_row + lane_row8;

    wait_for_copies();
    __syncthreads();  // this step's queries have arrived for all; all are done with the last step's
    if (threadIdx.x == 0) {
      if (step > 0 && tile > 0) store_release(x.turns + notes->query_tile, notes->terms);
      // The last tile of keys that these queries see has the first term of their dQ.
      const int last_seen = B::CAUSAL && first + QUERIES < length ? first + QUERIES - 1 : length - 1;
      notes->query_tile = query_tile;
      notes->terms = last_seen / KEYS - tile + 1;
    }
    if (B::STAGES == 2 && step + 1 < steps) copy_queries(step + 1, 1 - stage);

    // P and dS of the warp's queries s_row … and keys s_column …
    bf16* const p_own = p + (s_row + lane_row8) * SK + s_column + lane_column;
    bf16* const ds_own = ds + (s_row + lane_row8) * SK + s_column + lane_column;
    {
      float s[MS][NS][4];
      clear(s);
      multiply<MS, NS, padded(A), Along::k, SA, Along::k, SA>(s, shared_address(q_now + s_row * SA), shared_address(k + s_column * SA));
      if (first_key + KEYS > length || (B::CAUSAL && first_key + KEYS > first + 1)) hide<B::CAUSAL>(s, first + s_row, first_key + s_column, length);
#pragma unroll
      for (int i = 0; i < MS; ++i)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const float lse = own[16 * i + 8 * half].lse;
#pragma unroll
          for (int j = 0; j < NS; ++j) {
            const float a = power_of_2(fmaf(s[i][j][2 * half], x.scale_log2, -lse)), b = power_of_2(fmaf(s[i][j][2 * half + 1], x.scale_log2, -lse));
            *reinterpret_cast<uint32_t*>(p_own + (16 * i + 8 * half) * SK + 8 * j) = pair_of(a, b);
          }
        }
    }
    {
      float dp[MS][NS][4];
      clear(dp);
      multiply<MS, NS, padded(U), Along::k, SU, Along::k, SU>(dp, shared_address(dout_now + s_row * SU), shared_address(v + s_column * SU));
#pragma unroll
      for (int i = 0; i < MS; ++i)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const float d = own[16 * i + 8 * half].d;
#pragma unroll
          for (int j = 0; j < NS; ++j) {
            const uint32_t pair = *reinterpret_cast<const volatile uint32_t*>(p_own + (16 * i + 8 * half) * SK + 8 * j);  // P again, for want of registers
            *reinterpret_cast<uint32_t*>(ds_own + (16 * i + 8 * half) * SK + 8 * j) =
                pair_of(low_half(pair) * (dp[i][j][2 * half] - d), high_half(pair) * (dp[i][j][2 * half + 1] - d));
          }
        }
    }

    if (threadIdx.x == 0)
      while (notes->terms > 1 && load_acquire(x.turns + notes->query_tile) < notes->terms - 1) {
      }
    __syncthreads();  // P and dS are there, and so are the terms before

    float dq[MS][NQ][4];
    if (notes->terms > 1) {
      const float* const from = partial();
#pragma unroll
      for (int i = 0; i < MS; ++i)
#pragma unroll
        for (int j = 0; j < NQ; ++j) load_shared_by_blocks(dq[i][j], from + (i * NQ + j) * 4 * THREADS);
    } else {
      clear(dq);
    }
    multiply<MK, NV, QUERIES, Along::own, SK, Along::own, SU>(dv, shared_address(p + k_row), shared_address(dout_now + v_column));
    multiply<MS, NQ, KEYS, Along::k, SK, Along::own, SA>(dq, shared_address(ds + s_row * SK), shared_address(k + q_column));
    if (tile > 0) {
      float* const to = partial();
#pragma unroll
      for (int i = 0; i < MS; ++i)
#pragma unroll
        for (int j = 0; j < NQ; ++j) store_shared_by_blocks(to + (i * NQ + j) * 4 * THREADS, dq[i][j]);
    } else {
      const int query = notes->query_tile % x.query_tiles * QUERIES + s_row + lane_row8, column = q_column + lane_column;
      bf16* const to = x.dq + (int64_t(start + query) * x.heads + group * share + step / tiles) * A + column;
      store_sums<A>(to, x.heads * A, dq, x.scale, length - query, A - column);
    }
    multiply<MK, NK, QUERIES, Along::own, SK, Along::own, SA>(dk, shared_address(ds + k_row), shared_address(q_now + k_column));
    if (B::STAGES == 1) {
      __syncthreads();
      if (step + 1 < steps) copy_queries(step + 1, 0);
    }
  }

  __syncthreads();  // all are done with the tiles, and dQ is written
  if (tile > 0 && threadIdx.x == 0) store_release(x.turns + notes->query_tile, notes->terms);
  put<SA>(k + k_row * SA + k_column, dk, [&](int, int) { return x.scale; });
  put<SU>(v + k_row * SU + v_column, dv, [](int, int) { return 1.f; });
  __syncthreads();
  store_rows<KEYS, A, THREADS>(x.dk + key_row * A, x.groups * A, k, length - first_key);
  store_rows<KEYS, U, THREADS>(x.dv + key_row * U, x.groups * U, v, length - first_key);
}

/// attention_backward for all widths; see there.
template <int A, int U, bool CAUSAL>
cudaError_t portable_backward(cudaStream_t stream, int64_t batch, int64_t length, int64_t heads, int64_t groups, float scale, const bf16* q, const bf16* k,
                              const bf16* v, const bf16* out, const float* lse, const bf16* dout, bf16* dq, bf16* dk, bf16* dv, char* workspace) {
  using B = Backward<A, U, CAUSAL>;
  static_assert(64 % B::QUERIES == 0 && B::QUERIES >= 32 && B::KEYS % B::QUERIES == 0);
  const int64_t query_tiles = ceil_div(length, B::QUERIES), key_tiles = ceil_div(length, B::KEYS), padded_length = query_tiles * B::QUERIES;
  const int64_t rows = batch * heads * padded_length, turn_count = batch * heads * query_tiles + 1;  // the tickets are last
  Workspace space{workspace};
  auto* const statistics = space.take<Statistics>(rows);
  auto* const partial = space.take<float>(rows * padded(A));
  auto* const turns = space.take<int>(turn_count);

  make_statistics<U>(stream, length, heads, padded_length, rows, dout, out, lse, statistics, turns, turn_count);
  const auto kernel = backward_kernel<B>;
  const cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, B::BYTES);
  if (error != cudaSuccess) return error;
  kernel<<<unsigned(batch * groups * key_tiles), B::THREADS, B::BYTES, stream>>>({int(length), int(heads), int(groups), int(key_tiles), int(query_tiles), scale, scale * LOG2_E, q, k, v,
                                                                                 dout, statistics, partial, turns, turns + turn_count - 1, dq, dk, dv});
  return cudaGetLastError();
}

}  // namespace flash

/// Bytes of workspace that attention_backward needs. compiler/emit/cuda/attention.ts adds up the same.
constexpr int64_t attention_backward_workspace(int64_t batch, int64_t length, int64_t heads, int64_t width) {
  const int64_t queries = batch * heads * ceil_div(length, 64) * 64;
  return room(queries, sizeof(flash::Statistics)) + room(queries * flash::padded(int(width)), 4) + room(queries / 32 + 1, 4);
}

/// Overwrites dq, dk and dv with the gradients, from the forward pass's out and lse. scale > 0. Returns what the launches returned.
/// On Hopper, heads of 64, 128 or 192 and values of 64 or 128 have a kernel of their own.
template <int A, int U, bool CAUSAL>
cudaError_t attention_backward(cudaStream_t stream, int64_t batch, int64_t length, int64_t heads, int64_t groups, float scale, const bf16* q, const bf16* k,
                               const bf16* v, const bf16* out, const float* lse, const bf16* dout, bf16* dq, bf16* dk, bf16* dv, char* workspace) {
#ifdef MLAC_HOPPER
  if constexpr (flash::warpgroups::BACKWARD_SUPPORTED<A, U>)
    return flash::warpgroups::backward<A, U, CAUSAL>(stream, batch, length, heads, groups, scale, q, k, v, out, lse, dout, dq, dk, dv, workspace);
  else
#endif
    return flash::portable_backward<A, U, CAUSAL>(stream, batch, length, heads, groups, scale, q, k, v, out, lse, dout, dq, dk, dv, workspace);
}

}  // namespace mlac
