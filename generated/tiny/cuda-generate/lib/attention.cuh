/*
 * Softmax attention in memory linear in the length (FlashAttention: Dao et al., arXiv:2205.14135, 2307.08691), on mma.sync: sm_80 and up.
 *
 * Shapes, row-major: q [batch length heads A], k [batch length groups A], v [batch length groups U], out [batch length heads U], all
 * bf16; lse [batch length heads], float. `groups` divides `heads`; head h reads the keys and values of group h / (heads / groups).
 * With CAUSAL, a token sees itself and the tokens before it.
 *
 * A block of four warps owns a tile of 128 queries of one head, 64 where the widths leave no room, and goes through the keys, 64 at a
 * time. A warp owns 32 (16) of the queries: its output and the probabilities, which are the next product's operand just as they come
 * out of the last one, stay in registers. Two blocks share an SM, so that one multiplies while the other waits.
 *
 *   Q K₀ │ barrier │ V₀ ← │ S = Q·K₀ᵀ │ barrier │ K₁ ← │ softmax, out += P·V₀ │ barrier │ V₁ ← │ S = Q·K₁ᵀ │ …
 *
 * `←`: a copy begins, for which the next barrier waits. A barrier also says that all warps are done with what the copy overwrites.
 * Blocks with the most keys come first, so that the last blocks to run are short.
 */
#pragma once

#include "attention_tiles.cuh"
#ifdef MLAC_HOPPER
#include "attention_hopper_forward.cuh"
#endif

namespace mlac {

namespace flash {

template <int A_, int U_, bool CAUSAL_>
struct Forward {
  static constexpr int A = A_, U = U_;
  static constexpr bool CAUSAL = CAUSAL_;
  static_assert(A <= 256 && U <= 256, "the heads are too wide");
  static constexpr int WARPS = 4, THREADS = WARPS * WARP, KEYS = 64;
  static constexpr int SA = stride_of(A), SU = stride_of(U);

