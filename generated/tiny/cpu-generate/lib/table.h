// Constant tables, computed in double when the library is loaded.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "real.h"

namespace mlac {

template <class Entry>
std::vector<real> table(int64_t length, Entry entry) {
  std::vector<real> values(length);
  for (int64_t i = 0; i < length; ++i) values[i] = real(entry(i));
  return values;
}

}  // namespace mlac
