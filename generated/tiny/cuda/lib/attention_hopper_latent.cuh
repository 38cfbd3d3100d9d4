/*
 * Attention's gradients on Hopper where keys and values come from a latent (multi-head latent attention: DeepSeek-V2, arXiv:2405.04434) and
 * never lie in memory. For each group of heads, with N + R columns of a key and U of a value:
 *
 *   x = [latent · k_weight, rotary]     rotary: R columns, the same for all groups
 *   k = turn(x · rstd · gain)           rstd = 1 / sqrt(mean(x²) + eps); turn: rotary position embedding of the last R columns
 *   v = latent · v_weight
 *
 * A block of attention_hopper_backward.cuh owns 128 keys of one group for all of its work, so it makes them once, before its first queries:
 *
 *   slices of 64 of the latent's columns and of both weights' rows │ x and v in registers │ norm, turn │ K and V to shared memory
 *
 * The slices lie where Q, dO, dS and dQ lie later. In the end dK goes the same way back: turned, through the norm, to what the products' own
 * gradients are made from. The norm needs x / rms: of the rotary columns it is loaded again, of the plain ones it is K / gain. Where a gain
 * is (next to) nothing that cannot be: x then waits in the place of its own gradient, which the same thread overwrites.
 *
 * The gain's gradient is summed over a block's keys, and in the order of the blocks afterwards: the same bits every time.
 */
#pragma once

#include "attention_hopper_backward.cuh"
#include "rows.cuh"

namespace mlac {

/// What keys and values come from, and where their gradients go. Shapes: latent [batch length C], rotary [batch length R], k_weight [C groups N],
/// v_weight [C groups U]; gain [N + R]; cosine, sine [length R / 2].
struct LatentSource {
  const bf16 *latent, *k_weight, *v_weight, *rotary;
  const float *gain, *cosine, *sine;
  int rank;  // C, a multiple of 64
  float eps;
  bf16 *d_plain, *d_rotary, *d_v;  // [batch length groups N], [batch length groups R], [batch length groups U]
};

namespace flash::warpgroups {

__device__ inline uint32_t load_pair(uint32_t at) {
  uint32_t x;
  asm volatile("ld.shared.u32 %0, [%1];" : "=r"(x) : "r"(at));
  return x;
}
__device__ inline void store_pair(uint32_t at, uint32_t x) { asm volatile("st.shared.u32 [%0], %1;" ::"r"(at), "r"(x) : "memory"); }
__device__ inline float load_float(uint32_t at) {
  float x;
  asm volatile("ld.shared.f32 %0, [%1];" : "=f"(x) : "r"(at));
  return x;
}
__device__ inline void store_float(uint32_t at, float x) { asm volatile("st.shared.f32 [%0], %1;" ::"r"(at), "f"(x) : "memory"); }
__device__ inline float2 two_of(const float* x) { return *reinterpret_cast<const float2*>(x); }

template <class B, int N_>
struct LatentKeys {
  static constexpr int N = N_, R = B::A - N, U = B::U, KEYS = B::KEYS, SLICE = 64;  // of the latent's columns
  static constexpr int AT_ONCE = 2;  // eights of columns, in loops that run once
  static_assert(R == 64 && N % 64 == 0, "the rotary columns are a slab of their own");
  static constexpr int LATENT_BYTES = slab_bytes(KEYS), K_WEIGHT_BYTES = N / 64 * slab_bytes(SLICE), V_WEIGHT_BYTES = U / 64 * slab_bytes(SLICE);
  static constexpr int STAGE_BYTES = LATENT_BYTES + K_WEIGHT_BYTES + V_WEIGHT_BYTES, STAGES_AT = B::Q_AT, STAGES_ROOM = B::STATISTICS_AT - STAGES_AT;
  static constexpr int STAGES = STAGES_ROOM / STAGE_BYTES < 3 ? STAGES_ROOM / STAGE_BYTES : 3;
  static constexpr int FULL = B::BYTES, EMPTY = FULL + 8 * STAGES, RSTD_AT = EMPTY + 8 * STAGES, BYTES = RSTD_AT + KEYS * 4;
  static constexpr int ROTARY_AT = B::K_AT + N / 64 * slab_bytes(KEYS);
  static constexpr int CONSUMER_THREADS = B::CONSUMERS * WARPGROUP, CONSUMER_WARPS = CONSUMER_THREADS / WARP, MEETING = 1;
  static_assert(BYTES <= 232448, "shared memory of a block");
  static_assert(CONSUMER_WARPS * B::A * 4 <= B::STAGES * B::DS_BYTES && KEYS * R * 2 <= B::Q_BYTES);

