/*
 * The C interface of a built model. One header for every target; generated/<model>/<target>/model.so exports exactly this.
 *
 * Calls on one session must not overlap. Every function that can fail returns 0 on success and 1 on failure, after which
 * mlac_last_error gives a sentence. Tensors are addressed by name as in manifest.json: "layers.0.attn.q", "grad.head".
 */
#ifndef MLAC_H
#define MLAC_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct mlac_session mlac_session;

/* Takes the model's memory, all zero, and the scratch memory of each thread (manifest.json: memory.total without its tables,
   and memory.scratchPerThread). threads = 0: as many as there are processors; sessions of one library share the number of the
   last one opened. NULL on failure; then mlac_last_error(NULL) says why. */
mlac_session *mlac_open(int32_t threads);
void mlac_close(mlac_session *session);

/* The sentence about the last failure of this session (or, with NULL, of mlac_open). Valid until the next call. */
const char *mlac_last_error(const mlac_session *session);

/* Draws every parameter anew as the manifest's `init` says, from `seed` alone: the same bits on any number of threads. */
int32_t mlac_initialize(mlac_session *session, uint64_t seed);

/* Copies a whole tensor out or in. `bytes` must be its exact size; elements are the model's dtype, row-major. On one of several ranks
   (ranks.h) a tensor of optimizer state is written as far as the rank owns it, and cannot be read: mlac_collect gives it. */
int32_t mlac_read(mlac_session *session, const char *name, void *out, int64_t bytes);
int32_t mlac_write(mlac_session *session, const char *name, const void *data, int64_t bytes);

/* Sets all optimizer state (momentum, AdamW's moments) to zero. */
int32_t mlac_reset_optimizer(mlac_session *session);

/* Forward and backward over one micro-batch: tokens and targets are [B, T]. Gradients of (loss + balance)·loss_scale are
   added to what is there, or replace it if `first` is not 0. report[0] = cross entropy in nats a token, report[1] = balance loss.
   Expert loads ("load.…") are those of this micro-step, and are summed for the expert-bias rule in the same way as gradients. `last` says
   that an update follows: between ranks (ranks.h) each gradient then goes to its owner as soon as it is final; alone it changes nothing. */
int32_t mlac_micro_step(mlac_session *session, const int32_t *tokens, const int32_t *targets, double loss_scale, int32_t first, int32_t last,
                        double *report);

/* One optimizer step from the accumulated gradients. `step` counts from 1; every group's learning rate is multiplied by
   `rate`. clip > 0 scales all gradients by min(1, clip / (norm + 1e-6)). report[0] = the global gradient norm before clipping;
   if that is not finite, nothing is changed. Between ranks: after a micro-step with `last`. */
int32_t mlac_update(mlac_session *session, int64_t step, double rate, double clip, double *report);

/* Forward only. report as in mlac_micro_step. */
int32_t mlac_evaluate(mlac_session *session, const int32_t *tokens, const int32_t *targets, double *report);

/* Forward only: logits [B, V] after position at[b] of each sequence; elements are the model's dtype. */
int32_t mlac_predict(mlac_session *session, const int32_t *tokens, const int32_t *at, void *logits);

/* The name of the first parameter, gradient or optimizer tensor with a value that is not finite; NULL if there is none. */
const char *mlac_first_not_finite(mlac_session *session);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
