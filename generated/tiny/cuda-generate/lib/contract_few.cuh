/*
 * Matrix products with few rows (1 to 64; of an expert as many as come), as decoding has them: C[m, n] = sum over k of A[m, k] · B[k, n].
 * Each weight is read once and used for a handful of rows, so the bytes of B over the memory's bandwidth are the time. The interface is
 * contract.cuh's: the same operands, and the same epilogues but for those of whole rows. Beside it: rows that are normalised while they are read
 * (few::Normed), and right operands of different widths side by side over the same rows, in one launch.
 *
 * Three families compute it. On sm_90a contract_few_warps.cuh where rows are one or two tiles of eight (a ring of copies and a part of k a warp, mma.sync),
 * else contract_few_hopper.cuh (TMA, wgmma); both divide k over clusters. Elsewhere contract_few_portable.cuh (mma.sync; sm_80 and up).
 */
#pragma once

#ifdef MLAC_HOPPER
#include "contract_few_hopper.cuh"
#include "contract_few_warps.cuh"
#else
#include "contract_few_portable.cuh"
#endif

namespace mlac {
namespace few {

#ifdef MLAC_HOPPER
namespace family = on_hopper;
/// Tiles of eight rows that are computed at a time: 1, 2, 4 or 8, of which there are products.
constexpr int tiles_of(int rows, int) { return rows <= 8 ? 1 : rows <= 16 ? 2 : rows <= 32 ? 4 : 8; }
#else
namespace family = portable;
constexpr int tiles_of(int rows, int sums) { return rows > 64 ? tiles_of(64, sums) : sums == 2 && rows > TILE * portable::MOST_TILES ? portable::MOST_TILES : (rows + TILE - 1) / TILE; }
#endif

/// job: without first_block. TILES: as tiles_of() says. most_groups: groups that may have rows. Returns what the launch returned.
template <typename C, int TILES, typename Norm, typename Epilogues>
cudaError_t launch(cudaStream_t stream, const Job<C, Norm, Epilogues>& job, int64_t most_groups) {
#ifdef MLAC_HOPPER
  if constexpr (TILES * C::SUMS <= 2 && C::B == Major::own && C::PRODUCTS == 1) return by_warps::launch<C, TILES>(stream, job, most_groups);
  else
#endif
    return family::launch<C, TILES>(stream, job, most_groups);
}

}  // namespace few

/// As contract(), where C has few rows: M of them at most, or in all where m is ragged. B is a weight: no kernel of the stream writes it.
template <typename C, int M, typename Epilogue, typename Norm = few::Plain>
cudaError_t contract_few(cudaStream_t stream, const Extent& extent, const Product<C::SUMS> (&products)[C::PRODUCTS], const Epilogue& epilogue, const Norm& norm = {},
                         const few::Order& order = {}) {
  static_assert(M <= 64 || C::KIND == Kind::ragged_m, "these are not few rows");
  static_assert(WholeRows<Epilogue>::ROW == 0, "few rows have no epilogue of whole rows");
  if (extent.groups <= 0 || extent.m <= 0 || extent.n <= 0) return cudaSuccess;
  few::Job<C, Norm, few::Sides<Epilogue>> job{};
  job.groups = extent.groups, job.m = int(extent.m), job.n[0] = int(extent.n), job.offsets = extent.offsets, job.order = order;
  job.norm = norm, job.epilogues = {epilogue};
  for (int p = 0; p < C::PRODUCTS; ++p) {
    job.k[p] = int(products[p].k), job.a[p] = few::Matrix(products[p].a);
    for (int s = 0; s < C::SUMS; ++s) job.b[p][0][s] = few::Matrix(products[p].b[s]);
  }
  // Of an expert's rows there are rarely many more than the mean; the others take a second round.
  constexpr int TILES = C::KIND == Kind::ragged_m ? (M <= 8 ? 1 : 2) : few::tiles_of(M, C::SUMS);
  const int64_t most_groups = C::KIND == Kind::ragged_m && extent.m < extent.groups ? extent.m : extent.groups;
  return few::launch<C, TILES>(stream, job, most_groups);
}

/// Several products C_i [m, n_i] = A · B_i of one left operand of m ≤ M rows, in one launch. C: dense, with one sum and one product. Returns what the launch returned.
template <typename C, int M, typename Norm, typename... Epilogues>
cudaError_t contract_few_side_by_side(cudaStream_t stream, int64_t m, int64_t k, const Operand& a, const Norm& norm, const few::Columns<Epilogues>&... columns) {
  static_assert(M <= 64 && C::KIND == Kind::dense && C::SUMS == 1 && C::PRODUCTS == 1, "only single dense products of few rows stand side by side");
  if (m <= 0) return cudaSuccess;
  few::Job<C, Norm, few::Sides<Epilogues...>> job{};
  job.groups = 1, job.m = int(m), job.k[0] = int(k), job.a[0] = few::Matrix(a);
  job.norm = norm, job.epilogues = few::sides_of(columns.epilogue...);
  int side = 0;
  ((job.b[0][side][0] = few::Matrix(columns.b), job.n[side++] = int(columns.n)), ...);
  return few::launch<C, few::tiles_of(M, 1)>(stream, job, 1);
}

}  // namespace mlac
