/*
 * Attention's gradients on Hopper where keys and values come from a latent and never lie in memory (attention_hopper_latent_tile.cuh).
 *
 * A block of attention_hopper_backward.cuh owns 128 keys of one group for all of its work, so it makes them once, before its first queries. The
 * slices lie where Q, dO, dS and dQ lie later. In the end dK goes the same way back: turned, through the norm, to what the products' own
 * gradients are made from. The norm needs x / rms: of the rotary columns it is loaded again, of the plain ones it is K / gain. Where a gain
 * is (next to) nothing that cannot be: x then waits in the place of its own gradient, which the same thread overwrites.
 *
 * The gain's gradient is summed over a block's keys, and in the order of the blocks afterwards: the same bits every time.
 */
#pragma once

#include "attention_hopper_backward.cuh"
#include "attention_hopper_latent_tile.cuh"
#include "rows.cuh"

namespace mlac {

/// Where gradients go: of latent · k_weight [batch length groups N], of rotary, each group's own [batch length groups R], of v [batch length groups U].
struct LatentGradients {
  bf16 *plain, *rotary, *v;
};

namespace flash::warpgroups {

__device__ inline float load_float(uint32_t at) {
  float x;
  asm volatile("ld.shared.f32 %0, [%1];" : "=f"(x) : "r"(at));
  return x;
}
__device__ inline void store_float(uint32_t at, float x) { asm volatile("st.shared.f32 [%0], %1;" ::"r"(at), "f"(x) : "memory"); }

template <class B, int N_>
struct LatentKeys {
  static constexpr int N = N_, R = B::A - N, U = B::U, KEYS = B::KEYS;
  static constexpr int STAGES_AT = B::Q_AT, FIT = (B::STATISTICS_AT - STAGES_AT) / LATENT_SLICE_BYTES<N, U, KEYS, true>, STAGES = FIT < 3 ? FIT : 3;
  static constexpr int BARRIERS = B::BYTES, RSTD_AT = BARRIERS + 16 * STAGES, BYTES = RSTD_AT + KEYS * 4;
  static constexpr int CONSUMER_THREADS = B::CONSUMERS * WARPGROUP, CONSUMER_WARPS = CONSUMER_THREADS / WARP, MEETING = 1;
  using Tile = LatentTile<N, R, U, KEYS, STAGES, true>;
  static constexpr int AT_ONCE = Tile::AT_ONCE;
  static_assert(BYTES <= 232448, "shared memory of a block");
  static_assert(CONSUMER_WARPS * B::A * 4 <= B::STAGES * B::DS_BYTES && Tile::ROTARY_BYTES <= B::Q_BYTES);

  LatentMaps maps;
  LatentGradients gradients;
  float* gain_sums;  // [batch groups key_tiles A]

  __device__ static Tile tile_of(uint32_t shared) { return {shared + B::K_AT, shared + B::V_AT, {shared + STAGES_AT, shared + BARRIERS}}; }
  __device__ static void make_barriers(uint32_t shared) { tile_of(shared).make_barriers(); }

  __device__ void produce(const BackwardPlan&, const BackwardWork<B>& work, uint32_t shared) const {
    Tile tile = tile_of(shared);
    Tile::load_rotary(tile.rotary(), maps, shared + B::KEYS_FULL, work.first_key, work.sequence);
    tile.load_slices(maps, work.first_key, work.group, work.sequence);
    tile.wait_for_readers();
  }

  /// The rotary columns once more, in the place of the queries' tile that would come next.
  __device__ void produce_last(const BackwardWork<B>& work, uint32_t shared) const {
    const int stage = work.steps % B::STAGES, round = work.steps / B::STAGES;
    barrier_wait(shared + B::Q_EMPTY + stage * 8, (round & 1) ^ 1);
    Tile::load_rotary(shared + B::Q_AT + stage * B::Q_BYTES, maps, shared + B::Q_FULL + stage * 8, work.first_key, work.sequence);
  }

