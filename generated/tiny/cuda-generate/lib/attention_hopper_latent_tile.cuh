// Attention on Hopper: a block makes a tile of keys and values from a latent (multi-head latent attention: DeepSeek-V2, arXiv:2405.04434), so
// that neither ever lies in memory. For each group of heads, with N + R columns of a key and U of a value:
//
//   x = [latent · k_weight, rotary]     rotary: R columns, the same for all groups
//   k = turn(x · rstd · gain)           rstd = 1 / sqrt(mean(x²) + eps); turn: rotary position embedding of the last R columns
//   v = latent · v_weight
//
//   slices of 64 of the latent's columns and of both weights' rows │ x and v in registers │ norm, turn │ K and V to shared memory
#pragma once

#include "attention_hopper.cuh"

namespace mlac {

/// What keys and values come from. Shapes: latent [batch length C], k_weight [C groups N], v_weight [C groups U], rotary [batch length R];
/// gain [N + R]; cosine, sine [length R / 2].
struct LatentSource {
  const bf16 *latent, *k_weight, *v_weight, *rotary;
  const float *gain, *cosine, *sine;
  int rank;  // C, a multiple of 64
  float eps;
};

namespace flash::warpgroups {

__device__ inline uint32_t load_pair(uint32_t at) {
  uint32_t x;
  asm volatile("ld.shared.u32 %0, [%1];" : "=r"(x) : "r"(at));
  return x;
}
__device__ inline void store_pair(uint32_t at, uint32_t x) { asm volatile("st.shared.u32 [%0], %1;" ::"r"(at), "r"(x) : "memory"); }
__device__ inline float2 two_of(const float* x) { return *reinterpret_cast<const float2*>(x); }

/// The source as TMA reads it, and the rest of it: a part of a kernel's arguments.
struct LatentMaps {
  CUtensorMap latent, rotary, k_weight, v_weight;
  LatentSource source;
};

constexpr int LATENT_SLICE = 64;  // columns of the latent

template <int N, int R, int U, int KEYS>
cudaError_t make_latent_maps(LatentMaps* maps, const LatentSource& source, int64_t batch, int64_t length, int64_t groups) {
  maps->source = source;
  if (const cudaError_t error = make_heads_map(&maps->latent, source.latent, batch, length, 1, source.rank, KEYS)) return error;
  if (const cudaError_t error = make_heads_map(&maps->rotary, source.rotary, batch, length, 1, R, KEYS)) return error;
  if (const cudaError_t error = make_heads_map(&maps->k_weight, source.k_weight, 1, source.rank, groups, N, LATENT_SLICE)) return error;
  return make_heads_map(&maps->v_weight, source.v_weight, 1, source.rank, groups, U, LATENT_SLICE);
}

/// Bytes of one slice, of the latent and of both weights, or of one of them.
template <int N, int U, int KEYS, bool BOTH>
constexpr int LATENT_SLICE_BYTES = slab_bytes(KEYS) + (BOTH ? N + U : N > U ? N : U) / 64 * slab_bytes(LATENT_SLICE);

/// One thread's view of a block's tile of KEYS keys and their values, and of the ring of slices that they are made from. Two consumers make 64
/// keys each. BOTH: x and v in one go through the latent; it takes (N + U) / 2 registers of a thread at once.
template <int N, int R, int U, int KEYS, int STAGES, bool BOTH>
struct LatentTile {
  static constexpr int SLICE = LATENT_SLICE, K_WEIGHT_AT = slab_bytes(KEYS), V_WEIGHT_AT = K_WEIGHT_AT + (BOTH ? N / 64 * slab_bytes(SLICE) : 0);
  static constexpr int CONSUMER_THREADS = 2 * WARPGROUP, ROTARY_BYTES = slab_bytes(KEYS), AT_ONCE = 2;  // eights of columns, in loops that run once
  static_assert(R == 64 && N % 64 == 0, "the rotary columns are a slab of their own");
  using Ring = TileRing<LATENT_SLICE_BYTES<N, U, KEYS, BOTH>, STAGES>;

  uint32_t k, v;  // where they will lie
  Ring slices;

  __device__ void make_barriers() const {
    for (int stage = 0; stage < STAGES; ++stage) {
      barrier_init(slices.full + stage * 8, 1);
      barrier_init(slices.empty + stage * 8, CONSUMER_THREADS / WARP);
    }
  }
  __device__ uint32_t rotary() const { return k + N / 64 * slab_bytes(KEYS); }

