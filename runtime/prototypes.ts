/** The C functions that a built model exports, as koffi reads them: runtime/native/*.h. */

export const prototypes = {
  open: "void *mlac_open(int32_t threads)",
  close: "void mlac_close(void *session)",
  lastError: "const char *mlac_last_error(void *session)",
  initialize: "int32_t mlac_initialize(void *session, uint64_t seed)",
  read: "int32_t mlac_read(void *session, const char *name, void *out, int64_t bytes)",
  write: "int32_t mlac_write(void *session, const char *name, const void *data, int64_t bytes)",
  resetOptimizer: "int32_t mlac_reset_optimizer(void *session)",
  microStep:
    "int32_t mlac_micro_step(void *session, const int32_t *tokens, const int32_t *targets, double loss_scale, int32_t first, int32_t last, double *report)",
  update: "int32_t mlac_update(void *session, int64_t step, double rate, double clip, double *report)",
  evaluate: "int32_t mlac_evaluate(void *session, const int32_t *tokens, const int32_t *targets, double *report)",
  predict: "int32_t mlac_predict(void *session, const int32_t *tokens, const int32_t *at, void *logits)",
  firstNotFinite: "const char *mlac_first_not_finite(void *session)",
} as const;

/** For several processes that train together: runtime/native/ranks.h. */
export const ranksPrototypes = {
  ranksId: "int32_t mlac_ranks_id(uint8_t *id)",
  openRank: "void *mlac_open_rank(int32_t threads, const mlac_place *place)",
  sum: "int32_t mlac_sum(void *session, double *values, int64_t count)",
  collect: "int32_t mlac_collect(void *session, const char *name, void *out, int64_t bytes)",
  traffic: "int32_t mlac_traffic(void *session, double *report)",
  where: "int32_t mlac_where(void *session, void *text, int64_t bytes)",
  abort: "int32_t mlac_abort(void *session)",
} as const;

/** For those who measure: runtime/native/measure.h. What trains does without them. */
export const measurePrototypes = {
  profile: "int32_t mlac_profile(void *session, int32_t rounds, char *text, int64_t bytes)",
  copySpeed: "int32_t mlac_copy_speed(void *session, int32_t rounds, double *report)",
} as const;

/** What a CUDA build exports beside them: runtime/native/cuda/extra.h. */
export const cudaPrototypes = {
  device: "const char *mlac_device(void *session)",
  time: "int32_t mlac_time(void *session, int32_t rounds, double *report)",
  cublasLt: "int64_t mlac_cublaslt(void *session)",
  tune: "int32_t mlac_tune(void *session, const int32_t *tokens, const int32_t *targets, int32_t rounds, char *text, int64_t bytes)",
  setChoices: "int32_t mlac_set_choices(void *session, const char *text)",
} as const;
