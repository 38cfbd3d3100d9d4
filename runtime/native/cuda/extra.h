/* What a CUDA build exports beside mlac.h. */
#ifndef MLAC_EXTRA_H
#define MLAC_EXTRA_H
#include "mlac.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* How long a micro-step and an update take on the device, for benchmarks: medians over `rounds` of each, in milliseconds, by CUDA events.
   Runs the last micro-batch again with `first` set, and the last update (before there was one: step 1, rate 1, clip 1), so it changes
   gradients, weights and optimizer state as those calls do. report[0] = micro-step, report[1] = update. Fails before the first micro-step. */
int32_t mlac_time(mlac_session *session, int32_t rounds, double *report);

/* Where the time of a micro-step goes: the last one is run again `rounds` times, its kernels launched one by one. `text` gets a line a
   kernel: name, tab, calls in a micro-step, tab, milliseconds of all of them. Adds to the gradients. Fails before the first micro-step. */
int32_t mlac_profile(mlac_session *session, int32_t rounds, char *text, int64_t bytes);

/* The GPU the session runs on: "NVIDIA H200". Valid as long as the session. */
const char *mlac_device(const mlac_session *session);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
