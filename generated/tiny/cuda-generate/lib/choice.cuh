// Which of several ways computes a kernel's contraction: the one that a cost model takes, or the one that was measured to be the fastest on this GPU.
#pragma once

#include <cstdint>

namespace mlac {

/// automatic: the cost model's. wide, narrow, slim: shapes of the Hopper family's tiles; parts: several of its clusters share the k of a
/// tile. large, small: shapes of the portable family's tiles. cublaslt: NVIDIA's library, where it is found and the epilogue is bare.
enum class Way { automatic, wide, narrow, slim, parts, large, small, cublaslt };
constexpr const char* WAY_NAMES[] = {"automatic", "wide", "narrow", "slim", "parts", "large", "small", "cublaslt"};
constexpr int WAYS = sizeof WAY_NAMES / sizeof WAY_NAMES[0];

/// A set of ways has their bits.
constexpr uint32_t bit(Way way) { return 1u << int(way); }

/// What one kernel does. All of a built model are in a list; whoever changes `way` captures the programs anew.
struct Choice {
  Choice(const char* kernel, uint32_t ways) : kernel(kernel), ways(ways), next(first) { first = this; }
  bool has(Way w) const { return ways & bit(w); }

  const char* const kernel;
  const uint32_t ways;
  Way way = Way::automatic;
  Choice* const next;
  inline static Choice* first = nullptr;
};

}  // namespace mlac
