// Newton-Schulz steps towards the nearest orthogonal matrix, for a batch of matrices of one size, in bf16 with float32 sums.
//
// A step is x ← (3.4445 − 4.7750·a + 2.0315·a·a)·x with a = x·xᵀ, where x has the short side of the matrix as its rows. It is computed as
//   a' = x·xᵀ − h          symmetric, short side x short side
//   p  = 2.0315·a'·a' + c  symmetric, short side x short side
//   x' = p·x               as x
// with h and c on the diagonal, which is the same polynomial: no epilogue has to read anything. A tall matrix is not transposed for this: what is
// stored is xᵀ, and p, which is symmetric, multiplies it from the right. The first step also divides by the norm: x comes in as it is, and
// x·xᵀ and x' are multiplied by factor² and factor.
#pragma once

#include <utility>

#include "contract.cuh"

namespace mlac {

/// How the symmetric products are computed.
enum class NewtonSchulz {
  plain,      ///< in full
  symmetric,  ///< one half, and stored to both
};

/// Which way the matrices lie. A square one is wide.
enum class Shape {
  wide,  ///< rows <= columns
  tall,
};

/// Where the steps of `count` matrices work. Sides are multiples of 8; matrices that are not are padded with zeros, which stay zero.
struct NewtonSchulzBatch {
  int64_t rows, columns, count;
  bf16 *x, *spare;      // [count, rows, columns] each
  bf16 *a, *p;          // [count, s, s] each, s the short side
  const float* factor;  // [count]
};

namespace detail {

constexpr float QUINTIC = 2.0315f;
constexpr float MIDDLE = 4.7750f / (2 * QUINTIC);            // h
constexpr float REST = 3.4445f - QUINTIC * MIDDLE * MIDDLE;  // c

// to = scale·factor²·sums, and `diagonal` more on the diagonal. A symmetric product stores a run on the other side of it in the same way.
struct StoreSquare {
  bf16* to;
  int64_t side;
  const float* factor;
  float scale, diagonal;

  __device__ void operator()(int group, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count <= 0) return;
    const float f = factor ? factor[group] : 1.f, all = scale * f * f;
    const int place = int(m - n);
    Run x;
#pragma unroll
    for (int j = 0; j < RUN; ++j) x[j] = all * sums[0][j] + (j == place ? diagonal : 0.f);
    store_aligned(to + (group * side + m) * side + n, x);
  }
  __device__ void mirror(int group, int64_t m, int64_t n, int count, const Run (&sums)[1]) const { (*this)(group, m, n, count, sums); }
};

// next = factor·sums
struct StoreStep {
  bf16* next;
  int64_t rows, columns;
  const float* factor;

  __device__ void operator()(int group, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count <= 0) return;
    const float f = factor ? factor[group] : 1.f;
    Run x;
#pragma unroll
    for (int j = 0; j < RUN; ++j) x[j] = f * sums[0][j];
    store_aligned(next + (group * rows + m) * columns + n, x);
  }
};

// An epilogue gets the sums of left·right for each of `groups` matrices, [m, n]; k is the length of the sums.
template <Major LEFT, Major RIGHT, bool SYMMETRIC, typename Epilogue>
cudaError_t batched_product(cudaStream_t stream, int64_t groups, int64_t m, int64_t n, int64_t k, const Operand& left, const Operand& right, const Epilogue& epilogue) {
  using Form = Contraction<Kind::batched, LEFT, RIGHT, 1, 1, true, false, false, SYMMETRIC>;
  const Product<1> products[1] = {{k, left, {right}}};
  const Extent extent{int(groups), m, n, nullptr};
#ifdef MLAC_HOPPER
  // Clusters take two rows of tiles, and more of what lies below the diagonal for nothing: in small matrices that costs more than they save.
  if constexpr (SYMMETRIC)
    if (m < 1024) return hopper::launch<Form, hopper::Shape<128, true, false>>(stream, extent, products, epilogue);
#endif
  return contract<Form>(stream, extent, products, epilogue);
}

}  // namespace detail

/// Takes `steps` steps on batch.x; `result` is where they end: batch.x or batch.spare. Returns what the launches returned.
template <NewtonSchulz HOW, Shape SHAPE>
cudaError_t newton_schulz(cudaStream_t stream, const NewtonSchulzBatch& batch, int steps, const bf16** result) {
  using namespace detail;
  constexpr bool WIDE = SHAPE == Shape::wide, HALF = HOW == NewtonSchulz::symmetric;
  constexpr Major LONG = WIDE ? Major::k : Major::own;  // a sums over x's long side
  const int64_t rows = batch.rows, columns = batch.columns, count = batch.count;
  const int64_t s = WIDE ? rows : columns, l = WIDE ? columns : rows;
  const Operand a{batch.a, s, s, s * s}, p{batch.p, s, s, s * s};
  bf16 *x = batch.x, *next = batch.spare;
  for (int step = 0; step < steps; ++step) {
    const float* factor = step == 0 ? batch.factor : nullptr;
    const Operand now{x, rows, columns, rows * columns};
    const StoreStep store_step{next, rows, columns, factor};
    cudaError_t status = batched_product<LONG, LONG, HALF>(stream, count, s, s, l, now, now, StoreSquare{batch.a, s, factor, 1.f, -MIDDLE});
    if (status == cudaSuccess) status = batched_product<Major::k, Major::k, HALF>(stream, count, s, s, s, a, a, StoreSquare{batch.p, s, nullptr, QUINTIC, REST});
    if (status != cudaSuccess) return status;
    if constexpr (WIDE) status = batched_product<Major::k, Major::own, false>(stream, count, s, l, s, p, now, store_step);
    else status = batched_product<Major::k, Major::k, false>(stream, count, l, s, s, now, p, store_step);
    if (status != cudaSuccess) return status;
    std::swap(x, next);
  }
  *result = x;
  return cudaSuccess;
}

}  // namespace mlac
