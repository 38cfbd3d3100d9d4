/*
 * Training on several ranks, beside mlac.h: processes that each have a session of the same build, and compute other micro-batches.
 *
 * Every rank has all weights and all gradients; of the optimizer's state, and of the work of an update, each has its own part. A function
 * that is called collective is called by all ranks, in the same order, and ends when all have called it; the others talk to nobody.
 * mlac_micro_step with `last` and mlac_update are collective on such a session; the reports of a micro-step stay the rank's own.
 */
#ifndef MLAC_RANKS_H
#define MLAC_RANKS_H
#include "mlac.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* A session's place among the others. */
typedef struct {
  int32_t rank, size;
  /* Who belongs together: what mlac_ranks_id gave to rank 0, which must have told it to the others. */
  uint8_t id[128];
  /* Who owns what: for each trained parameter in the manifest's order, and each of its slices, size + 1 boundaries in units, from 0 to their
     number; rank r owns the units from bounds[r] to bounds[r + 1]. The same on all ranks. Copied. */
  const int64_t *bounds;
  int64_t bounds_count;
  /* How long a call waits for other ranks without anything happening, in seconds. */
  double timeout_seconds;
} mlac_place;

/* Rank 0 asks for it, before any rank opens its session. With MPI, whose processes know each other, it is all zero. */
int32_t mlac_ranks_id(uint8_t id[128]);

/* Collective. As mlac_open; memory for the optimizer is taken for what this rank owns. With a size of 1 everything goes the way it goes with
   more. NULL on failure; then mlac_last_error(NULL) says why. */
mlac_session *mlac_open_rank(int32_t threads, const mlac_place *place);

/* Collective. Each value becomes its sum over all ranks, the same bits on each. */
int32_t mlac_sum(mlac_session *session, double *values, int64_t count);

/* Collective. Rank 0 gets the whole tensor, whose exact size is `bytes`; the other ranks pass NULL. Of a gradient that is the sum over all
   ranks, after a last micro-step; of an expert load it is rank 0's own. */
int32_t mlac_collect(mlac_session *session, const char *name, void *out, int64_t bytes);

/* Since the last call: report[0] = bytes that this rank gave to others, report[1] = bytes of gradients among them, report[2] and report[3] =
   seconds that micro-steps and updates waited for other ranks, with nothing of their own left to do. */
int32_t mlac_traffic(mlac_session *session, double report[4]);

/* From any thread, at any time, also while a call on the session runs. `text` gets the collective in progress or the last one ("none"), tab, its
   number, tab, what is waited for ("nothing" while the rank is at its own work), tab, the part of the step that runs or ran last. */
int32_t mlac_where(mlac_session *session, char *text, int64_t bytes);

/* From any thread, at any time: calls that wait for other ranks give up, with a sentence; the session is of no use afterwards. */
int32_t mlac_abort(mlac_session *session);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
