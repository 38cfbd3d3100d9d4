// Newton-Schulz steps towards the nearest orthogonal matrix, for a batch of matrices of one size, in bf16 with float32 sums.
//
// A step is x ← 3.4445·x + p·x with p = −4.7750·a + 2.0315·a·a and a = x·xᵀ, where x has the short side of the matrix as its rows. A
// tall matrix is not transposed for this: what is stored is xᵀ, and p, which is symmetric, multiplies it from the right. So a step is
// three batched products, each with its additions in the epilogue:
//   a  = x·xᵀ              symmetric, short side x short side
//   p  = a·a, and a        symmetric, short side x short side
//   x' = p·x, and x        as x
// The first step also divides by the norm: x comes in as it is, and a and x' are multiplied by factor² and factor.
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

// Epilogues. Symmetric products store a run on the other side of the diagonal as they do on this one. What an epilogue reads it can fetch
// ahead, as eight bf16 in four registers.
__device__ inline uint4 fetch_eight(const bf16* from, int count) { return count > 0 ? *reinterpret_cast<const uint4*>(from) : make_uint4(0, 0, 0, 0); }
__device__ inline Run run_of(const uint4& raw) {
  return {{low_half(raw.x), high_half(raw.x), low_half(raw.y), high_half(raw.y), low_half(raw.z), high_half(raw.z), low_half(raw.w), high_half(raw.w)}};
}

// a = factor²·sums
struct StoreGram {
  bf16* a;
  int64_t side;
  const float* factor;

  __device__ void operator()(int group, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count <= 0) return;
    Run x = sums[0];
    if (factor) {
      const float f = factor[group];
#pragma unroll
      for (int j = 0; j < RUN; ++j) x[j] *= f * f;
    }
    store_aligned(a + (group * side + m) * side + n, x);
  }
  __device__ void mirror(int group, int64_t m, int64_t n, int count, const Run (&sums)[1]) const { (*this)(group, m, n, count, sums); }
};

// p = −4.7750·a + 2.0315·sums
struct StorePolynomial {
  const bf16* a;
  bf16* p;
  int64_t side;

  __device__ uint4 fetch(int group, int64_t m, int64_t n, int count) const { return fetch_eight(a + (group * side + m) * side + n, count); }
  __device__ void operator()(int group, int64_t m, int64_t n, int count, const Run (&sums)[1], const uint4& fetched) const {
    if (count <= 0) return;
    Run x = run_of(fetched);
#pragma unroll
    for (int j = 0; j < RUN; ++j) x[j] = 2.0315f * sums[0][j] - 4.7750f * x[j];
    store_aligned(p + (group * side + m) * side + n, x);
  }
  __device__ void operator()(int group, int64_t m, int64_t n, int count, const Run (&sums)[1]) const { (*this)(group, m, n, count, sums, fetch(group, m, n, count)); }
  __device__ void mirror(int group, int64_t m, int64_t n, int count, const Run (&sums)[1]) const { (*this)(group, m, n, count, sums); }
};

// next = factor·(3.4445·x + sums)
struct StoreStep {
  const bf16* x;
  bf16* next;
  int64_t rows, columns;
  const float* factor;

  __device__ uint4 fetch(int group, int64_t m, int64_t n, int count) const { return fetch_eight(x + (group * rows + m) * columns + n, count); }
  __device__ void operator()(int group, int64_t m, int64_t n, int count, const Run (&sums)[1], const uint4& fetched) const {
    if (count <= 0) return;
    const float f = factor ? factor[group] : 1.f;
    Run y = run_of(fetched);
#pragma unroll
    for (int j = 0; j < RUN; ++j) y[j] = (3.4445f * y[j] + sums[0][j]) * f;
    store_aligned(next + (group * rows + m) * columns + n, y);
  }
  __device__ void operator()(int group, int64_t m, int64_t n, int count, const Run (&sums)[1]) const { (*this)(group, m, n, count, sums, fetch(group, m, n, count)); }
};

// An epilogue gets the sums of left·right for each of `groups` matrices, [m, n]; k is the length of the sums.
template <Major LEFT, Major RIGHT, bool SYMMETRIC, typename Epilogue>
cudaError_t batched_product(cudaStream_t stream, int64_t groups, int64_t m, int64_t n, int64_t k, const Operand& left, const Operand& right, const Epilogue& epilogue) {
  using Form = Contraction<Kind::batched, LEFT, RIGHT, 1, 1, true, false, false, SYMMETRIC>;
  const Product<1> products[1] = {{k, left, {right}}};
  return contract<Form>(stream, Extent{int(groups), m, n, nullptr}, products, epilogue);
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
    const StoreStep store_step{x, next, rows, columns, factor};
    cudaError_t status = batched_product<LONG, LONG, HALF>(stream, count, s, s, l, now, now, StoreGram{batch.a, s, factor});
    if (status == cudaSuccess) status = batched_product<Major::k, Major::k, HALF>(stream, count, s, s, s, a, a, StorePolynomial{batch.a, batch.p, s});
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