  __device__ void take(const BackwardPlan& plan, const BackwardWork<B>& work, uint32_t shared, int consumer) const {
    const bool parks = gain_vanishes();
    float rstd[2];
    const auto keep = [&](int row, int column, uint32_t pair) {
      if (parks && work.first_key + row < plan.length) *parked(plan, work, row, column) = pair;
    };
    tile_of(shared).make(maps.source, consumer, work.first_key, plan.length, shared + B::KEYS_FULL, 0, MEETING, rstd, keep);
    if (threadIdx.x % 4 == 0)
      for (int half = 0; half < 2; ++half) store_float(shared + RSTD_AT + (Tile::first_row(consumer) + 8 * half) * 4, rstd[half]);
  }

  __device__ void store(const BackwardPlan& plan, const BackwardWork<B>& work, uint32_t shared, int consumer, float (&dk)[B::A / 2], float (&dv)[U / 2]) const {
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP % 4, first_row = Tile::first_row(consumer), own = work.first_key + consumer * 64;
    const int64_t first = (int64_t(work.sequence) * plan.length + own) * plan.groups + work.group;
    store_warpgroup<U>(gradients.v + first * U, int64_t(plan.groups) * U, plan.length - own, dv, 1.f);

    const int stage = work.steps % B::STAGES;
    const uint32_t rotary_tile = shared + B::Q_AT + stage * B::Q_BYTES, sums = shared + B::DS_AT + (consumer * 4 + warp) * B::A * 4 + lane * 8;
    barrier_wait(shared + B::Q_FULL + stage * 8, work.steps / B::STAGES & 1);
    meet<CONSUMER_THREADS>(MEETING);  // no one reads K or dS any more
    normal_keys(plan, work, shared, first_row, rotary_tile);
    float along[2] = {0.f, 0.f};
#pragma unroll
    for (int half = 0; half < 2; ++half) {  // turned back
      const int64_t turn = Tile::turn_of(work.first_key + first_row + 8 * half, plan.length) + lane % 4 * 2;
#pragma unroll
      for (int j = 0; j < R / 16; ++j) {
        const int a = 4 * (N / 8 + j) + 2 * half, b = a + R / 4;
        const float2 cosine = two_of(maps.source.cosine + turn + 8 * j), sine = two_of(maps.source.sine + turn + 8 * j), x{dk[a], dk[a + 1]}, y{dk[b], dk[b + 1]};
        dk[a] = x.x * cosine.x + y.x * sine.x, dk[a + 1] = x.y * cosine.y + y.y * sine.y;
        dk[b] = y.x * cosine.x - x.x * sine.x, dk[b + 1] = y.y * cosine.y - x.y * sine.y;
      }
    }
#pragma unroll
    for (int j = 0; j < B::A / 8; ++j) {
      const float2 gain = two_of(maps.source.gain + 8 * j + lane % 4 * 2);
      float2 sum{0.f, 0.f};
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const uint32_t x = load_pair(Tile::pair_at(shared + B::K_AT, first_row + 8 * half, j));
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
        const uint32_t x = load_pair(Tile::pair_at(shared + B::K_AT, first_row + 8 * half, j));
        float &a = dk[4 * j + 2 * half], &b = dk[4 * j + 2 * half + 1];
        a = rstd * (a - low_half(x) * mean), b = rstd * (b - high_half(x) * mean);
      }
    }
    store_warpgroup<N>(gradients.plain + first * N, int64_t(plan.groups) * N, plan.length - own, dk, 1.f);
    store_warpgroup<R, N / 2>(gradients.rotary + first * R, int64_t(plan.groups) * R, plan.length - own, dk, 1.f);

    meet<CONSUMER_THREADS>(MEETING);  // all sums are there
    const int column = consumer * WARPGROUP + threadIdx.x % WARPGROUP;
    if (column >= B::A) return;
    float sum = 0.f;
    for (int part = 0; part < CONSUMER_WARPS; ++part) sum += load_float(shared + B::DS_AT + (part * B::A + column) * 4);
    const int64_t pair = int64_t(work.sequence) * plan.groups + work.group;
    gain_sums[(pair * plan.key_tiles + work.tile) * B::A + column] = plan.scale * sum;
  }

