/* What a CUDA build that generates exports beside decode.h, for measuring. */
#ifndef MLAC_GENERATOR_EXTRA_H
#define MLAC_GENERATOR_EXTRA_H
#include "decode.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Fills every weight with numbers of a normal distribution, drawn on the device: of mean 0 and standard deviation `std` where it is a matrix,
   of mean 1 where it is not. */
int32_t mlac_generator_draw(mlac_generator *generator, uint64_t seed, double std);

/* Fills the cache with random bits of small numbers, so that a step can be timed as if requests had gone that far. */
int32_t mlac_generator_fill_cache(mlac_generator *generator, uint64_t seed);

/* Runs the last prefill (what = 0), the last decode (1) or the last sampling (2) again, `rounds` times, and gives the milliseconds each took on
   the device. Fails before the first one. */
int32_t mlac_generator_time(mlac_generator *generator, int32_t what, int32_t rounds, float *milliseconds);

/* Runs the last prefill (0) or decode (1) again, kernel by kernel: a line a kernel, name, tab, calls, tab, milliseconds of all calls. */
int32_t mlac_generator_profile(mlac_generator *generator, int32_t what, int32_t rounds, char *text, int64_t bytes);

/* Bytes a second of a copy on the device, read and written ones together, the best of `rounds`. */
int32_t mlac_generator_copy_speed(mlac_generator *generator, int32_t rounds, double *report);

/* The GPU that it runs on: "NVIDIA H200". */
const char *mlac_generator_device(const mlac_generator *generator);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
