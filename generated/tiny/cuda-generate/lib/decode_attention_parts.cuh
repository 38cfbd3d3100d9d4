/*
 * Attention of single queries over what is cached of their sequences (flash-decoding: a sequence is cut into parts, which are merged afterwards).
 * decode_attention.cuh has it for keys and values, decode_attention_latent.cuh for a latent; this is what they share.
 *
 * A block goes through one part of one sequence for up to 16 heads that read the same keys: the 16 rows of an mma.sync. A tile is TOKENS
 * tokens, a row each of X | Y numbers in shared memory; a ring of STAGES tiles is filled by asynchronous copies, so that memory never waits.
 *
 *   latent: X = latent, Y = rotary key; keys are X and Y side by side, values are X: one read of the latent does for both
 *   plain:  X = value,  Y = key;        keys are Y, values are X
 *
 *   scores   warp w multiplies the queries, which it keeps in registers, with the tokens 8w … 8w + 7
 *   softmax  the largest score of each head goes through shared memory; probabilities go there too, as bf16
 *   output   warp w multiplies them with its columns of the values, 16 at a time: columns 16 w, 16 (w + WARPS) …
 *
 * How many parts a sequence has follows from its length and from constants, so the same request gives the same bits, whatever runs beside it.
 */
#pragma once

#include "decode_attention_merge.cuh"
#include "decode_attention_tiles.cuh"

namespace mlac::decode {

template <class T>
__global__ void __launch_bounds__(THREADS, 1) attention_kernel(const Arguments a) {
  using flash::power_of_2;
  extern __shared__ __align__(128) unsigned char decode_memory[];
  bf16* const queries = reinterpret_cast<bf16*>(decode_memory);
  bf16* const probabilities = reinterpret_cast<bf16*>(decode_memory + T::QUERY_BYTES);
  float* const tops = reinterpret_cast<float*>(decode_memory + T::QUERY_BYTES + 2 * HEADS * T::P_STRIDE);  // [WARPS][HEADS]
  float* const added = tops + HEADS * WARPS;
  const uint32_t tiles = shared_address(decode_memory + T::QUERY_BYTES + T::OTHER_BYTES);
  next_may_begin();

  const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, g = lane / 4, t = lane % 4;
  const int of_group = a.heads / a.groups, head_blocks = (of_group + HEADS - 1) / HEADS;
  const int row = blockIdx.z, from = a.slot[row] < 0 ? 0 : row, group = blockIdx.y / head_blocks, first_head = group * of_group + blockIdx.y % head_blocks * HEADS;
  const int heads = least(HEADS, (group + 1) * of_group - first_head), part = blockIdx.x;
  if (from != row && a.most_parts > 1) return;  // row 0's parts will be merged once more
  const int length = a.position[from] + 1;
  const int parts = a.parts.count(length), all = (length + TOKENS - 1) / TOKENS;
  if (part >= parts) return;
  const int begin = int(int64_t(all) * part / parts), end = int(int64_t(all) * (part + 1) / parts);
  const int64_t sequence = int64_t(a.slot[from]) * a.context, xs = int64_t(a.groups) * T::X, ys = int64_t(a.groups) * T::Y;
  const bf16 *x = a.x + sequence * xs + group * T::X, *y = a.y + sequence * ys + group * T::Y;
  const float* const scalars = a.scalars ? a.scalars + sequence * a.heads + first_head : nullptr;

  if constexpr (T::X != T::XP || T::Y != T::YP) {
    for (int i = threadIdx.x; i < T::STAGES * T::BYTES / 16; i += THREADS) store_shared(tiles + 16 * i, make_uint4(0, 0, 0, 0));
    __syncthreads();
  }
  const auto copy = [&](int tile) {
    if (tile < end) {
      const uint32_t to = tiles + (tile - begin) % T::STAGES * T::BYTES;
      const int64_t first = int64_t(tile) * TOKENS;
      copy_tokens<T::X, T::STRIDE, T::ALIGNED>(to, x + first * xs, xs, length - int(first));
      if constexpr (T::Y > 0) copy_tokens<T::Y, T::STRIDE, T::ALIGNED>(to + 2 * T::XP, y + first * ys, ys, length - int(first));
    }
    commit_copies();
  };
  // Tokens of this step, at most as many as there are rows, are written by the kernels ahead; all others are there.
  bool ready = false;
  for (int i = 0; i < T::STAGES - 1; ++i) {
    if (!ready && (begin + i + 1) * TOKENS > length - a.rows) inputs_ready(), ready = true;
    copy(begin + i);
  }
  if (!ready) inputs_ready();

  // Queries go through shared memory, from where a warp takes them as the products want them. All are asked for before one is stored.
  constexpr int Q_STRIDE = T::KEYS + 8, Q_RUNS = HEADS * T::KEYS / RUN, SHARE = (Q_RUNS + THREADS - 1) / THREADS;
  uint4 runs[SHARE];
#pragma unroll
  for (int j = 0; j < SHARE; ++j) {
    const int i = j * THREADS + threadIdx.x, h = i / (T::KEYS / RUN), column = i % (T::KEYS / RUN) * RUN;
    if (T::LATENT && column < T::XP) runs[j] = query_run<T::X, T::ALIGNED>(a.qx, from, first_head + h, column, h < heads);
    else runs[j] = query_run<T::Y, T::ALIGNED>(a.qy, from, first_head + h, column - (T::LATENT ? T::XP : 0), h < heads);
  }
#pragma unroll
  for (int j = 0; j < SHARE; ++j) {
    const int i = j * THREADS + threadIdx.x;
    if (i < Q_RUNS) store_shared(shared_address(queries + i / (T::KEYS / RUN) * Q_STRIDE + i % (T::KEYS / RUN) * RUN), runs[j]);
  }
  __syncthreads();
  const uint32_t query_row = shared_address(queries) + 2 * (lane % 16 * Q_STRIDE + lane / 16 * 8);
  uint32_t q[T::KEEPS_QUERIES ? T::K_STEPS : 1][4];
  if constexpr (T::KEEPS_QUERIES)
#pragma unroll
    for (int k = 0; k < T::K_STEPS; ++k) load_matrices<false>(q[k], query_row + 32 * k);

  float out[T::COLUMN_TILES][2][4] = {}, largest[2] = {-INFINITY, -INFINITY}, sum[2] = {};
  // Of this lane's tokens 2t, 2t + 1 and heads g, g + 8; read one tile ahead.
  float own[2][2], next[2][2];
  const auto read_scalars = [&](int tile) {
#pragma unroll
    for (int h = 0; h < 2; ++h)
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const int token = tile * TOKENS + 8 * warp + 2 * t + e;
        next[h][e] = scalars && token < length && g + 8 * h < heads ? scalars[int64_t(token) * a.heads + g + 8 * h] : 1.f;
      }
  };
  read_scalars(begin);