  /// Begins to load the rotary columns, to where they will be turned; `full` hears of them.
  __device__ static void load_rotary(uint32_t to, const LatentMaps& maps, uint32_t full, int first_key, int sequence) {
    barrier_arrive_expect(full, ROTARY_BYTES);
    load_slab(to, &maps.rotary, full, 0, first_key, 0, sequence);
  }
  __device__ void load_slices(const LatentMaps& maps, int first_key, int group, int sequence) {
    load_slices(maps, first_key, group, sequence, true, BOTH);
    if (!BOTH) load_slices(maps, first_key, group, sequence, false, true);
  }
  /// Until all slices have been read.
  __device__ void wait_for_readers() const {
    for (Ring ring = slices; ring.count < slices.count + STAGES; ++ring.count) barrier_wait(ring.empty + ring.stage() * 8, (ring.count / STAGES & 1) ^ 1);
  }

  /// The lane's first row of the tile, the other is eight on. Hidden from the compiler, which would else hold all addresses that it computes of it
  /// in registers, round a loop over tiles.
  __device__ static int own_row(int consumer) {
    int row = first_row(consumer);
    asm volatile("" : "+r"(row));
    return row;
  }
  /// The same, and where its pair of columns 8 j … of a row lies in a tile.
  __device__ static int first_row(int consumer) { return consumer * 64 + threadIdx.x / WARP % 4 * 16 + threadIdx.x % WARP / 4; }
  __device__ static uint32_t pair_at(uint32_t tile, int row, int j) {
    return tile + j / 8 * slab_bytes(KEYS) + row * 128 + ((j % 8) ^ (row % 8)) * 16 + threadIdx.x % 4 * 4;
  }
  /// A token's place in the tables of cosines and sines. Beyond the sequence all is zeros: any place will do.
  __device__ static int64_t turn_of(int token, int length) { return int64_t(min(token, length - 1)) * (R / 2); }

  /// Sums that begin at zero. Without, what a former tile left in them would be held until then.
  template <int COUNT>
  __device__ static void clear(float (&sums)[COUNT]) {
#pragma unroll
    for (int i = 0; i < COUNT; ++i) sums[i] = 0.f;
    hopper::pin(sums);
  }

