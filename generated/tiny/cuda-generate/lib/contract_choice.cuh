// Contractions whose way is chosen by measurement: the candidates that a kernel has, and how each is launched. contract.cuh includes this.
//
// The candidates of a family are the shapes that its own choice is from, so that they cost no compile time: hopper::contract's, portable::contract's.
#pragma once

#include "choice.cuh"
#include "cublaslt.cuh"
#include "workspace.cuh"

namespace mlac {

/// Whether cuBLASLt can do it where the epilogue is bare: a product of its own for each sum.
template <typename C>
constexpr bool IS_PLAIN = (C::KIND == Kind::dense || C::KIND == Kind::batched) && C::PRODUCTS == 1 && C::ALIGNED && !C::GATHER_A && !C::GATHER_B && !C::SYMMETRIC;

/// A bare epilogue stores each sum in a matrix, a row of n behind the other, or adds it to what is there, and does nothing else.
template <typename T, int SUMS>
struct Bare {
  T* to[SUMS];
  bool adds;
  char* workspace;
  int64_t workspace_bytes;
};

#ifdef MLAC_HOPPER
namespace hopper {

template <typename C, typename Epilogue>
cudaError_t contract_by(Way way, cudaStream_t stream, const Extent& extent, const Product<C::SUMS> (&products)[C::PRODUCTS], const Epilogue& epilogue,
                        const Scratch& scratch) {
  if (way == Way::wide) return launch<C, Wide<C>>(stream, extent, products, epilogue);
  if (way == Way::narrow) return launch<C, Narrow<C>>(stream, extent, products, epilogue);
  if constexpr (C::SUMS == 1)
    if (way == Way::slim) return launch<C, Slim>(stream, extent, products, epilogue);
  return way == Way::parts ? contract_in_parts<C>(stream, extent, products, epilogue, scratch, 1e300) : cudaErrorNotSupported;
}

}  // namespace hopper
#endif

namespace portable {

template <typename C, typename Epilogue>
cudaError_t contract_by(Way way, cudaStream_t stream, const Extent& extent, const Product<C::SUMS> (&products)[C::PRODUCTS], const Epilogue& epilogue) {
  Job<C, Epilogue> job{extent, {}, epilogue};
  for (int p = 0; p < C::PRODUCTS; ++p) job.products[p] = products[p];
  if (way == Way::large) return launch<true>(stream, job);
  if (way == Way::small) return launch<false>(stream, job);
  return cudaErrorNotSupported;
}

}  // namespace portable

/// The candidates for a contraction whose C has n columns.
template <typename C>
constexpr uint32_t ways_of([[maybe_unused]] int64_t n, bool bare) {
  uint32_t ways = bit(Way::automatic);
  if (bare && IS_PLAIN<C>) ways |= bit(Way::cublaslt);
#ifdef MLAC_HOPPER
  if constexpr (C::ALIGNED) {
    ways |= bit(Way::wide) | bit(Way::narrow);
    if (C::SUMS == 1 && n <= 128) ways |= bit(Way::slim);
    if (bare && hopper::HAS_PARTS<C>) ways |= bit(Way::parts);
    return ways;
  }
#endif
  return ways | bit(Way::large) | bit(Way::small);
}

/// As contract(stream, extent, products, epilogue), in the way that was chosen; where the device cannot do that, in its own.
template <typename C, typename Epilogue>
cudaError_t contract(cudaStream_t stream, const Extent& extent, const Product<C::SUMS> (&products)[C::PRODUCTS], const Epilogue& epilogue, const Choice& choice,
                     [[maybe_unused]] const Scratch& scratch = {}) {
  if (choice.way != Way::automatic && choice.has(choice.way) && extent.groups > 0 && extent.m > 0 && extent.n > 0) {
    cudaError_t error = cudaErrorNotSupported;
#ifdef MLAC_HOPPER
    if constexpr (C::ALIGNED) error = hopper::contract_by<C>(choice.way, stream, extent, products, epilogue, scratch);
    else
#endif
      error = portable::contract_by<C>(choice.way, stream, extent, products, epilogue);
    // Of these two nothing has been launched: there is no such way, or too large a cluster for this GPU.
    if (error != cudaErrorNotSupported && error != cudaErrorInvalidConfiguration) return error;
  }
#ifdef MLAC_HOPPER
  if constexpr (C::ALIGNED) return hopper::contract<C>(stream, extent, products, epilogue, scratch);
  else
#endif
    return contract<C>(stream, extent, products, epilogue);
}

/// Its products by cuBLASLt. cudaErrorNotSupported, and nothing launched, where the library is not there or cannot do one of them.
template <typename C, typename T>
cudaError_t contract_by_library(cudaStream_t stream, const Extent& extent, const Product<C::SUMS>& product, const Bare<T, C::SUMS>& bare) {
  const auto factor = [](const Operand& x, Major major) { return Factor{x.data, x.columns, x.group_stride, major == Major::own}; };
  const auto of_sum = [&](int s) {
    return LibraryProduct{extent.groups, extent.m, extent.n, product.k, factor(product.a, C::A), factor(product.b[s], C::B), bare.to[s], sizeof(T) == sizeof(float), bare.adds,
                          bare.workspace, bare.workspace_bytes};
  };
  for (int s = 0; s < C::SUMS; ++s)
    if (!cublaslt_can(of_sum(s))) return cudaErrorNotSupported;
  for (int s = 0; s < C::SUMS; ++s)
    if (const cudaError_t error = cublaslt_multiply(stream, of_sum(s))) return error;
  return cudaSuccess;
}

/// The same for a bare epilogue: `bare` says what `epilogue` does.
template <typename C, typename Epilogue, typename T>
cudaError_t contract(cudaStream_t stream, const Extent& extent, const Product<C::SUMS> (&products)[C::PRODUCTS], const Epilogue& epilogue, const Choice& choice,
                     const Bare<T, C::SUMS>& bare) {
  static_assert(IS_PLAIN<C>, "cuBLASLt has no such products");
  if (choice.way == Way::cublaslt && extent.groups > 0 && extent.m > 0 && extent.n > 0) {
    const cudaError_t error = contract_by_library<C>(stream, extent, products[0], bare);
    if (error != cudaErrorNotSupported) return error;
  }
  return contract<C>(stream, extent, products, epilogue, choice, Scratch{bare.workspace, bare.workspace_bytes});
}

}  // namespace mlac
