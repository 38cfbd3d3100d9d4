// What model.so asks of collectives.so. The two are compiled apart and meet at run time.
#pragma once

#include <string>

#include "collectives.h"

namespace mlac {

/// Collective. The ranks that MPI started together; null, and a sentence in `why`, if they are not there or are others than was said.
/// timeout: seconds that a collective waits without anything happening.
using OpenCollectives = Collectives* (*)(int rank, int size, double timeout, std::string* why);
constexpr const char* OPENER = "mlac_open_mpi";

}  // namespace mlac
