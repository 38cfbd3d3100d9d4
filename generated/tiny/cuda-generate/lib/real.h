// The number type of the whole model: float, or double when it is compiled with -DMLAC_DOUBLE (for checks).
#pragma once

#include <cstdint>

namespace mlac {

#ifdef MLAC_DOUBLE
using real = double;
#else
using real = float;
#endif

}  // namespace mlac
