/*
 * Matrix products with an epilogue: C[m, n] = sum over k of A[m, k] · B[k, n], dense, batched, or one per expert. bf16 operands,
 * float32 sums; what happens to a finished sum is a functor of the emitted kernel.
 *
 * Two families compute it: `hopper` (TMA, mbarrier, wgmma; sm_90a) and `portable` (cp.async, mma.sync; sm_80 and up). Both
 * call the epilogue in the same way, so an emitted kernel does not know which one runs.
 */
#pragma once

#include <cuda_runtime.h>

#include "kernel.cuh"
#include "launched.cuh"

namespace mlac {

/// Which index of an operand is contiguous in memory: k (A stored [m, k], B stored [n, k]), or its own (A [k, m], B [k, n]).
enum class Major { k, own };

/// dense: one product. batched: `groups` products of one size. ragged_m: rows offsets[g] to offsets[g + 1] of A and C belong to
/// group g, which has a B of its own. ragged_k: so do the k, and each group has a C of its own.
enum class Kind { dense, batched, ragged_m, ragged_k };

/// What is fixed when a kernel is compiled.
/// SUMS: float32 sums of each element, one per B of a product. PRODUCTS: how many products add up in them.
/// GATHER_A, GATHER_B: the rows of that operand, as stored, are chosen by `index`.
/// ALIGNED: every stored row of every operand, and of C, is a multiple of 8 elements long and begins at a multiple of 16 bytes.
/// SYMMETRIC: C[m, n] = C[n, m] is known; only tiles that touch the upper triangle are computed, and epilogue.mirror stores the others.
template <Kind KIND_, Major A_, Major B_, int SUMS_ = 1, int PRODUCTS_ = 1, bool ALIGNED_ = true, bool GATHER_A_ = false, bool GATHER_B_ = false,
          bool SYMMETRIC_ = false>
struct Contraction {
  static constexpr Kind KIND = KIND_;
  static constexpr Major A = A_, B = B_;
  static constexpr int SUMS = SUMS_, PRODUCTS = PRODUCTS_;
  static constexpr bool ALIGNED = ALIGNED_, GATHER_A = GATHER_A_, GATHER_B = GATHER_B_, SYMMETRIC = SYMMETRIC_;
};

/// A matrix as it is stored: `rows` rows (of one group's matrix; of all together where they are ragged), `columns` contiguous elements each.
struct Operand {
  const bf16* data;
  int64_t rows, columns;
  /// Elements from one group's matrix to the next; 0 if all groups share it or it is ragged.
  int64_t group_stride = 0;
  /// Where gathered: stored row r of this operand is row index[r] / divisor of `data`, which has `source_rows` rows.
  const int32_t* index = nullptr;
  int divisor = 1;
  int64_t source_rows = 0;
};

/// One of the products that add up: sums[i] += A · B[i].
template <int SUMS>
struct Product {
  int64_t k;  // 0 where k is ragged
  Operand a;
  Operand b[SUMS];
};

struct Extent {
  int groups;
  int64_t m, n;  // of one group's C; where m is ragged, of all groups together
  const int32_t* offsets;  // [groups + 1], on the device
};

/*
 * An epilogue is a functor that is copied to the device:
 *   template <typename Sums> __device__ void operator()(int group, int64_t m, int64_t n, int count, const Run (&sums)[SUMS]) const;
 * It gets eight neighbouring sums C[m, n … n + 7], of which the first `count` exist (all eight or none where ALIGNED). m counts over all
 * groups' rows where m is ragged, else within the group. All 32 lanes of a warp call it together, and lanes 8i to 8i + 7 hold 64 neighbouring
 * columns of one m, so that they may exchange what they know of a row. With SYMMETRIC also
 *   mirror(int group, int64_t m, int64_t n, int count, const Run (&sums)[SUMS]): the same for the sums' mirrored places, C[m, n … n + 7] below the diagonal.
 */

}  // namespace mlac

#include "contract_portable.cuh"
#ifdef MLAC_HOPPER
#include "contract_hopper.cuh"
#endif

namespace mlac {

/// Launches the product. Returns what the launch returned.
template <typename C, typename Epilogue>
cudaError_t contract(cudaStream_t stream, const Extent& extent, const Product<C::SUMS> (&products)[C::PRODUCTS], const Epilogue& epilogue) {
#ifdef MLAC_HOPPER
  if constexpr (C::ALIGNED) return hopper::contract<C>(stream, extent, products, epilogue);
  else
#endif
    return portable::contract<C>(stream, extent, products, epilogue);
}

}  // namespace mlac

#include "contract_choice.cuh"