 private:
  /// Whether a plain column's gain is so small that K / gain says nothing of x. All warps come to the same answer.
  __device__ bool gain_vanishes() const {
    bool vanishes = false;
    for (int column = threadIdx.x % WARP; column < N; column += WARP) vanishes |= fabsf(maps.source.gain[column]) < 1e-30f;
    return __any_sync(0xffffffffu, vanishes);
  }
  __device__ uint32_t* parked(const BackwardPlan& plan, const BackwardWork<B>& work, int row, int column) const {
    const int64_t key = (int64_t(work.sequence) * plan.length + work.first_key + row) * plan.groups + work.group;
    return reinterpret_cast<uint32_t*>(gradients.plain + key * N + column);
  }

  /// x · rstd takes the place of K.
  __device__ void normal_keys(const BackwardPlan& plan, const BackwardWork<B>& work, uint32_t shared, int first_row, uint32_t rotary_tile) const {
    const bool parks = gain_vanishes();
    const float rstd[2] = {load_float(shared + RSTD_AT + first_row * 4), load_float(shared + RSTD_AT + (first_row + 8) * 4)};
#pragma unroll AT_ONCE
    for (int j = 0; j < N / 8; ++j) {
      const int column = 8 * j + threadIdx.x % 4 * 2;
      const float2 gain = two_of(maps.source.gain + column);
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = first_row + 8 * half;
        const uint32_t at = Tile::pair_at(shared + B::K_AT, row, j);
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
        const uint32_t x = load_pair(Tile::pair_at(rotary_tile, first_row + 8 * half, j));
        store_pair(Tile::pair_at(tile_of(shared).rotary(), first_row + 8 * half, j), pair_of(low_half(x) * rstd[half], high_half(x) * rstd[half]));
      }
  }
};

}  // namespace flash::warpgroups

/// Bytes of workspace that latent_attention_backward needs. compiler/emit/cuda/attention.ts adds up the same.
constexpr int64_t latent_attention_workspace(int64_t batch, int64_t length, int64_t heads, int64_t groups, int64_t width) {
  const int64_t queries = batch * heads * ceil_div(length, 64) * 64;
  return room(batch * groups * ceil_div(length, 128) * width, 4) + room(queries, sizeof(flash::Statistics)) + room(queries * width, 4) + room(queries / 32 + 1, 4);
}

/// Overwrites dq and `gradients`; the gain's gradient [N + R] is overwritten, or added to.
/// q [batch length heads N + R]; out, lse and dout as in attention_backward. N 64 or 128, R 64, U 64 or 128.
template <int N, int R, int U, bool CAUSAL>
cudaError_t latent_attention_backward(cudaStream_t stream, int64_t batch, int64_t length, int64_t heads, int64_t groups, float scale, const bf16* q,
                                      const LatentSource& source, const bf16* out, const float* lse, const bf16* dout, bf16* dq, const LatentGradients& gradients,
                                      float* d_gain, bool adds, char* workspace) {
  using namespace flash::warpgroups;
  constexpr int A = N + R;
  using B = Backward<A, U, CAUSAL>;
  if (batch * length * heads == 0) return cudaSuccess;
  const int64_t tiles = batch * groups * ceil_div(length, B::KEYS);
  Workspace space{workspace};
  LatentKeys<B, N> keys{{}, gradients, space.take<float>(tiles * A)};
  if (const cudaError_t error = make_latent_maps<N, R, U, B::KEYS>(&keys.maps, source, batch, length, groups)) return error;
  if (const cudaError_t error = launch_backward<B>(stream, batch, length, heads, groups, scale, q, keys, out, lse, dout, dq, space)) return error;
  sum_of_blocks<<<ceil_div(A, WARP), SUM_THREADS, 0, stream>>>(keys.gain_sums, int(tiles), A, A, d_gain, adds);
  return cudaGetLastError();
}

}  // namespace mlac
