// Matrix products on Hopper: the kernel, and how one shape of tiles is launched. contract_hopper.cuh has the picture.
#pragma once

#include "contract_hopper_consume.cuh"
#include "contract_hopper_produce.cuh"
#include "tensor_map.cuh"

namespace mlac {
namespace hopper {

template <typename C, typename S, typename Epilogue>
__global__ void __launch_bounds__(THREADS, 1) contract_kernel(const __grid_constant__ Plan<C> plan, const __grid_constant__ Epilogue epilogue) {
  using L = Layout<C, S>;
  extern __shared__ __align__(1024) unsigned char shared[];
  float* const patches = reinterpret_cast<float*>(shared + L::STAGES * L::STAGE_BYTES);
  unsigned char* const barriers = shared + L::STAGES * L::STAGE_BYTES + L::PATCHES_BYTES;
  int* const offsets = reinterpret_cast<int*>(barriers + L::BARRIERS * 8);
  int* const first_tile = offsets + MAX_GROUPS + 1;
  const uint32_t stages = address_of(shared), full = address_of(barriers), empty = full + L::STAGES * 8, turn = empty + L::STAGES * 8;
  const int rank = L::CLUSTER > 1 ? int(cluster_rank()) : 0;

  if (threadIdx.x == 0) {
    if (stages % 1024) __trap();  // the swizzle counts from multiples of 1024 bytes
    for (int stage = 0; stage < L::STAGES; ++stage) {
      barrier_init(full + stage * 8, L::FULL_ARRIVALS);
      barrier_init(empty + stage * 8, L::EMPTY_ARRIVALS);
    }
    for (int consumer = 0; consumer < CONSUMERS; ++consumer) barrier_init(turn + consumer * 8, 4);
    barrier_init_done();
  }
  if constexpr (C::KIND == Kind::ragged_m || C::KIND == Kind::ragged_k)
    if (threadIdx.x / WARP == 1) find_first_tiles(plan.offsets, plan.groups, L::Tiles::HEIGHT, offsets, first_tile);
  if constexpr (L::CLUSTER > 1) cluster_meet();
  __syncthreads();

  const Block<C, S> block{plan, stages, full, empty, turn, patches, {plan.grid, plan.groups, plan.m, rank, offsets, first_tile}, rank};
  const int cluster = blockIdx.x / L::CLUSTER, clusters = gridDim.x / L::CLUSTER;
  const int warpgroup = __shfl_sync(0xffffffffu, int(threadIdx.x / WARPGROUP), 0);
  if (warpgroup == 0) {
    give_registers<L::PRODUCER_REGISTERS>();
    produce<C, S>(block, cluster, clusters);
  } else {
    take_registers<L::CONSUMER_REGISTERS>();
    consume<C, S>(block, cluster, clusters, warpgroup - 1, epilogue);
  }
  // A block's memory and barriers have to outlive what the other block sends there.
  if constexpr (L::CLUSTER > 1) cluster_meet();
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

/// How many clusters run at once; an error is 0.
template <typename C, typename S, typename Epilogue>
int clusters_at_once() {
  static int known = 0;
  if (known) return known;
  const auto kernel = contract_kernel<C, S, Epilogue>;
  constexpr int BLOCKS = Layout<C, S>::CLUSTER;
  if (cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, Layout<C, S>::BYTES) != cudaSuccess) return 0;
  if (BLOCKS == 1) return known = multiprocessors();
  cudaLaunchConfig_t config{};
  cudaLaunchAttribute attribute;
  config.blockDim = dim3(THREADS);
  config.dynamicSmemBytes = Layout<C, S>::BYTES;
  in_clusters(config, attribute, multiprocessors() / BLOCKS, BLOCKS);
  int clusters = 0;
  if (cudaOccupancyMaxActiveClusters(&clusters, kernel, &config) != cudaSuccess || clusters <= 0) clusters = 0;
  return known = clusters;
}

/// Calls `call(contraction, extent, products)` with the transpose of a product.
template <typename C, typename Call>
cudaError_t swapped(const Extent& extent, const Product<1> (&products)[C::PRODUCTS], const Call& call) {
  Product<1> turned[C::PRODUCTS];
  for (int p = 0; p < C::PRODUCTS; ++p) turned[p] = {products[p].k, products[p].b[0], {products[p].a}};
  return call(Swapped<C>{}, Extent{extent.groups, extent.n, extent.m, extent.offsets}, turned);
}

/// `parts`: into how many parts a SPLIT shape's k goes; the epilogue gets each part's sums, as a group's.
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
    static_assert(!S::SPLIT || C::KIND == Kind::dense, "k is split in dense products");
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
    plan.groups = S::SPLIT ? parts : extent.groups;
    plan.m = int(extent.m);
    plan.n = int(extent.n);
    plan.offsets = extent.offsets;
    plan.grid = Grid::of(extent.m, extent.n, L::Tiles::HEIGHT, L::COLUMNS, C::SYMMETRIC);

    // No more clusters than there can be tiles; how many there are is on the device where m is ragged.
    const int64_t tiles = RAGGED_M ? int64_t(plan.grid.rows + extent.groups) * plan.grid.columns : int64_t(plan.grid.tiles) * plan.groups;
    const int64_t at_once = clusters_at_once<C, S, Epilogue>();
    if (at_once == 0) return cudaErrorInvalidConfiguration;
    cudaLaunchConfig_t config{};
    cudaLaunchAttribute attribute;
    config.blockDim = dim3(THREADS);
    config.dynamicSmemBytes = L::BYTES;
    config.stream = stream;
    in_clusters(config, attribute, tiles < at_once ? tiles : at_once, L::CLUSTER);
    return cudaLaunchKernelEx(&config, contract_kernel<C, S, Epilogue>, plan, epilogue);
  }
}

}  // namespace hopper
}  // namespace mlac
