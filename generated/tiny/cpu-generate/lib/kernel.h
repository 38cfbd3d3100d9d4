// What every emitted kernel builds on. Kernels include it first, so that it can be compiled once for all of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "attention.h"
#include "contraction.h"
#include "math.h"
#include "range.h"
#include "real.h"
#include "routing.h"
#include "scratch.h"
#include "table.h"