  CUtensorMap latent, rotary, k_weight, v_weight;
  LatentSource source;
  float* gain_sums;  // [batch groups key_tiles A]

  __device__ static void make_barriers(uint32_t shared) {
    for (int stage = 0; stage < STAGES; ++stage) {
      barrier_init(shared + FULL + stage * 8, 1);
      barrier_init(shared + EMPTY + stage * 8, CONSUMER_WARPS);
    }
  }

  /// Until a stage's slice has been read `times` times in all.
  __device__ static void wait_empty(uint32_t shared, int stage, int times) { barrier_wait(shared + EMPTY + stage * 8, (times & 1) ^ 1); }

  __device__ void produce(const BackwardPlan&, const BackwardWork<B>& work, uint32_t shared) const {
    barrier_arrive_expect(shared + B::KEYS_FULL, KEYS * R * 2);
    load_slab(shared + ROTARY_AT, &rotary, shared + B::KEYS_FULL, 0, work.first_key, 0, work.sequence);
    const int slices = source.rank / SLICE;
    for (int slice = 0; slice < slices; ++slice) {
      const int stage = slice % STAGES;
      const uint32_t full = shared + FULL + stage * 8, to = shared + STAGES_AT + stage * STAGE_BYTES;
      wait_empty(shared, stage, slice / STAGES);
      barrier_arrive_expect(full, STAGE_BYTES);
      load_slab(to, &latent, full, slice * SLICE, work.first_key, 0, work.sequence);
      load_tile<N, SLICE>(to + LATENT_BYTES, &k_weight, full, slice * SLICE, work.group, 0);
      load_tile<U, SLICE>(to + LATENT_BYTES + K_WEIGHT_BYTES, &v_weight, full, slice * SLICE, work.group, 0);
    }
    for (int stage = 0; stage < STAGES; ++stage) wait_empty(shared, stage, (slices - stage + STAGES - 1) / STAGES);
  }

  /// The rotary columns once more, in the place of the queries' tile that would come next.
  __device__ void produce_last(const BackwardWork<B>& work, uint32_t shared) const {
    const int stage = work.steps % B::STAGES, round = work.steps / B::STAGES;
    barrier_wait(shared + B::Q_EMPTY + stage * 8, (round & 1) ^ 1);
    barrier_arrive_expect(shared + B::Q_FULL + stage * 8, KEYS * R * 2);
    load_slab(shared + B::Q_AT + stage * B::Q_BYTES, &rotary, shared + B::Q_FULL + stage * 8, 0, work.first_key, 0, work.sequence);
  }

  /// Where the lane's pair of columns 8 j … of a row lies in a tile of KEYS rows.
  __device__ static uint32_t pair_at(uint32_t tile, int row, int j) {
    return tile + j / 8 * slab_bytes(KEYS) + row * 128 + ((j % 8) ^ (row % 8)) * 16 + threadIdx.x % 4 * 4;
  }
  /// Whether a plain column's gain is so small that K / gain says nothing of x. All warps come to the same answer.
  __device__ bool gain_vanishes() const {
    bool vanishes = false;
    for (int column = threadIdx.x % WARP; column < N; column += WARP) vanishes |= fabsf(source.gain[column]) < 1e-30f;
    return __any_sync(0xffffffffu, vanishes);
  }
  __device__ uint32_t* parked(const BackwardPlan& plan, const BackwardWork<B>& work, int row, int column) const {
    const int64_t key = (int64_t(work.sequence) * plan.length + work.first_key + row) * plan.groups + work.group;
    return reinterpret_cast<uint32_t*>(source.d_plain + key * N + column);
  }
  /// A row's place in the tables of cosines and sines. Rows beyond the sequence are zeros: any place will do.
  __device__ int64_t turn_of(const BackwardPlan& plan, const BackwardWork<B>& work, int row) const {
    return int64_t(min(work.first_key + row, plan.length - 1)) * (R / 2);
  }