  /// Bytes of shared memory where a warp owns `runs` runs of 16 queries. In the end, the output takes the place of all else.
  static constexpr int bytes(int runs) {
    const int queries = WARPS * 16 * runs, inputs = (queries + KEYS) * SA + KEYS * SU, output = queries * SU;
    return 2 * (inputs > output ? inputs : output);
  }
  static constexpr bool ALIGNED = A % RUN == 0 && U % RUN == 0;  // else copies take registers
  static constexpr int RUNS = ALIGNED && padded(U) <= 128 && bytes(2) <= 101376 ? 2 : 1;
  static constexpr int QUERIES = WARPS * 16 * RUNS, BYTES = bytes(RUNS);
  static_assert(BYTES <= SHARED_BYTES);
};

struct ForwardArguments {
  int pairs, length, heads, groups;  // pairs: of a sequence and a head
  float scale;                       // times log2(e)
  const bf16 *q, *k, *v;
  bf16* out;
  float* lse;
};

/// Turns a row's scores into probabilities that lack a common factor, and the sum and output so far to the same factor. A row has at
/// least one key in each tile that it meets (tiles begin at multiples of 64, warps' queries at multiples of 32 or 16), so `top` is finite.
template <int M, int N, int NU>
__device__ inline void soften(const float (&scores)[M][N][4], uint32_t (&p)[M][N][2], float (&out)[M][NU][4], float (&largest)[M][2], float (&sum)[M][2], float scale) {
#pragma unroll
  for (int i = 0; i < M; ++i)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float top = largest[i][half];
#pragma unroll
      for (int j = 0; j < N; ++j) top = fmaxf(top, fmaxf(scores[i][j][2 * half], scores[i][j][2 * half + 1]));
      top = max_of_lanes<4>(top);
      const float correction = power_of_2((largest[i][half] - top) * scale), shift = -top * scale;
      largest[i][half] = top;
      float added = 0.f;
#pragma unroll
      for (int j = 0; j < N; ++j) {
        const float a = power_of_2(fmaf(scores[i][j][2 * half], scale, shift)), b = power_of_2(fmaf(scores[i][j][2 * half + 1], scale, shift));
        added += a + b;
        p[i][j][half] = pair_here(a, b);
      }
      sum[i][half] = sum[i][half] * correction + added;  // of this lane's columns
#pragma unroll
      for (int j = 0; j < NU; ++j)
#pragma unroll
        for (int r = 2 * half; r < 2 * half + 2; ++r) out[i][j][r] *= correction;
    }
}

template <class F>
__global__ void __launch_bounds__(F::THREADS, 2) forward_kernel(const ForwardArguments x) {
  constexpr int A = F::A, U = F::U, M = F::RUNS, KEYS = F::KEYS, SA = F::SA, SU = F::SU;
  extern __shared__ __align__(128) unsigned char flash_memory[];
  bf16* const q = reinterpret_cast<bf16*>(flash_memory);
  bf16* const k = q + F::QUERIES * SA;
  bf16* const v = k + KEYS * SA;

  const int length = x.length, warp = threadIdx.x / WARP;
  const int pair = blockIdx.x % x.pairs, head = pair % x.heads, group = head / (x.heads / x.groups);
  const int first = int(gridDim.x / x.pairs - 1 - blockIdx.x / x.pairs) * F::QUERIES;  // query of the block
  const int own = first + warp * 16 * M;                                                // and of the warp
  const int start = pair / x.heads * length;                                            // of the sequence, in tokens
  const int64_t query_row = int64_t(start + first) * x.heads + head;
  const int query_stride = x.heads * A, key_stride = x.groups * A, value_stride = x.groups * U;
  const bf16* keys = own_share<A, F::THREADS>(x.k + (int64_t(start) * x.groups + group) * A, key_stride);
  const bf16* values = own_share<U, F::THREADS>(x.v + (int64_t(start) * x.groups + group) * U, value_stride);

  const int end = F::CAUSAL && first + F::QUERIES < length ? first + F::QUERIES : length;
  copy_rows<F::QUERIES, A, F::THREADS>(q, own_share<A, F::THREADS>(x.q + query_row * A, query_stride), query_stride, length - first);
  copy_rows<KEYS, A, F::THREADS>(k, keys, key_stride, length);

  float out[M][padded(U) / 8][4], largest[M][2], sum[M][2];
  clear(out);
#pragma unroll
  for (int i = 0; i < M; ++i) largest[i][0] = largest[i][1] = -INFINITY, sum[i][0] = sum[i][1] = 0.f;

  for (int key = 0; key < end; key += KEYS) {
    const bool sees = own < length && (!F::CAUSAL || key < own + 16 * M);  // whether the warp has any work here
    float scores[M][KEYS / 8][4];
    clear(scores);

    wait_for_copies();
    __syncthreads();
    copy_rows<KEYS, U, F::THREADS>(v, values, value_stride, length - key);
    values += KEYS * value_stride;
    if (sees) multiply<M, KEYS / 8, padded(A), Along::k, SA, Along::k, SA, 3>(scores, shared_address(q + warp * 16 * M * SA), shared_address(k));

    wait_for_copies();
    __syncthreads();
    keys += KEYS * key_stride;
    if (key + KEYS < end) copy_rows<KEYS, A, F::THREADS>(k, keys, key_stride, length - key - KEYS);
    if (!sees) continue;
    if (key + KEYS > length || (F::CAUSAL && key + KEYS > own + 1)) hide<F::CAUSAL>(scores, own, key, length);
    uint32_t p[M][KEYS / 8][2];
    __syncwarp();  // keeps the compiler from beginning the next part in this one, for which there are no registers
    soften(scores, p, out, largest, sum, x.scale);
    __syncwarp();
    multiply_sums<M, padded(U) / 8, KEYS / 8, SU>(out, p, shared_address(v));
  }

#pragma unroll
  for (int i = 0; i < M; ++i)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const float total = sum_of_lanes<4>(sum[i][half]);
      const int query = own + 16 * i + 8 * half + threadIdx.x % WARP / 4;
      if (threadIdx.x % 4 == 0 && query < length)
        x.lse[int64_t(start + query) * x.heads + head] = largest[i][half] * x.scale * LN_2 + __logf(total);
      sum[i][half] = 1.f / total;
    }
  __syncthreads();  // all are done with the tiles
  bf16* const tile = q;
  put<SU>(tile + warp * 16 * M * SU, out, [&](int i, int half) { return sum[i][half]; });
  __syncthreads();
  store_rows<F::QUERIES, U, F::THREADS>(x.out + query_row * U, int64_t(x.heads) * U, tile, length - first);
}

/// attention_forward for all widths; see there.
template <int A, int U, bool CAUSAL>
cudaError_t portable_forward(cudaStream_t stream, int64_t batch, int64_t length, int64_t heads, int64_t groups, float scale, const bf16* q, const bf16* k,
                             const bf16* v, bf16* out, float* lse) {
  using F = Forward<A, U, CAUSAL>;
  const auto kernel = forward_kernel<F>;
  const cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, F::BYTES);
  if (error != cudaSuccess) return error;
  const int64_t blocks = batch * heads * ceil_div(length, F::QUERIES);
  kernel<<<unsigned(blocks), F::THREADS, F::BYTES, stream>>>({int(batch * heads), int(length), int(heads), int(groups), scale * LOG2_E, q, k, v, out, lse});
  return cudaGetLastError();
}

}  // namespace flash

/// out = softmax(scale · q·kᵀ)·v and lse, the natural logarithm of the sum of e^score of each query. scale > 0. Returns what the launch returned.
/// On Hopper, heads of 64, 128 or 192 and values of 64 or 128 have a kernel of their own.
template <int A, int U, bool CAUSAL>
cudaError_t attention_forward(cudaStream_t stream, int64_t batch, int64_t length, int64_t heads, int64_t groups, float scale, const bf16* q, const bf16* k,
                              const bf16* v, bf16* out, float* lse) {
#ifdef MLAC_HOPPER
  if constexpr (flash::warpgroups::SUPPORTED<A, U>) return flash::warpgroups::forward<A, U, CAUSAL>(stream, batch, length, heads, groups, scale, q, k, v, out, lse);
  else
#endif
    return flash::portable_forward<A, U, CAUSAL>(stream, batch, length, heads, groups, scale, q, k, v, out, lse);
}

}  // namespace mlac