  for (int tile = begin; tile < end; ++tile) {
    const uint32_t stage = tiles + (tile - begin) % T::STAGES * T::BYTES;
    copies_done<T::STAGES - 2>();
    __syncthreads();
    copy(tile + T::STAGES - 1);
#pragma unroll
    for (int h = 0; h < 2; ++h) own[h][0] = next[h][0] * a.scale, own[h][1] = next[h][1] * a.scale;
    if (tile + 1 < end) read_scalars(tile + 1);

    // Four sums, so that products need not wait for one another.
    float parts_of_score[4][4] = {};
    const uint32_t key_row = stage + 2 * ((8 * warp + lane % 8) * T::STRIDE + T::KEY) + lane / 8 * 16;
#pragma unroll
    for (int k = 0; k < T::K_STEPS; k += 2) {
      uint32_t b[4];
      load_matrices<false>(b, k + 1 < T::K_STEPS ? key_row + 32 * k : key_row + 32 * k - lane / 16 * 32);
#pragma unroll
      for (int i = 0; i < 2 && k + i < T::K_STEPS; ++i) {
        if constexpr (T::KEEPS_QUERIES) multiply_add(parts_of_score[(k + i) % 4], q[k + i], b[2 * i], b[2 * i + 1]);
        else {
          load_matrices<false>(q[0], query_row + 32 * (k + i));
          multiply_add(parts_of_score[(k + i) % 4], q[0], b[2 * i], b[2 * i + 1]);
        }
      }
    }
    float score[2][2];
#pragma unroll
    for (int h = 0; h < 2; ++h)
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const int r = 2 * h + e;
        const float s = (parts_of_score[0][r] + parts_of_score[1][r]) + (parts_of_score[2][r] + parts_of_score[3][r]);
        score[h][e] = tile * TOKENS + 8 * warp + 2 * t + e < length ? s * own[h][e] : -INFINITY;
      }
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const float top = max_of_lanes<4>(fmaxf(score[h][0], score[h][1]));
      if (t == 0) tops[warp * HEADS + g + 8 * h] = top;
    }
    __syncthreads();
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      float top = largest[h];
#pragma unroll
      for (int w = 0; w < WARPS; ++w) top = fmaxf(top, tops[w * HEADS + g + 8 * h]);
      // A tile has at least one token, so `top` is finite.
      const float correction = power_of_2(largest[h] - top), p0 = power_of_2(score[h][0] - top), p1 = power_of_2(score[h][1] - top);
      largest[h] = top;
      const uint32_t pair = pair_of(p0, p1);
      sum[h] = sum[h] * correction + low_half(pair) + high_half(pair);  // of this lane's tokens, as the product sees them
      *reinterpret_cast<uint32_t*>(probabilities + (g + 8 * h) * T::P_STRIDE + 8 * warp + 2 * t) = pair;
#pragma unroll
      for (int c = 0; c < T::COLUMN_TILES; ++c)
#pragma unroll
        for (int n = 0; n < 2; ++n) out[c][n][2 * h] *= correction, out[c][n][2 * h + 1] *= correction;
    }
    __syncthreads();
    const uint32_t p_row = shared_address(probabilities) + 2 * (lane % 16 * T::P_STRIDE + lane / 16 * 8);
    const uint32_t value_row = stage + 2 * (lane % 16 * T::STRIDE + lane / 16 * 8);
