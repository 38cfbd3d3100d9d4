// How a tensor's numbers lie on the device.
#pragma once

namespace mlac {

/// split: bf16 at `offset`, and at `remainder` the 16 bits that make each a float32 (lib/split.cuh). half: the bf16 alone.
enum class Storage { f32, i32, split, half };

}  // namespace mlac
