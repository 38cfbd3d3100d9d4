// Products with few rows: what a launch is told, whichever family computes it. contract_few.cuh has the picture.
#pragma once

#include "contract.cuh"
#include "overlap.cuh"

namespace mlac {
namespace few {

constexpr int SPAN = 64, TILE = 8;  // columns of a block; rows of a tile
constexpr int STRIDE = SPAN + 4;    // floats from a row of sums in shared memory to the next

/// The left operand as it is stored.
struct Plain {
  static constexpr bool NORMED = false;
};

/// The left operand is normalised while it is read: A[m, k] = x[m, k] · gain[k] / sqrt(mean over k of x[m, k]² + eps). The products see
/// x · gain, rounded to bf16; the factor is a row's own and is put to its sums. gain [k], which no kernel of the stream writes.
struct Normed {
  static constexpr bool NORMED = true;
  const float* gain;
  float eps;
};

/// How a launch stands to its neighbours in the stream, from which more can be done ahead of time.
struct Order {
  bool offsets_are_old = false;  // the kernel ahead does not write the offsets, and says next_asks_early: experts' weights are asked for before it has ended
  bool next_asks_early = false;  // the next kernel reads what kernels before this one have written before this one has ended
};

/// A right operand of several that stand side by side and share the left one, and what becomes of its sums. `n` is counted from its own first column.
template <typename Epilogue>
struct Columns {
  Operand b;
  int64_t n;
  Epilogue epilogue;
};

/// The epilogues of right operands that stand side by side.
template <typename First, typename... Others>
struct Sides {
  static constexpr int COUNT = 1 + sizeof...(Others);
  First first;
  Sides<Others...> others;
  template <int SUMS>
  __device__ void operator()(int side, int group, int64_t m, int64_t n, int count, const Run (&sums)[SUMS]) const {
    if (side == 0) first(group, m, n, count, sums);
    else others(side - 1, group, m, n, count, sums);
  }
};
template <typename Only>
struct Sides<Only> {
  static constexpr int COUNT = 1;
  Only only;
  template <int SUMS>
  __device__ void operator()(int, int group, int64_t m, int64_t n, int count, const Run (&sums)[SUMS]) const {
    only(group, m, n, count, sums);
  }
};
template <typename Only>
Sides<Only> sides_of(const Only& only) {
  return {only};
}
template <typename First, typename Second, typename... Others>
Sides<First, Second, Others...> sides_of(const First& first, const Second& second, const Others&... others) {
  return {first, sides_of(second, others...)};
}

/// A matrix of one group: rows `stride` elements apart, groups `group_stride`. index, divisor: as Operand's.
struct Matrix {
  const bf16* data;
  int64_t stride, group_stride;
  const int32_t* index;
  int divisor;
  Matrix() = default;
  Matrix(const bf16* data, int64_t stride, int64_t group_stride) : data(data), stride(stride), group_stride(group_stride), index(nullptr), divisor(1) {}
  explicit Matrix(const Operand& x) : data(x.data), stride(x.columns), group_stride(x.group_stride), index(x.index), divisor(x.divisor) {}
};

/// C: a Contraction. Each of the products has an A, and for each side as many Bs as there are sums.
template <typename C, typename Norm, typename Epilogues>
struct Job {
  static constexpr int SIDES = Epilogues::COUNT;
  static_assert(C::ALIGNED && C::A == Major::k && !C::GATHER_B && !C::SYMMETRIC && C::KIND != Kind::ragged_k && C::SUMS <= 2, "these are no products of few rows");
  static_assert((SIDES == 1 && !Norm::NORMED) || C::PRODUCTS == 1, "several products add up as they are");
  int k[C::PRODUCTS];
  Matrix a[C::PRODUCTS], b[C::PRODUCTS][SIDES][C::SUMS];
  int groups, m;
  int n[SIDES], first_block[SIDES + 1];  // columns of each side; its blocks of SPAN columns begin at first_block
  const int32_t* offsets;
  Order order;
  Norm norm;
  Epilogues epilogues;

  /// Once every n is known.
  void count_blocks() {
    first_block[0] = 0;
    for (int i = 0; i < SIDES; ++i) first_block[i + 1] = first_block[i] + int(ceil_div(n[i], SPAN));
  }
  int column_blocks() const { return first_block[SIDES]; }
};

/// What a block computes: columns from n on of one side of one group.
struct Place {
  int group, side, n;
  template <typename Job>
  __device__ Place(const Job& job, int place) {
    int block = place % job.first_block[Job::SIDES];
    group = place / job.first_block[Job::SIDES], side = 0;
#pragma unroll
    for (int i = 1; i < Job::SIDES; ++i) side += block >= job.first_block[i];
    if constexpr (Job::SIDES > 1)
#pragma unroll
      for (int i = 1; i < Job::SIDES; ++i)
        if (side == i) block -= job.first_block[i];
    n = block * SPAN;
  }
};

/// The touched-th group that has rows, or -1. All lanes of a warp call it.
__device__ inline int touched_group(const int32_t* offsets, int groups, int touched) {
  const int lane = threadIdx.x % WARP;
#pragma unroll 1
  for (int base = 0; base < groups; base += WARP) {
    const int e = base + lane;
    unsigned has = __ballot_sync(0xffffffffu, e < groups && offsets[min(e + 1, groups)] > offsets[min(e, groups)]);
    const int count = __popc(has);
    if (touched < count) {
#pragma unroll 1
      while (touched-- > 0) has &= has - 1;
      return base + __ffs(int(has)) - 1;
    }
    touched -= count;
  }
  return -1;
}

/// Eight numbers times their gains, and the sum of their squares added to `squares`.
__device__ inline uint4 with_gain(const uint4& x, const Run& gain, float& squares) {
  const uint32_t words[4] = {x.x, x.y, x.z, x.w};
  uint32_t out[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float low = low_half(words[i]), high = high_half(words[i]);
    squares = fmaf(low, low, squares);
    squares = fmaf(high, high, squares);
    out[i] = pair_of(low * gain[2 * i], high * gain[2 * i + 1]);
  }
  return make_uint4(out[0], out[1], out[2], out[3]);
}

}  // namespace few
}  // namespace mlac
