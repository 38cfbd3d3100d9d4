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
 *
 * Or an epilogue of whole rows, of dense products with one sum. It has
 *   static constexpr int ROW, ROOM;  C's columns are rows of ROW side by side (heads, say); ROW divides 128, 192 or 256
 *   static constexpr bool ROUNDED;   whether it gets the sums as bf16 keeps them, so that whoever reads them from memory computes the same
 *   void row(int64_t m, int64_t head, float* sums, float* room, int lane) const;
 * and gets sums[0 … ROW - 1] = C[m, head · ROW …] in shared memory, beside them ROOM floats; both are its own to write. Lanes 8i to 8i + 7 of a
 * warp have a row, `lane` counts them; all lanes of the warp call it together. A row may be given twice, with the same sums.
 */

template <typename Epilogue, typename = void>
struct WholeRows {
  static constexpr int ROW = 0, ROOM = 0;
  static constexpr bool ROUNDED = false;
};
template <typename Epilogue>
struct WholeRows<Epilogue, decltype(void(Epilogue::ROW))> {
  static constexpr int ROW = Epilogue::ROW, ROOM = (Epilogue::ROOM + 3) / 4 * 4;
  static constexpr bool ROUNDED = Epilogue::ROUNDED;
};
/// Floats from a staged row to the next: the lanes that stage eight rows meet in no bank.
constexpr int STAGE_PAD = 8;

/// Two neighbouring sums as they are staged.
template <typename Epilogue>
__device__ inline float2 staged_pair(float a, float b) {
  if constexpr (!WholeRows<Epilogue>::ROUNDED) return make_float2(a, b);
  const uint32_t pair = pair_of(a, b);
  return make_float2(low_half(pair), high_half(pair));
}

/// Four staged rows, of which the first `exist` (at least one) do, to an epilogue of whole rows. `room`: for all four. All lanes of a warp call it.
template <typename Epilogue>
__device__ inline void store_four_rows(const Epilogue& epilogue, int64_t m, int64_t head, float* staged, int stride, float* room, int exist) {
  using Whole = WholeRows<Epilogue>;
  const int lane = threadIdx.x % WARP, own = lane / 8;
  if (exist < 4) {
    // The last one takes the place of those that do not exist.
    for (int row = exist; row < 4; ++row)
      for (int i = lane; i < Whole::ROW; i += WARP) staged[row * stride + i] = staged[(exist - 1) * stride + i];
    __syncwarp();
  }
  epilogue.row(m + (own < exist ? own : exist - 1), head, staged + own * stride, room + own * Whole::ROOM, lane % 8);
}

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