  /// A consumer makes its 64 keys and values, and waits until the other has. `rotary_full`, `parity`: when the rotary columns are there.
  /// keep(row, column, pair) hears of x's plain columns. rstd: of the lane's two rows.
  template <typename Keep>
  __device__ void make(const LatentSource& source, int consumer, int first_key, int length, uint32_t rotary_full, int parity, int meeting, float (&rstd)[2],
                       const Keep& keep) {
    const int own = own_row(consumer);
    float squares[2];
    expand(source.rank / SLICE, consumer, squares);
    barrier_wait(rotary_full, parity);
    // From here on a thread reads what it has written itself. The loops are hardly unrolled: this runs once, and what it would push out of
    // the instruction cache runs for each tile of queries.
#pragma unroll AT_ONCE
    for (int j = 0; j < R / 8; ++j)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const uint32_t pair = load_pair(pair_at(rotary(), own + 8 * half, j));
        squares[half] += low_half(pair) * low_half(pair) + high_half(pair) * high_half(pair);
      }
#pragma unroll
    for (int half = 0; half < 2; ++half) rstd[half] = 1.f / sqrtf(sum_of_lanes<4>(squares[half]) / float(N + R) + source.eps);
#pragma unroll AT_ONCE
    for (int j = 0; j < N / 8; ++j) {
      const int column = 8 * j + threadIdx.x % 4 * 2;
      const float2 gain = two_of(source.gain + column);
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const uint32_t at = pair_at(k, own + 8 * half, j), pair = load_pair(at);
        keep(own + 8 * half, column, pair);
        store_pair(at, pair_of(low_half(pair) * rstd[half] * gain.x, high_half(pair) * rstd[half] * gain.y));
      }
    }
    const int64_t turns[2] = {turn_of(first_key + own, length), turn_of(first_key + own + 8, length)};
#pragma unroll AT_ONCE
    for (int j = 0; j < R / 16; ++j) {
      const int column = 8 * j + threadIdx.x % 4 * 2;
      const float2 gain_a = two_of(source.gain + N + column), gain_b = two_of(source.gain + N + R / 2 + column);
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const float2 cosine = two_of(source.cosine + turns[half] + column), sine = two_of(source.sine + turns[half] + column);
        const uint32_t at_a = pair_at(rotary(), own + 8 * half, j), at_b = pair_at(rotary(), own + 8 * half, j + R / 16), a = load_pair(at_a), b = load_pair(at_b);
        const float2 x{low_half(a) * rstd[half] * gain_a.x, high_half(a) * rstd[half] * gain_a.y};
        const float2 y{low_half(b) * rstd[half] * gain_b.x, high_half(b) * rstd[half] * gain_b.y};
        store_pair(at_a, pair_of(x.x * cosine.x - y.x * sine.x, x.y * cosine.y - y.y * sine.y));
        store_pair(at_b, pair_of(y.x * cosine.x + x.x * sine.x, y.y * cosine.y + x.y * sine.y));
      }
    }
    fence_for_async_proxy();
    meet<CONSUMER_THREADS>(meeting);
  }

 private:
  __device__ void load_slices(const LatentMaps& maps, int first_key, int group, int sequence, bool of_k, bool of_v) {
    for (int column = 0; column < maps.source.rank; column += SLICE, ++slices.count) {
      const uint32_t to = slices.tile(), full = slices.wait_empty(K_WEIGHT_AT + (of_k * N + of_v * U) / 64 * slab_bytes(SLICE));
      load_slab(to, &maps.latent, full, column, first_key, 0, sequence);
      if (of_k) load_tile<N, SLICE>(to + K_WEIGHT_AT, &maps.k_weight, full, column, group, 0);
      if (of_v) load_tile<U, SLICE>(to + V_WEIGHT_AT, &maps.v_weight, full, column, group, 0);
    }
  }

  /// Begins sums += a slice of the latent's rows times one of a weight, which lies `at` in the slice.
  template <int WIDTH>
  __device__ void multiply_slice(float (&sums)[WIDTH / 2], int consumer, int at) const {
    const uint64_t left = matrix_descriptor(true, 0) + descriptor_address(slices.tile() + consumer * 64 * 128);
    const uint64_t right = matrix_descriptor(false, slab_bytes(SLICE)) + descriptor_address(slices.tile() + at);
#pragma unroll
    for (int step = 0; step < SLICE / 16; ++step)
      hopper::multiply<WIDTH, 0, 1>(sums, left + step * descriptor_step(true), right + step * descriptor_step(false), 1);
  }
  /// sums += the latent's rows times a weight.
  template <int WIDTH>
  __device__ void multiply_slices(float (&sums)[WIDTH / 2], int count, int consumer, int at) {
#pragma unroll 1
    for (int slice = 0; slice < count; ++slice) {
      slices.wait_full();
      products_begin();
      multiply_slice<WIDTH>(sums, consumer, at);
      products_commit();
      products_wait<0>();
      hopper::pin(sums);
      slices.release();
    }
  }
  /// A lane's sums as pairs in a tile.
  template <int WIDTH>
  __device__ static void store_tile(uint32_t tile, int own, const float (&sums)[WIDTH / 2]) {
#pragma unroll
    for (int half = 0; half < 2; ++half)
#pragma unroll
      for (int j = 0; j < WIDTH / 8; ++j) store_pair(pair_at(tile, own + 8 * half, j), pair_of(sums[4 * j + 2 * half], sums[4 * j + 2 * half + 1]));
  }

  /// The plain columns of x to where K will be, and V; `squares`: the sums of the lane's columns of its two rows.
  __device__ void expand(int count, int consumer, float (&squares)[2]) {
    const int own = own_row(consumer);
    float x[N / 2];
    clear(x);
    if constexpr (BOTH) {
      float values[U / 2];
      clear(values);
#pragma unroll 1
      for (int slice = 0; slice < count; ++slice) {
        slices.wait_full();
        products_begin();
        multiply_slice<N>(x, consumer, K_WEIGHT_AT);
        multiply_slice<U>(values, consumer, V_WEIGHT_AT);
        products_commit();
        products_wait<0>();
        hopper::pin(x);
        hopper::pin(values);
        slices.release();
      }
      store_tile<U>(v, own, values);
    } else {
      multiply_slices<N>(x, count, consumer, K_WEIGHT_AT);
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      squares[half] = 0.f;
#pragma unroll
      for (int j = 0; j < N / 8; ++j) {  // rounded, as where a product of its own makes them
        const uint32_t pair = pair_of(x[4 * j + 2 * half], x[4 * j + 2 * half + 1]);
        squares[half] += low_half(pair) * low_half(pair) + high_half(pair) * high_half(pair);
      }
    }
    store_tile<N>(k, own, x);
    if constexpr (!BOTH) {
      float values[U / 2];
      clear(values);
      multiply_slices<U>(values, count, consumer, V_WEIGHT_AT);
      store_tile<U>(v, own, values);
    }
  }
};

}  // namespace flash::warpgroups
}  // namespace mlac