  __device__ void take(const BackwardPlan& plan, const BackwardWork<B>& work, uint32_t shared, int consumer) const {
    const int lane = threadIdx.x % WARP, first_row = consumer * 64 + threadIdx.x / WARP % 4 * 16 + lane / 4;
    float squares[2];
    expand(shared, consumer, first_row, squares);
    const bool parks = gain_vanishes();
    barrier_wait(shared + B::KEYS_FULL, 0);
    // From here on a thread reads what it has written itself. The loops are hardly unrolled: this runs once, and what it would push out of
    // the instruction cache runs for each tile of queries.
    float rstd[2];
#pragma unroll AT_ONCE
    for (int j = 0; j < R / 8; ++j)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const uint32_t pair = load_pair(pair_at(shared + ROTARY_AT, first_row + 8 * half, j));
        squares[half] += low_half(pair) * low_half(pair) + high_half(pair) * high_half(pair);
      }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      rstd[half] = 1.f / sqrtf(sum_of_lanes<4>(squares[half]) / float(B::A) + source.eps);
      if (lane % 4 == 0) store_float(shared + RSTD_AT + (first_row + 8 * half) * 4, rstd[half]);
    }
#pragma unroll AT_ONCE
    for (int j = 0; j < N / 8; ++j) {
      const int column = 8 * j + lane % 4 * 2;
      const float2 gain = two_of(source.gain + column);
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = first_row + 8 * half;
        const uint32_t at = pair_at(shared + B::K_AT, row, j), pair = load_pair(at);
        if (parks && work.first_key + row < plan.length) *parked(plan, work, row, column) = pair;
        store_pair(at, pair_of(low_half(pair) * rstd[half] * gain.x, high_half(pair) * rstd[half] * gain.y));
      }
    }
    const int64_t turns[2] = {turn_of(plan, work, first_row), turn_of(plan, work, first_row + 8)};
#pragma unroll AT_ONCE
    for (int j = 0; j < R / 16; ++j) {
      const int column = 8 * j + lane % 4 * 2;
      const float2 gain_a = two_of(source.gain + N + column), gain_b = two_of(source.gain + N + R / 2 + column);
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = first_row + 8 * half;
        const float2 cosine = two_of(source.cosine + turns[half] + column), sine = two_of(source.sine + turns[half] + column);
        const uint32_t at_a = pair_at(shared + ROTARY_AT, row, j), at_b = pair_at(shared + ROTARY_AT, row, j + R / 16), a = load_pair(at_a), b = load_pair(at_b);
        const float2 x{low_half(a) * rstd[half] * gain_a.x, high_half(a) * rstd[half] * gain_a.y};
        const float2 y{low_half(b) * rstd[half] * gain_b.x, high_half(b) * rstd[half] * gain_b.y};
        store_pair(at_a, pair_of(x.x * cosine.x - y.x * sine.x, x.y * cosine.y - y.y * sine.y));
        store_pair(at_b, pair_of(y.x * cosine.x + x.x * sine.x, y.y * cosine.y + x.y * sine.y));
      }
    }
    fence_for_async_proxy();
    meet<CONSUMER_THREADS>(MEETING);  // dQ takes both consumers' keys
  }

  __device__ void store(const BackwardPlan& plan, const BackwardWork<B>& work, uint32_t shared, int consumer, float (&dk)[B::A / 2], float (&dv)[U / 2]) const {
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP % 4, first_row = consumer * 64 + warp * 16 + lane / 4, own = work.first_key + consumer * 64;
    const int64_t first = (int64_t(work.sequence) * plan.length + own) * plan.groups + work.group;
    store_warpgroup<U>(source.d_v + first * U, int64_t(plan.groups) * U, plan.length - own, dv, 1.f);

    const int stage = work.steps % B::STAGES;
    const uint32_t rotary_tile = shared + B::Q_AT + stage * B::Q_BYTES, sums = shared + B::DS_AT + (consumer * 4 + warp) * B::A * 4 + lane * 8;
    barrier_wait(shared + B::Q_FULL + stage * 8, work.steps / B::STAGES & 1);
    meet<CONSUMER_THREADS>(MEETING);  // no one reads K or dS any more
    normal_keys(plan, work, shared, first_row, rotary_tile);
    float along[2] = {0.f, 0.f};
#pragma unroll
    for (int half = 0; half < 2; ++half) {  // turned back
      const int64_t turn = turn_of(plan, work, first_row + 8 * half) + lane % 4 * 2;
#pragma unroll
      for (int j = 0; j < R / 16; ++j) {
        const int a = 4 * (N / 8 + j) + 2 * half, b = a + R / 4;
        const float2 cosine = two_of(source.cosine + turn + 8 * j), sine = two_of(source.sine + turn + 8 * j), x{dk[a], dk[a + 1]}, y{dk[b], dk[b + 1]};
        dk[a] = x.x * cosine.x + y.x * sine.x, dk[a + 1] = x.y * cosine.y + y.y * sine.y;
        dk[b] = y.x * cosine.x - x.x * sine.x, dk[b + 1] = y.y * cosine.y - x.y * sine.y;
      }
    }
#pragma unroll
    for (int j = 0; j < B::A / 8; ++j) {
      const float2 gain = two_of(source.gain + 8 * j + lane % 4 * 2);
      float2 sum{0.f, 0.f};
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const uint32_t x = load_pair(pair_at(shared + B::K_AT, first_row + 8 * half, j));
        float &a = dk[4 * j + 2 * half], &b = dk[4 * j + 2 * half + 1];
        sum.x += a * low_half(x), sum.y += b * high_half(x);
        a *= gain.x, b *= gain.y;
        along[half] += a * low_half(x) + b * high_half(x);
      }
#pragma unroll
      for (int across = 4; across < WARP; across *= 2) {  // the warp's rows
        sum.x += __shfl_xor_sync(0xffffffffu, sum.x, across);
        sum.y += __shfl_xor_sync(0xffffffffu, sum.y, across);
      }
      if (lane < 4) store_float(sums + 32 * j, sum.x), store_float(sums + 32 * j + 4, sum.y);
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const float mean = sum_of_lanes<4>(along[half]) / float(B::A), rstd = plan.scale * load_float(shared + RSTD_AT + (first_row + 8 * half) * 4);
#pragma unroll
      for (int j = 0; j < B::A / 8; ++j) {
        const uint32_t x = load_pair(pair_at(shared + B::K_AT, first_row + 8 * half, j));
        float &a = dk[4 * j + 2 * half], &b = dk[4 * j + 2 * half + 1];
        a = rstd * (a - low_half(x) * mean), b = rstd * (b - high_half(x) * mean);
      }
    }
    store_warpgroup<N>(source.d_plain + first * N, int64_t(plan.groups) * N, plan.length - own, dk, 1.f);
    store_warpgroup<R, N / 2>(source.d_rotary + first * R, int64_t(plan.groups) * R, plan.length - own, dk, 1.f);

    meet<CONSUMER_THREADS>(MEETING);  // all sums are there
    const int column = consumer * WARPGROUP + threadIdx.x % WARPGROUP;
    if (column >= B::A) return;
    float sum = 0.f;
    for (int part = 0; part < CONSUMER_WARPS; ++part) sum += load_float(shared + B::DS_AT + (part * B::A + column) * 4);
    const int64_t pair = int64_t(work.sequence) * plan.groups + work.group;
    gain_sums[(pair * plan.key_tiles + work.tile) * B::A + column] = plan.scale * sum;
  }

 private:
  /// The plain columns of x to where K will be, and V; `squares`: the sums of the thread's columns of its two rows.
  __device__ void expand(uint32_t shared, int consumer, int first_row, float (&squares)[2]) const {
    float k[N / 2], v[U / 2];
    const int slices = source.rank / SLICE;
#pragma unroll 1
    for (int slice = 0; slice < slices; ++slice) {
      const int stage = slice % STAGES;
      const uint32_t at = shared + STAGES_AT + stage * STAGE_BYTES;
      const uint64_t left = matrix_descriptor(true, 0) + descriptor_address(at + consumer * 64 * 128);
      const uint64_t right_k = matrix_descriptor(false, slab_bytes(SLICE)) + descriptor_address(at + LATENT_BYTES);
      const uint64_t right_v = matrix_descriptor(false, slab_bytes(SLICE)) + descriptor_address(at + LATENT_BYTES + K_WEIGHT_BYTES);
      barrier_wait(shared + FULL + stage * 8, slice / STAGES & 1);
      products_begin();
#pragma unroll
      for (int step = 0; step < SLICE / 16; ++step) {
        hopper::multiply<N, 0, 1>(k, left + step * descriptor_step(true), right_k + step * descriptor_step(false), slice + step > 0);
        hopper::multiply<U, 0, 1>(v, left + step * descriptor_step(true), right_v + step * descriptor_step(false), slice + step > 0);
      }
      products_commit();
      products_wait<0>();
      hopper::pin(k);
      hopper::pin(v);
      __syncwarp();
      if (threadIdx.x % WARP == 0) barrier_arrive(shared + EMPTY + stage * 8);
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float sum = 0.f;
#pragma unroll
      for (int j = 0; j < N / 8; ++j) {  // rounded, as the forward pass had them
        const uint32_t pair = pair_of(k[4 * j + 2 * half], k[4 * j + 2 * half + 1]);
        store_pair(pair_at(shared + B::K_AT, first_row + 8 * half, j), pair);
        sum += low_half(pair) * low_half(pair) + high_half(pair) * high_half(pair);
      }
      squares[half] = sum;
#pragma unroll
      for (int j = 0; j < U / 8; ++j)
        store_pair(pair_at(shared + B::V_AT, first_row + 8 * half, j), pair_of(v[4 * j + 2 * half], v[4 * j + 2 * half + 1]));
    }
  }

  /// x · rstd takes the place of K.
  __device__ void normal_keys(const BackwardPlan& plan, const BackwardWork<B>& work, uint32_t shared, int first_row, uint32_t rotary_tile) const {
    const bool parks = gain_vanishes();
    const float rstd[2] = {load_float(shared + RSTD_AT + first_row * 4), load_float(shared + RSTD_AT + (first_row + 8) * 4)};
#pragma unroll AT_ONCE
    for (int j = 0; j < N / 8; ++j) {
      const int column = 8 * j + threadIdx.x % 4 * 2;
      const float2 gain = two_of(source.gain + column);
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = first_row + 8 * half;
        const uint32_t at = pair_at(shared + B::K_AT, row, j);
        uint32_t x = load_pair(at);
        float2 factor{__fdividef(1.f, gain.x), __fdividef(1.f, gain.y)};
        if (parks) x = work.first_key + row < plan.length ? *parked(plan, work, row, column) : 0u, factor = {rstd[half], rstd[half]};
        store_pair(at, pair_of(low_half(x) * factor.x, high_half(x) * factor.y));
      }
    }
