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
 * SPLIT: where C has few tiles and k is long, the blocks of a cluster take one tile and a part of its k each. Warp by warp they put their
 * sums into their patches, wait for one another, and each adds some rows of all blocks' patches, in the order of blocks.
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

#include "contract_hopper_consume.cuh"
#include "contract_hopper_produce.cuh"
#include "tensor_map.cuh"

namespace mlac {
namespace hopper {

// ------------------------------------------------------------------------------------------------------------------- kernel

template <typename C, typename S, typename Epilogue>
__global__ void __launch_bounds__(THREADS, 1) contract_kernel(const __grid_constant__ Plan<C> plan, const __grid_constant__ Epilogue epilogue) {
  using L = Layout<C, S>;
  extern __shared__ __align__(1024) unsigned char shared[];
  float* const patches = reinterpret_cast<float*>(shared + L::STAGES * L::STAGE_BYTES);
  unsigned char* const barriers = shared + L::STAGES * L::STAGE_BYTES + L::PATCHES_BYTES;
  int* const offsets = reinterpret_cast<int*>(barriers + L::BARRIERS * 8);
  int* const first_tile = offsets + MAX_GROUPS + 1;
  const uint32_t stages = address_of(shared), full = address_of(barriers), empty = full + L::STAGES * 8, turn = empty + L::STAGES * 8, peers = turn + CONSUMERS * 8;
  const int blocks = S::SPLIT ? int(cluster_blocks()) : L::CLUSTER, place = blocks > 1 ? int(cluster_rank()) : 0;
  const int rank = S::SPLIT ? 0 : place;

  if (threadIdx.x == 0) {
    if (stages % 1024) __trap();  // the swizzle counts from multiples of 1024 bytes
    for (int stage = 0; stage < L::STAGES; ++stage) {
      barrier_init(full + stage * 8, L::FULL_ARRIVALS);
      barrier_init(empty + stage * 8, L::EMPTY_ARRIVALS);
    }
    for (int consumer = 0; consumer < CONSUMERS; ++consumer) barrier_init(turn + consumer * 8, 4);
    if constexpr (S::SPLIT)
      for (int warp = 0; warp < CONSUMERS * 4; ++warp) barrier_init(peers + warp * 8, blocks);
    barrier_init_done();
  }
  if constexpr (C::KIND == Kind::ragged_m || C::KIND == Kind::ragged_k)
    if (threadIdx.x / WARP == 1) find_first_tiles(plan.offsets, plan.groups, L::Tiles::HEIGHT, offsets, first_tile);
  if constexpr (L::CLUSTER > 1 || S::SPLIT) cluster_meet();
  __syncthreads();

  const Block<C, S> block{plan, stages, full, empty, turn, peers, patches, {plan.grid, plan.groups, plan.m, rank, offsets, first_tile}, rank, place, blocks};
  const int cluster = blockIdx.x / blocks, clusters = gridDim.x / blocks;
  const int warpgroup = __shfl_sync(0xffffffffu, int(threadIdx.x / WARPGROUP), 0);
  if (warpgroup == 0) {
    give_registers<L::PRODUCER_REGISTERS>();
    produce<C, S>(block, cluster, clusters);
  } else {
      take_registers<L::CONSUMER_REGISTERS>();
      consume<C, S>(block, cluster, clusters, warpgroup - 1, epilogue);
  }
  // A block's memory and barriers have to outlive what the other block sends there.
  if constexpr (L::CLUSTER > 1 || S::SPLIT) cluster_meet();
}

// ------------------------------------------------------------------------------------------------------------------- launch

constexpr int MAX_SPLIT = 8;        // blocks of a cluster
constexpr double MEETING = 12000.;  // clocks that blocks spend on adding a tile's sums up, about

inline int multiprocessors() {
  static const int count = [] {
    int device = 0, n = 0;
    cudaGetDevice(&device);
    cudaDeviceGetAttribute(&n, cudaDevAttrMultiProcessorCount, device);
    return n;
  }();
  return count;
}

/// Sets a launch's grid up for clusters of so many blocks.
inline void in_clusters(cudaLaunchConfig_t& config, cudaLaunchAttribute& attribute, int64_t clusters, int blocks) {
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim.x = blocks;
  attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
  config.gridDim = dim3(unsigned(clusters * blocks));
  config.attrs = &attribute;
  config.numAttrs = blocks > 1 ? 1 : 0;
}

/// How many clusters of so many blocks (1 to 8) run at once; an error is 0.
template <typename C, typename S, typename Epilogue>
int room(int blocks) {
  static int known[MAX_SPLIT + 1] = {};
  if (known[blocks]) return known[blocks];
  const auto kernel = contract_kernel<C, S, Epilogue>;
  if (cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, Layout<C, S>::BYTES) != cudaSuccess) return 0;
  if (blocks == 1) return known[1] = multiprocessors();
  cudaLaunchConfig_t config{};
  cudaLaunchAttribute attribute;
  config.blockDim = dim3(THREADS);
  config.dynamicSmemBytes = Layout<C, S>::BYTES;
  in_clusters(config, attribute, multiprocessors() / blocks, blocks);
  int clusters = 0;
  if (cudaOccupancyMaxActiveClusters(&clusters, kernel, &config) != cudaSuccess || clusters <= 0) clusters = 0;
  return known[blocks] = clusters;
}

/// Calls `call(contraction, extent, products)` with the transpose of a product.
template <typename C, typename Call>
cudaError_t swapped(const Extent& extent, const Product<1> (&products)[C::PRODUCTS], const Call& call) {
  Product<1> turned[C::PRODUCTS];
  for (int p = 0; p < C::PRODUCTS; ++p) turned[p] = {products[p].k, products[p].b[0], {products[p].a}};
  return call(Swapped<C>{}, Extent{extent.groups, extent.n, extent.m, extent.offsets}, turned);
}

/// `parts`: into how many parts a SPLIT shape's k goes.
template <typename C, typename S, typename Epilogue>
cudaError_t launch(cudaStream_t stream, const Extent& extent, const Product<C::SUMS> (&products)[C::PRODUCTS], const Epilogue& epilogue, int parts = 1) {
  if constexpr (C::GATHER_B) {
    static_assert(!C::GATHER_A && C::SUMS == 1 && !C::SYMMETRIC && C::KIND != Kind::ragged_m, "a gathered B has no other beside it");
    return swapped<C>(extent, products, [&](auto turned, const Extent& size, const auto& operands) {
      return launch<decltype(turned), S>(stream, size, operands, epilogue, parts);
    });
  } else {
    using L = Layout<C, S>;
    constexpr bool RAGGED_M = C::KIND == Kind::ragged_m, RAGGED_K = C::KIND == Kind::ragged_k;
    static_assert(C::SUMS <= 2, "sums must fit the registers");
    static_assert(!RAGGED_K || (C::A == Major::own && C::B == Major::own), "ragged k are rows");
    static_assert(!C::SYMMETRIC || (!RAGGED_M && !RAGGED_K && C::SUMS == 1), "symmetric products are dense or batched");
    static_assert(!C::GATHER_A || !RAGGED_M || C::A == Major::k, "columns of ragged m do not begin at multiples of 16 bytes");
    static_assert(!C::GATHER_A || C::KIND != Kind::batched, "gathered operands are not batched");
    static_assert(!S::SPLIT || (!RAGGED_M && !RAGGED_K && C::SUMS == 1 && !C::SYMMETRIC && !S::ALTERNATE), "k is split in plain products");
    if ((RAGGED_M || RAGGED_K) && extent.groups > MAX_GROUPS) return cudaErrorInvalidValue;

    Plan<C> plan{};
    for (int p = 0; p < C::PRODUCTS; ++p) {
      const Product<C::SUMS>& product = products[p];
      plan.k[p] = int(product.k);
      plan.a_grouped[p] = product.a.group_stride != 0;
      plan.b_grouped[p] = product.b[0].group_stride != 0;
      // Along k a tensor ends with k, so that what lies beyond counts as zeros.
      const auto map = [&](CUtensorMap* to, const Operand& x, Major major, int box_of_own) {
        const int64_t rows = major == Major::own && !RAGGED_K ? product.k : x.rows, columns = major == Major::k ? product.k : x.columns;
        return make_map(to, x.data, x.group_stride ? extent.groups : 1, rows, columns, x.columns, x.group_stride, major == Major::k ? box_of_own : BK);
      };
      if constexpr (C::GATHER_A) {
        plan.gather[p] = Gather::of(product.a);
      } else {
        if (const cudaError_t error = map(&plan.a[p], product.a, C::A, ROWS)) return error;
      }
      for (int s = 0; s < C::SUMS; ++s)
        if (const cudaError_t error = map(&plan.b[p][s], product.b[s], C::B, L::SHARE)) return error;
    }
    plan.groups = extent.groups;
    plan.m = int(extent.m);
    plan.n = int(extent.n);
    plan.offsets = extent.offsets;
    plan.grid = Grid::of(extent.m, extent.n, L::Tiles::HEIGHT, L::COLUMNS, C::SYMMETRIC);

    // No more clusters than there can be tiles; how many there are is on the device where m is ragged.
    const int64_t tiles = RAGGED_M ? int64_t(plan.grid.rows + extent.groups) * plan.grid.columns : int64_t(plan.grid.tiles) * extent.groups;
    const int blocks = S::SPLIT ? parts : L::CLUSTER;
    const int64_t at_once = room<C, S, Epilogue>(blocks);
    if (at_once == 0) return cudaErrorInvalidConfiguration;
    cudaLaunchConfig_t config{};
    cudaLaunchAttribute attribute;
    config.blockDim = dim3(THREADS);
    config.dynamicSmemBytes = L::BYTES;
    config.stream = stream;
    in_clusters(config, attribute, tiles < at_once ? tiles : at_once, blocks);
    return cudaLaunchKernelEx(&config, contract_kernel<C, S, Epilogue>, plan, epilogue);
  }
}

/// About how many clocks a shape takes: rounds of tiles, each multiplying and its epilogue or, where consumers alternate, the longer of them.
/// `at_once`: clusters.
template <typename C, typename S>
double clocks(const Extent& extent, const Product<C::SUMS> (&products)[C::PRODUCTS], int at_once, int parts = 1) {
  using L = Layout<C, S>;
  // Of one tile by both consumers. Two operands that are not k-major are a gradient of weights, whose sums are added to float32.
  constexpr double EPILOGUE = (C::A == Major::own && C::B == Major::own ? 48. : 12.) * L::WIDTH;
  constexpr double SLOWER = L::WIDTH >= 256 ? 1. : L::WIDTH >= 128 ? (L::GATHERS ? 1.5 : 1.05) : 1.6;  // loads for each product
  double k = 0;
  for (const Product<C::SUMS>& product : products) k += double(ceil_div(product.k, BK) * BK);
  double rows = double(extent.m);
  if (C::KIND == Kind::ragged_k) k = double(products[0].a.rows) / extent.groups + BK / 2;
  if (C::KIND == Kind::ragged_m) rows += extent.groups * (L::Tiles::HEIGHT / 2.);
  const Grid grid = Grid::of(int64_t(rows), extent.n, L::Tiles::HEIGHT, L::COLUMNS, C::SYMMETRIC);
  const double tiles = double(grid.tiles) * (C::KIND == Kind::ragged_m ? 1 : extent.groups);
  if (at_once == 0) return 1e300;
  const double rounds = double(int64_t(tiles / at_once + 0.999));
  const double multiplying = k / BK / parts * 4. * L::WIDTH * SLOWER;
  if (S::SPLIT) return rounds * (multiplying * 1.05 + EPILOGUE + MEETING);
  return S::ALTERNATE ? rounds * (multiplying > EPILOGUE ? multiplying : EPILOGUE) + EPILOGUE : rounds * (multiplying + EPILOGUE);
}

template <typename C, typename Epilogue>
cudaError_t contract(cudaStream_t stream, const Extent& extent, const Product<C::SUMS> (&products)[C::PRODUCTS], const Epilogue& epilogue) {
  if (extent.groups <= 0 || extent.m <= 0 || extent.n <= 0) return cudaSuccess;
  if constexpr (C::GATHER_B) {
    return swapped<C>(extent, products, [&](auto turned, const Extent& size, const auto& operands) {
      return hopper::contract<decltype(turned)>(stream, size, operands, epilogue);
    });
  } else {
    using Wide = Shape<256 / C::SUMS, false>;
    using Narrow = Shape<128 / C::SUMS, true>;
    if constexpr (C::SUMS == 1) {
      using Slim = Shape<64, true>;
      if (extent.n <= Slim::COLUMNS) return launch<C, Slim>(stream, extent, products, epilogue);
    }
    const double wide = clocks<C, Wide>(extent, products, room<C, Wide, Epilogue>(Layout<C, Wide>::CLUSTER));
    const double narrow = clocks<C, Narrow>(extent, products, room<C, Narrow, Epilogue>(Layout<C, Narrow>::CLUSTER));
    if constexpr (C::KIND == Kind::dense && C::SUMS == 1 && !C::SYMMETRIC && C::A == Major::own && C::B == Major::own) {
      // A weight's gradient: k counts the tokens, and C may be small.
      using Split = Shape<256, false, false, true>;
      int parts = 1;
      double best = wide < narrow ? wide : narrow;
      for (int s = 2; s <= MAX_SPLIT; ++s) {
        const double time = clocks<C, Split>(extent, products, room<C, Split, Epilogue>(s), s);
        if (time < best) best = time, parts = s;
      }
      if (parts > 1) return launch<C, Split>(stream, extent, products, epilogue, parts);
    }
    if (wide <= narrow) return launch<C, Wide>(stream, extent, products, epilogue);
    return launch<C, Narrow>(stream, extent, products, epilogue);
  }
}

}  // namespace hopper
}  // namespace mlac
