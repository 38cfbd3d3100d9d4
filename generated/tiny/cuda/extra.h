/* What a CUDA build exports beside mlac.h and measure.h. */
#ifndef MLAC_EXTRA_H
#define MLAC_EXTRA_H
#include "measure.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* How long a micro-step and an update take on the device, for benchmarks: medians over `rounds` of each, in milliseconds, by CUDA events.
   Runs the last micro-batch again with `first` set, and the last update (before there was one: step 1, rate 1, clip 1), so it changes
   gradients, weights and optimizer state as those calls do. report[0] = micro-step, report[1] = update. Fails before the first micro-step. */
int32_t mlac_time(mlac_session *session, int32_t rounds, double *report);

/* Measures the ways in which each kernel of a micro-step can compute its contraction (lib/choice.cuh), each in its place among the others: a
   micro-step of these tokens and targets [B, T] a way, `rounds` times over. Takes the fastest ways, and automatic where none is at least 2 %
   faster. `text` gets a line a kernel: name, tab, the way, and for each candidate tab, way=milliseconds of all calls in a micro-step. Weights
   and optimizer stay as they are; gradients are zero afterwards. It holds for all sessions of this library. Give it real or drawn weights:
   of zeros all tokens go to the same experts. */
int32_t mlac_tune(mlac_session *session, const int32_t *tokens, const int32_t *targets, int32_t rounds, char *text, int64_t bytes);

/* Takes the ways of an earlier measurement: a line a kernel, name, tab, way. Kernels that are not named get automatic. Fails, and changes
   nothing, if there is no such kernel or it has no such way here. */
int32_t mlac_set_choices(mlac_session *session, const char *text);

/* The version of the cuBLASLt that is found (130002 is 13.0.2), or 0. */
int64_t mlac_cublaslt(const mlac_session *session);

/* The GPU the session runs on: "NVIDIA H200". Valid as long as the session. */
const char *mlac_device(const mlac_session *session);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