#pragma unroll AT_ONCE
    for (int j = 0; j < R / 8; ++j)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const uint32_t x = load_pair(pair_at(rotary_tile, first_row + 8 * half, j));
        store_pair(pair_at(shared + ROTARY_AT, first_row + 8 * half, j), pair_of(low_half(x) * rstd[half], high_half(x) * rstd[half]));
      }
  }
};

}  // namespace flash::warpgroups

/// Bytes of workspace that latent_attention_backward needs. compiler/emit/cuda/attention.ts adds up the same.
constexpr int64_t latent_attention_workspace(int64_t batch, int64_t length, int64_t heads, int64_t groups, int64_t width) {
  const int64_t queries = batch * heads * ceil_div(length, 64) * 64;
  return room(batch * groups * ceil_div(length, 128) * width, 4) + room(queries, sizeof(flash::Statistics)) + room(queries * width, 4) + room(queries / 32 + 1, 4);
}

/// Overwrites dq and the source's gradients, but d_rotary, which is each group's own; the gain's gradient [N + R] is overwritten, or added to.
/// q [batch length heads N + R]; out, lse and dout as in attention_backward. N 64 or 128, R 64, U 64 or 128.
template <int N, int R, int U, bool CAUSAL>
cudaError_t latent_attention_backward(cudaStream_t stream, int64_t batch, int64_t length, int64_t heads, int64_t groups, float scale, const bf16* q,
                                      const LatentSource& source, const bf16* out, const float* lse, const bf16* dout, bf16* dq, float* d_gain,
                                      bool adds, char* workspace) {
  using namespace flash::warpgroups;
  constexpr int A = N + R;
  using B = Backward<A, U, CAUSAL>;
  using Keys = LatentKeys<B, N>;
  if (batch * length * heads == 0) return cudaSuccess;
  const int64_t tiles = batch * groups * ceil_div(length, B::KEYS);
  Workspace space{workspace};
  Keys keys{{}, {}, {}, {}, source, space.take<float>(tiles * A)};
  if (const cudaError_t error = make_heads_map(&keys.latent, source.latent, batch, length, 1, source.rank, B::KEYS)) return error;
  if (const cudaError_t error = make_heads_map(&keys.rotary, source.rotary, batch, length, 1, R, B::KEYS)) return error;
  if (const cudaError_t error = make_heads_map(&keys.k_weight, source.k_weight, 1, source.rank, groups, N, Keys::SLICE)) return error;
  if (const cudaError_t error = make_heads_map(&keys.v_weight, source.v_weight, 1, source.rank, groups, U, Keys::SLICE)) return error;
  if (const cudaError_t error = launch_backward<B>(stream, batch, length, heads, groups, scale, q, keys, out, lse, dout, dq, space)) return error;
  sum_of_blocks<<<ceil_div(A, WARP), SUM_THREADS, 0, stream>>>(keys.gain_sums, int(tiles), A, A, d_gain, adds);
  return cudaGetLastError();
}

}  // namespace mlac
