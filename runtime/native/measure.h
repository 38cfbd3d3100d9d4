/* What every built model exports beside mlac.h, for those who measure. */
#ifndef MLAC_MEASURE_H
#define MLAC_MEASURE_H
#include "mlac.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Where the time of a micro-step goes: the last one is run again `rounds` times, on a GPU with its kernels launched one by one. `text`
   gets a line a kernel, in the order of their first calls: name, tab, calls in a micro-step, tab, milliseconds of all of them. Adds to the
   gradients. Fails before the first micro-step. */
int32_t mlac_profile(mlac_session *session, int32_t rounds, char *text, int64_t bytes);

/* How fast memory is copied: the first half of the session's memory over its second half, `rounds` times, by all threads or by the GPU's
   own copy. report[0] = bytes read and written in a second, the best round. All tensors are lost. */
int32_t mlac_copy_speed(mlac_session *session, int32_t rounds, double *report);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
