/*
 * Matrix products on Hopper: a persistent kernel of three warpgroups per block, one block per multiprocessor.
 *
 *   producer   fills a ring of STAGES shared-memory stages, each BK = 64 k deep: A's tile and the SUMS tiles of B. It waits for
 *              empty[stage], and TMA's bytes (or its own copies) complete full[stage]. It runs ahead into the next tiles.
 *   consumers  two warpgroups wait for full[stage], multiply (wgmma), and arrive at empty[stage] once the products that read it are
 *              done. The epilogue goes through a patch of shared memory of each warp's own, while the producer fills the ring.
 *
 * Shapes of tiles: either both consumers share a tile of 128 rows, 64 rows each (less memory traffic for each product); or, if
 * ALTERNATE, each takes every other tile of the block, 128 rows each, so that one multiplies during the other's epilogue. The ring
 * is filled in the order of tiles; a consumer passes over the stages of the other's tiles. turn[consumer] tells it that the other has
 * seen all stages before its own: the parity of full[stage] alone would not tell this round of the ring from the one before the last.
 *
 * CLUSTER = 2 blocks take tiles below one another, and each loads one half of B's tile for both (TMA multicast); a stage is empty when
 * the consumers of both blocks have arrived.
 *
 * SPLIT: where C has few tiles and k is long, several clusters take one tile and a part of its k each. Their sums go to a workspace, and a
 * kernel of its own adds them up, in the order of parts, on their way to the epilogue (contract_hopper_parts.cuh).
 *
 * Stages hold rows of 128 swizzled bytes. k-major operands: a row of 64 k for each m or n. Others: "atoms" of 64 m or n, in which
 * each of the 64 k has a row.
 *
 * Tails: TMA fills places outside a tensor with zeros, so k and the edges need no care. Where k is ragged, rows of the next group come
 * with a group's last stage; the consumers overwrite them with zeros. Rows of m past the group's end are computed and not stored.
 *
 * A gathered A is not for TMA: the producer is then all four warps, which copy 16 bytes at a time (cp.async) to the same swizzled
 * places and go on at once: the copies themselves arrive at full[stage] when they are done, and consumers fence them for wgmma.
 * A gathered B is the A of the product's transpose.
 */
#pragma once

#include "contract_hopper_parts.cuh"

namespace mlac {
namespace hopper {

/// About how many clocks a shape takes: rounds of tiles, each multiplying and its epilogue or, where consumers alternate, the longer of them.
template <typename C, typename S, typename Epilogue>
double clocks(const Extent& extent, const Product<C::SUMS> (&products)[C::PRODUCTS]) {
  using L = Layout<C, S>;
  // Of one tile by both consumers. Two operands that are not k-major are a gradient of weights, whose sums are added to float32.
  constexpr double EPILOGUE = (C::A == Major::own && C::B == Major::own ? 48. : 12.) * L::WIDTH;
  constexpr double SLOWER = L::WIDTH >= 256 ? 1. : L::WIDTH >= 128 ? (L::GATHERS ? 1.5 : 1.05) : 1.6;  // loads for each product
  const int at_once = clusters_at_once<C, S, Epilogue>();
  if (at_once == 0) return 1e300;
  double k = 0;
  for (const Product<C::SUMS>& product : products) k += double(ceil_div(product.k, BK) * BK);
  double rows = double(extent.m);
  if (C::KIND == Kind::ragged_k) k = double(products[0].a.rows) / extent.groups + BK / 2;
  if (C::KIND == Kind::ragged_m) rows += extent.groups * (L::Tiles::HEIGHT / 2.);
  const Grid grid = Grid::of(int64_t(rows), extent.n, L::Tiles::HEIGHT, L::COLUMNS, C::SYMMETRIC);
  const double tiles = double(grid.tiles) * (C::KIND == Kind::ragged_m ? 1 : extent.groups);
  const double rounds = double(int64_t(tiles / at_once + 0.999));
  const double multiplying = k / BK * 4. * L::WIDTH * SLOWER;
  return S::ALTERNATE ? rounds * (multiplying > EPILOGUE ? multiplying : EPILOGUE) + EPILOGUE : rounds * (multiplying + EPILOGUE);
}

/// The shapes to choose from.
template <typename C>
using Wide = Shape<256 / C::SUMS, false>;
template <typename C>
using Narrow = Shape<128 / C::SUMS, true>;
using Slim = Shape<64, true>;  // of one sum

template <typename C>
using WideParts = Shape<256 / C::SUMS, false, true, true>;

/// The best number of parts of k, if it takes fewer clocks than `limit`: else nothing is launched, and the error is cudaErrorNotSupported.
template <typename C, typename Epilogue>
cudaError_t contract_in_parts(cudaStream_t stream, const Extent& extent, const Product<C::SUMS> (&products)[C::PRODUCTS], const Epilogue& epilogue, const Scratch& scratch,
                              double limit) {
  if constexpr (HAS_PARTS<C>) {
    const Parts parts = best_parts<C, WideParts<C>>(extent, products, scratch);
    if (parts.clocks < limit) return launch_parts<C, WideParts<C>>(stream, extent, products, epilogue, scratch, parts.count);
  }
  return cudaErrorNotSupported;
}

template <typename C, typename Epilogue>
cudaError_t contract(cudaStream_t stream, const Extent& extent, const Product<C::SUMS> (&products)[C::PRODUCTS], const Epilogue& epilogue, const Scratch& scratch = {}) {
  if (extent.groups <= 0 || extent.m <= 0 || extent.n <= 0) return cudaSuccess;
  if constexpr (C::GATHER_B) {
    return swapped<C>(extent, products, [&](auto turned, const Extent& size, const auto& operands) {
      return hopper::contract<decltype(turned)>(stream, size, operands, epilogue);
    });
  } else {
    using Whole = WholeRows<Epilogue>;
    if constexpr (Whole::ROW > 0) {
      // Narrow, if it fits: one consumer's rows go through the epilogue while the other multiplies.
      constexpr int COLUMNS = 128 % Whole::ROW == 0 ? 128 : 192 % Whole::ROW == 0 ? 192 : 256;
      return launch<C, Shape<COLUMNS, COLUMNS == 128, true, false, Whole::ROW, Whole::ROOM>>(stream, extent, products, epilogue);
    } else {
      const bool slim = C::SUMS == 1 && extent.n <= Slim::COLUMNS;
      double wide = 0, narrow = 0, least = 0;
      if constexpr (C::SUMS == 1)
        if (slim) least = clocks<C, Slim, Epilogue>(extent, products);
      if (!slim) {
        wide = clocks<C, Wide<C>, Epilogue>(extent, products);
        narrow = clocks<C, Narrow<C>, Epilogue>(extent, products);
        least = wide < narrow ? wide : narrow;
      }
      const cudaError_t error = contract_in_parts<C>(stream, extent, products, epilogue, scratch, least);
      if (error != cudaErrorNotSupported) return error;
      if constexpr (C::SUMS == 1)
        if (slim) return launch<C, Slim>(stream, extent, products, epilogue);
      if (wide <= narrow) return launch<C, Wide<C>>(stream, extent, products, epilogue);
      return launch<C, Narrow<C>>(stream, extent, products, epilogue);
    }
  }
}

}  // namespace hopper
}  // namespace mlac
