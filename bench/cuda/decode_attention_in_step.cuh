// The time that attention adds to a step: between the product that it reads and the one that reads it, each of which begins before the last one ends.
#pragma once

#include "decode_times.cuh"
#include "lib/linear_by_head.cuh"

namespace {

/// One row of lite: the query goes to the latent's space, attention, the latent to the values. What is told is the time beyond that of the two products.
void time_attention_in_step(int64_t context) {
  constexpr int C = 512, R = 64, HEADS = 16, WIDTH = 128;
  constexpr int64_t WEIGHTS = int64_t(HEADS) * WIDTH * C;
  const double bytes = double(context) * (2 * (C + R) + 4 * HEADS);
  const int copies = int(std::max(1., std::min(16., 6e9 / bytes)));
  const Requests requests(context, {0}, {int32_t(context - 1)});
  Device<bf16> x(HEADS * WIDTH), up(copies * WEIGHTS), down(copies * WEIGHTS), y(HEADS * WIDTH);
  Device<bf16> q(HEADS * C), turned(HEADS * R), latent(copies * context * C), rotary(copies * context * R), out(HEADS * C);
  Device<float> scalars(copies * context * HEADS);
  Device<char> workspace(mlac::decode::workspace(1, HEADS, 1, context, C));
  check::fill(x, 9), check::fill(up, 8, .05f), check::fill(down, 7, .05f);
  check::fill(turned, 2), check::fill(latent, 3), check::fill(rotary, 4), check::fill(scalars, 5), check::fill(out, 6);
  double ms[2];
  for (const bool attends : {false, true})
    ms[attends] = in_a_row(copies, [&](cudaStream_t stream, int i) {
      CUDA_OK((mlac::linear_by_head<1, WIDTH, C, true>(stream, HEADS, x, up + i * WEIGHTS, q)));
      if (attends)
        CUDA_OK((mlac::decode_attention_latent<C, R>(stream, 1, HEADS, context, .1f, q, turned, R, latent + i * context * C, rotary + i * context * R, scalars + i * context * HEADS,
                                                     requests.device_slot, requests.device_position, out, workspace)));
      CUDA_OK((mlac::linear_by_head<1, C, WIDTH, false>(stream, HEADS, out, down + i * WEIGHTS, y)));
    });
  tell("latent of a row in a step, context " + std::to_string(context), ms[1] - ms[0], bytes);
}

}  // namespace
