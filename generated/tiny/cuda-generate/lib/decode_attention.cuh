// Attention of one new token of each row over cached keys and values. decode_attention_parts.cuh has the picture.
#pragma once

#include "decode_attention_parts.cuh"

namespace mlac {

/// out[r, h] = softmax(scale · q[r, h] · keys of the row's slot up to its position) · their values.
/// q [rows heads A]; keys [slots context groups A], values [slots context groups U]; slot, position [rows]; out [rows heads U]. Head h reads
/// group h / (heads / groups). The row's own token is in the cache already. slot < 0: row 0's result once more. `workspace`:
/// decode::workspace(rows, heads, groups, context, U) bytes. Returns what the launch returned.
template <int A, int U>
cudaError_t decode_attention(cudaStream_t stream, int64_t rows, int64_t heads, int64_t groups, int64_t context, float scale, const bf16* q, const bf16* keys,
                             const bf16* values, const int32_t* slot, const int32_t* position, bf16* out, char* workspace) {
  decode::Arguments a{};
  a.rows = int(rows), a.heads = int(heads), a.groups = int(groups), a.context = int(context);
  a.scale = scale * flash::LOG2_E;
  a.qy = {q, heads * A, A};
  a.x = values, a.y = keys;
  a.slot = slot, a.position = position;
  a.whole = out;
  return decode::launch<decode::Tile<U, A, false>>(stream, a, workspace);
}

}  // namespace mlac
