// Newton-Schulz steps towards the nearest orthogonal matrix, for a batch of matrices of one size.
//
// A step is x ← p·x with p = 3.4445·1 − 4.7750·a + 2.0315·a·a and a = x·xᵀ, where x has the short side of the matrix as its rows. A
// tall matrix is not transposed for this: what is stored is xᵀ, and p, which is symmetric, multiplies it from the right.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "contraction.h"
#include "real.h"
#include "scratch.h"
#include "vector.h"

namespace mlac {

/// How the steps are computed: to the same result but for rounding.
enum class NewtonSchulz {
  plain,      ///< every product in full
  symmetric,  ///< only one half of a and of a·a is computed
  gram,       ///< the steps act on a and collect the product of the p's, both of the short side's size; x is touched every third step
};

namespace detail {

// With `gram`, a and x drift apart by rounding, and each step makes that some ten times larger. After three steps a is therefore
// computed anew from x; in float the result is then as accurate as that of `plain`, on singular matrices too.
constexpr int GRAM_STRETCH = 3;

// `to` becomes the transpose of `from`, both LANES x LANES inside matrices with rows of `stride` reals.
inline void transpose_tile(const real* from, real* to, int64_t stride) {
  Vector tile[LANES];
#pragma GCC unroll 16
  for (int i = 0; i < LANES; i++) tile[i] = load(from + i * stride);
  transpose(tile);
#pragma GCC unroll 16
  for (int i = 0; i < LANES; i++) store(to + i * stride, tile[i]);
}

class NewtonSchulzBatch {
 public:
  NewtonSchulzBatch(int64_t rows, int64_t columns, int64_t count, NewtonSchulz how)
      : count(count), s(std::min(rows, columns)), l(std::max(rows, columns)), wide(rows <= columns), how(how) {
    // About a square matrix, steps on a cost as much as steps on x.
    if (how == NewtonSchulz::gram && 4 * l < 5 * s) this->how = NewtonSchulz::symmetric;
  }

  /// Reals of workspace for each matrix. x takes its first part, [count, rows, columns] in all.
  int64_t workspace_each() const { return 2 * area() + 2 * s * s; }

  /// Takes the steps on the x at the beginning of the workspace and returns where the result is, in the same layout.
  real* run(int steps, real* workspace) const {
    real *x = workspace, *spare = x + count * area(), *a = spare + count * area(), *p = a + count * s * s;
    const int stretch = how == NewtonSchulz::gram ? GRAM_STRETCH : 1;
    for (int step = 0; step < steps; step += stretch) {
      gram(x, a);
      apply(factor(std::min(stretch, steps - step), a, p, spare), x, spare);
      std::swap(x, spare);
    }
    return x;
  }

 private:
  int64_t count, s, l;  // the short side and the long one
  bool wide;
  NewtonSchulz how;

  // What x takes, or two matrices of a's size in its place.
  int64_t area() const { return std::max(s * l, 2 * s * s); }

  template <Along along>
  static auto matrices(const real* data, int64_t size, int64_t stride) {
    return operand<along>([=](int64_t group, int64_t, int64_t) {
      return [at = data + group * size, stride](int64_t row, int64_t column) {
        return along == Along::columns ? at[row * stride + column] : at[column * stride + row];
      };
    });
  }
  auto squares(const real* data) const { return matrices<Along::columns>(data, s * s, s); }

  // c = finish(row, column, place, sum) of each sum of left·right, which is symmetric.
  template <class Left, class Right, class Finish>
  void square(int64_t k, Left left, Right right, real* c, Finish finish) const {
    const auto epilogue = [=, s = s](int64_t group, int64_t m, int64_t n, int64_t columns, const real* sum) {
      const int64_t at = (group * s + m) * s + n;
#pragma omp simd
      for (int64_t j = 0; j < columns; j++) c[at + j] = finish(m, n + j, at + j, sum[j]);
    };
    const Grid grid{count, s, s, nullptr, how == NewtonSchulz::plain ? Grid::dense : Grid::symmetric};
    contract<1>(grid, epilogue, product<0>(k, left, right));
    if (how != NewtonSchulz::plain) mirror(c);
  }

  // The upper halves become what the lower ones are.
  void mirror(real* c) const {
    const int64_t strips = (s + LANES - 1) / LANES;
    parallel_for(count * strips, [=, s = s](int64_t task) {
      real* matrix = c + task / strips * s * s;
      const int64_t first = task % strips * LANES, end = std::min<int64_t>(first + LANES, s);
      const int64_t tiled = end - first == LANES ? first : 0;  // columns left of the diagonal that come in full tiles
      for (int64_t column = 0; column < tiled; column += LANES) transpose_tile(matrix + first * s + column, matrix + column * s + first, s);
      for (int64_t row = first; row < end; row++) {
        for (int64_t column = tiled; column < row; column++) matrix[column * s + row] = matrix[row * s + column];
      }
    });
  }

  // a = x·xᵀ
  void gram(const real* x, real* a) const {
    const auto sum = [](int64_t, int64_t, int64_t, real sum) { return sum; };
    if (wide) {
      square(l, matrices<Along::columns>(x, s * l, l), matrices<Along::rows>(x, s * l, l), a, sum);
    } else {
      square(l, matrices<Along::rows>(x, s * l, s), matrices<Along::columns>(x, s * l, s), a, sum);
    }
  }

  // p = 3.4445·1 − 4.7750·a + 2.0315·a·a
  void polynomial(const real* a, real* p) const {
    square(s, squares(a), squares(a), p, [=](int64_t row, int64_t column, int64_t at, real sum) {
      return (row == column ? real(3.4445) : real(0)) - real(4.7750) * a[at] + real(2.0315) * sum;
    });
  }

  // c = a·b for two polynomials of one matrix
  void multiply(const real* a, const real* b, real* c) const {
    square(s, squares(a), squares(b), c, [](int64_t, int64_t, int64_t, real sum) { return sum; });
  }

  // to = p·x
  void apply(const real* p, const real* x, real* to) const {
    const int64_t rows = wide ? s : l, columns = wide ? l : s;
    const auto epilogue = [=](int64_t group, int64_t m, int64_t n, int64_t size, const real* sum) {
      std::copy_n(sum, size, to + (group * rows + m) * columns + n);
    };
    const auto right = matrices<Along::columns>(x, s * l, columns);
    const Grid grid{count, rows, columns};
    if (wide) {
      contract<1>(grid, epilogue, product<0>(s, squares(p), right));
    } else {
      contract<1>(grid, epilogue, product<0>(s, right, squares(p)));
    }
  }

  // The product of the p's of `steps` steps that start from a. It lies in a or p, which are lost, as is what `spare` holds.
  const real* factor(int steps, real* a, real* p, real* spare) const {
    real *product = steps == 1 ? p : spare, *other = spare + count * s * s;
    polynomial(a, product);
    for (int step = 1; step < steps; step++) {
      // x ← p·x makes a ← p·a·p.
      const real* last = step == 1 ? product : p;
      multiply(last, a, other);
      multiply(other, last, a);
      polynomial(a, p);
      if (step == steps - 1) {
        multiply(p, product, a);
        product = a;
      } else {
        multiply(p, product, other);
        std::swap(product, other);
      }
    }
    return product;
  }
};

}  // namespace detail

}  // namespace mlac
