// Attention of one new token of each row in the space of the cached latent: keys and values are never formed. decode_attention_parts.cuh has the picture.
#pragma once

#include "decode_attention_parts.cuh"

namespace mlac {

/// out[r, h] = Σ over t up to the row's position of p(t) · latent[t], p = softmax of scale · scalars[t, h] · (q[r, h] · latent[t] + q_rotary[r, h] · rotary[t]).
/// q [rows heads C] is the query times the keys' up-projection; q_rotary [rows heads R], its heads `rotary_stride` elements apart (R, or more where it
/// is a part of a wider row); latent [slots context C], rotary [slots context R]; scalars [slots context heads], or null for ones; slot, position
/// [rows]; out [rows heads C], to be multiplied with the values' up-projection. slot < 0: row 0's result once more.
/// `workspace`: decode::workspace(rows, heads, 1, context, C) bytes. Returns what the launch returned.
template <int C, int R>
cudaError_t decode_attention_latent(cudaStream_t stream, int64_t rows, int64_t heads, int64_t context, float scale, const bf16* q, const bf16* q_rotary,
                                    int64_t rotary_stride, const bf16* latent, const bf16* rotary, const float* scalars, const int32_t* slot, const int32_t* position,
                                    bf16* out, char* workspace) {
  decode::Arguments a{};
  a.rows = int(rows), a.heads = int(heads), a.groups = 1, a.context = int(context);
  a.scale = scale * flash::LOG2_E;
  a.qx = {q, heads * C, C};
  a.qy = {q_rotary, heads * rotary_stride, rotary_stride};
  a.x = latent, a.y = rotary;
  a.scalars = scalars;
  a.slot = slot, a.position = position;
  a.whole = out;
  return decode::launch<decode::Tile<C, R, true>>(stream, a, workspace);
}

}  // namespace mlac