#pragma unroll
    for (int k = 0; k < TOKENS; k += 16) {
      uint32_t p[4];
      load_matrices<false>(p, p_row + 2 * k);
#pragma unroll
      for (int c = 0; c < T::COLUMN_TILES; ++c) {
        const int column = (c * WARPS + warp) * 16;
        if (column >= T::XP) break;
        uint32_t b[4];
        load_matrices<true>(b, value_row + 2 * (k * T::STRIDE + column));
        multiply_add(out[c][0], p, b[0], b[1]);
        multiply_add(out[c][1], p, b[2], b[3]);
      }
    }
  }
  copies_done<0>();

#pragma unroll
  for (int h = 0; h < 2; ++h) {
    const float own_sum = sum_of_lanes<4>(sum[h]);
    if (t == 0) added[warp * HEADS + g + 8 * h] = own_sum;
  }
  __syncthreads();
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    if (g + 8 * h >= heads) continue;
    float total = 0;
#pragma unroll
    for (int w = 0; w < WARPS; ++w) total += added[w * HEADS + g + 8 * h];
    const int64_t of_head = int64_t(row) * a.heads + first_head + g + 8 * h, of_part = of_head * a.most_parts + part;
    const bool last = a.most_parts == 1;
    const float factor = last ? 1.f / total : 1.f;
    if (!last && warp == 0 && t == 0) *reinterpret_cast<float2*>(a.statistics + 2 * of_part) = make_float2(largest[h], total);
#pragma unroll
    for (int c = 0; c < T::COLUMN_TILES; ++c)
#pragma unroll
      for (int n = 0; n < 2; ++n) {
        const int column = (c * WARPS + warp) * 16 + 8 * n + 2 * t;
const float x = out[c][n][2 * h] * factor, y = out[c][n][2 * h + 1] * factor;
        if constexpr (T::X % 2 == 0) {
          if (column >= T::X) continue;
          if (last) *reinterpret_cast<uint32_t*>(a.whole + of_head * T::X + column) = pair_of(x, y);
          else *reinterpret_cast<float2*>(a.out + of_part * T::X + column) = make_float2(x, y);
        } else {
#pragma unroll
          for (int e = 0; e < 2; ++e) {
            if (column + e >= T::X) continue;
            if (last) a.whole[of_head * T::X + column + e] = from_float<bf16>(e ? y : x);
            else a.out[of_part * T::X + column + e] = e ? y : x;
          }
        }
      }
  }
}

constexpr int64_t head_blocks(int64_t heads, int64_t groups) { return groups * ceil_div(heads / groups, HEADS); }
constexpr int most_parts(int64_t rows, int64_t heads, int64_t groups, int64_t context) { return Parts::of(rows * head_blocks(heads, groups)).count(int(context)); }

/// Bytes: every part's sums and statistics; none where there is one part.
constexpr int64_t workspace(int64_t rows, int64_t heads, int64_t groups, int64_t context, int64_t width) {
  const int64_t parts = most_parts(rows, heads, groups, context);
  return parts == 1 ? 0 : room(rows * heads * parts * width, sizeof(float)) + room(rows * heads * parts * 2, sizeof(float));
}

/// Both kernels. `a` without what follows from the sizes.
template <class T>
cudaError_t launch(cudaStream_t stream, Arguments a, char* workspace) {
  a.parts = Parts::of(a.rows * head_blocks(a.heads, a.groups));
  a.most_parts = most_parts(a.rows, a.heads, a.groups, a.context);
  if (a.most_parts > 1) {
    Workspace arrays{workspace};
    a.out = arrays.take<float>(int64_t(a.rows) * a.heads * a.most_parts * T::X);
    a.statistics = arrays.take<float>(int64_t(a.rows) * a.heads * a.most_parts * 2);
  }
  const auto kernel = attention_kernel<T>;
  cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, T::SHARED);
  if (error != cudaSuccess) return error;
  const dim3 blocks(unsigned(a.most_parts), unsigned(head_blocks(a.heads, a.groups)), unsigned(a.rows));
  error = launch_overlapping(stream, kernel, blocks, THREADS, T::SHARED, 1, a);
  if (error != cudaSuccess || a.most_parts == 1) return error;
  const int64_t quads = int64_t(a.rows) * a.heads * ceil_div(T::X, MERGE_COLUMNS);
  constexpr int TEAMS = 16;
  if (a.most_parts < TEAMS) return launch_overlapping(stream, merge_kernel<T::X, 1>, unsigned(ceil_div(quads, MERGE_THREADS)), MERGE_THREADS, 0, 1, a);
  return launch_overlapping(stream, merge_kernel<T::X, TEAMS>, unsigned(ceil_div(quads, MERGE_THREADS / TEAMS)), MERGE_THREADS, 0, 1, a);
}

}  // namespace mlac::decode
