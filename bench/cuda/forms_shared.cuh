// What the checks of forms share: exact comparisons.
#pragma once

#include "check.cuh"

namespace forms {

inline void truth(const std::string& name, bool is) { check::report(name, is ? 0 : 1, 0); }

/// How many numbers differ, and the first that does.
inline void exact(const std::string& name, const std::vector<int32_t>& got, const std::vector<int32_t>& wanted) {
  size_t wrong = 0, first = 0;
  for (size_t i = wanted.size(); i-- > 0;)
    if (got[i] != wanted[i]) {
      ++wrong;
      first = i;
    }
  if (wrong > 0) std::printf("     %zu of %zu differ, the first at %zu: got %d, wanted %d\n", wrong, wanted.size(), first, got[first], wanted[first]);
  truth(name, wrong == 0);
}

template <typename T>
bool same_bits(const check::Device<T>& a, const check::Device<T>& b) {
  const std::vector<T> x = a.host(), y = b.host();
  return std::memcmp(x.data(), y.data(), x.size() * sizeof(T)) == 0;
}

}  // namespace forms
