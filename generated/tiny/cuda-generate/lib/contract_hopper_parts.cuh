/*
 * Matrix products on Hopper with few tiles and a long k, which would leave most of the machine idle: gradients of weights, whose k counts
 * the tokens. Every tile is computed as several parts of k:
 *
 *   contract_kernel of a SPLIT shape   one tile and one part of its k to a cluster; the sums go to the workspace, [parts, sums, m, n] float32
 *   add_parts                          adds the parts up, in their order, and hands the sums to the epilogue
 *
 * Tiles of one part run side by side, so that they share rows of the operands in the L2 cache. The parts of a machine full of tiles are 17 MB:
 * they stay in that cache, too.
 */
#pragma once

#include "contract_hopper_launch.cuh"
#include "workspace.cuh"

namespace mlac {
namespace hopper {

/// Which contractions have SPLIT shapes.
template <typename C>
constexpr bool HAS_PARTS = C::KIND == Kind::dense && C::A == Major::own && C::B == Major::own && C::PRODUCTS == 1 && !C::GATHER_A && !C::GATHER_B && !C::SYMMETRIC;

constexpr int MOST_PARTS = 32;

/// The epilogue of a part.
template <int SUMS>
struct StorePart {
  float* to;
  int64_t m, n;
  __device__ void operator()(int part, int64_t row, int64_t column, int count, const Run (&sums)[SUMS]) const {
#pragma unroll
    for (int s = 0; s < SUMS; ++s) store<true>(to + ((int64_t(part) * SUMS + s) * m + row) * n + column, sums[s], count);
  }
};

constexpr int ADDING_THREADS = 128;

/// Eight lanes have 64 columns of one row, and so many parts of them on their way at once.
template <int SUMS, typename Epilogue>
__global__ void __launch_bounds__(ADDING_THREADS) add_parts(const float* from, int parts, int64_t m, int64_t n, const __grid_constant__ Epilogue epilogue) {
  constexpr int AT_ONCE = 8 / SUMS;
  const int64_t pieces = ceil_div(n, 8 * RUN), piece = (int64_t(blockIdx.x) * ADDING_THREADS + threadIdx.x) / 8;
  const int64_t row = piece / pieces, column = (piece % pieces * 8 + threadIdx.x % 8) * RUN;
  const int count = row < m && column < n ? RUN : 0;
  from += row * n + column;
  Run sums[SUMS] = {};
  const auto finish = [&](const auto&... fetched) { epilogue(0, row, column, count, sums, fetched...); };
  const auto add = [&] {
    for (int first = 0; first < parts; first += AT_ONCE) {
      Run part[AT_ONCE][SUMS];
#pragma unroll
      for (int p = 0; p < AT_ONCE; ++p)
#pragma unroll
        for (int s = 0; s < SUMS; ++s) part[p][s] = load<true>(from + (int64_t(first + p) * SUMS + s) * m * n, first + p < parts ? count : 0);
#pragma unroll
      for (int p = 0; p < AT_ONCE; ++p)
#pragma unroll
        for (int s = 0; s < SUMS; ++s)
#pragma unroll
          for (int j = 0; j < RUN; ++j) sums[s][j] += part[p][s][j];
    }
  };
  asm volatile("griddepcontrol.wait;" ::: "memory");
  if constexpr (Fetches<Epilogue>::value) {
    const auto fetched = epilogue.fetch(0, row, column, count);
    add();
    finish(fetched);
  } else {
    add();
    finish();
  }
}

/// Both kernels. C's sums have to fit `scratch` as often as there are parts.
template <typename C, typename S, typename Epilogue>
cudaError_t launch_parts(cudaStream_t stream, const Extent& extent, const Product<C::SUMS> (&products)[1], const Epilogue& epilogue, const Scratch& scratch, int parts) {
  static_assert(HAS_PARTS<C> && S::SPLIT);
  const StorePart<C::SUMS> store{reinterpret_cast<float*>(scratch.at), extent.m, extent.n};
  if (const cudaError_t error = launch<C, S>(stream, extent, products, store, parts)) return error;
  // Its blocks are on their way while the last tiles are multiplied, and wait for them.
  cudaLaunchConfig_t config{};
  cudaLaunchAttribute early;
  early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  early.val.programmaticStreamSerializationAllowed = 1;
  config.gridDim = dim3(unsigned(ceil_div(extent.m * ceil_div(extent.n, 8 * RUN) * 8, ADDING_THREADS)));
  config.blockDim = dim3(ADDING_THREADS);
  config.stream = stream;
  config.attrs = &early;
  config.numAttrs = 1;
  return cudaLaunchKernelEx(&config, add_parts<C::SUMS, Epilogue>, static_cast<const float*>(store.to), parts, extent.m, extent.n, epilogue);
}

/// A number of parts and about how many clocks they take; no parts if none fits.
struct Parts {
  int count;
  double clocks;
};

/// The best number of parts: the rounds of tiles, each with its part of k and its stores, and afterwards every part read once more.
template <typename C, typename S>
Parts best_parts(const Extent& extent, const Product<C::SUMS> (&products)[1], const Scratch& scratch) {
  using L = Layout<C, S>;
  constexpr double STORING = 16. * L::WIDTH, ADDING = 5000., BYTES_A_CLOCK = 2000.;
  const int64_t bytes = extent.m * extent.n * C::SUMS * int64_t(sizeof(float)), steps = ceil_div(products[0].k, BK);
  const int64_t tiles = Grid::of(extent.m, extent.n, L::Tiles::HEIGHT, L::COLUMNS, false).tiles, at_once = clusters_at_once<C, S, StorePart<C::SUMS>>();
  Parts best{0, 1e300};
  for (int parts = 2; parts <= MOST_PARTS && parts <= steps && parts * bytes <= scratch.bytes && at_once > 0; ++parts) {
    const double rounds = double(ceil_div(tiles * parts, at_once)), multiplying = double(ceil_div(steps, parts)) * 4. * L::WIDTH;
    const double clocks = rounds * (multiplying + STORING) + ADDING + double(parts * bytes) / BYTES_A_CLOCK;
    if (clocks < best.clocks) best = {parts, clocks};
  }
  return best;
}

}  // namespace hopper
}  // namespace mlac
