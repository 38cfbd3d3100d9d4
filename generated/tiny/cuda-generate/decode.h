/*
 * The C interface of a model that was built for generating text (`mlac generate`). One header for every target;
 * generated/<model>/<target>-generate/model.so exports exactly this.
 *
 * The sizes below are the build's, in manifest.json under `generation`: `rows` ROWS, `sequences` S, `window` W, `slots`, `context`; V is
 * the vocabulary. A request lives in a slot of the cache, which has room for `context` tokens. Whoever calls shares out the slots; a slot
 * is free again as soon as another request begins in it, since nothing behind a request's last position is ever read.
 *
 * Calls on one generator must not overlap. Functions that can fail return 0 on success and 1 on failure, after which
 * mlac_generator_last_error gives a sentence. mlac_prefill and mlac_decode need not have finished when they return; a failure is
 * then told by the next call. Weights are addressed by name as in manifest.json: "layers.0.attn.q".
 */
#ifndef MLAC_DECODE_H
#define MLAC_DECODE_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct mlac_generator mlac_generator;

/* Takes the model's memory, weights and cache, and the scratch memory of each thread. threads = 0: as many as there are processors; a
   GPU does not ask. NULL on failure; then mlac_generator_last_error(NULL) says why. */
mlac_generator *mlac_generator_open(int32_t threads);
void mlac_generator_close(mlac_generator *generator);

/* The sentence about the last failure of this generator (or, with NULL, of mlac_generator_open). Valid until the next call. */
const char *mlac_generator_last_error(const mlac_generator *generator);

/* Copies a whole weight in or out. `bytes` must be its exact size; elements are float32, or float64 where the model's dtype is that. */
int32_t mlac_generator_write(mlac_generator *generator, const char *name, const void *data, int64_t bytes);
int32_t mlac_generator_read(mlac_generator *generator, const char *name, void *out, int64_t bytes);

/* The beginning of up to S requests. tokens [S, W]: sequence i has counts[i] tokens, 1 to W, at positions 0, 1, …; what is behind them
   is padding, of any id below V. Their values are kept in slot slots[i]; −1: there is no such sequence, and its counts does not matter.
   Afterwards there are S rows of logits: of each sequence's last token. */
int32_t mlac_prefill(mlac_generator *generator, const int32_t *tokens, const int32_t *counts, const int32_t *slots);

/* One token for each of up to ROWS rows: tokens[i] at positions[i] of the request in slots[i], whose earlier positions are all kept
   by now or by other rows of this call. So a row is the next token of a request, and several rows may be the next tokens of a prompt.
   slots[i] = −1: no row; its token and position do not matter. No two rows have the same slot and position.
   Afterwards there are ROWS rows of logits. */
int32_t mlac_decode(mlac_generator *generator, const int32_t *tokens, const int32_t *slots, const int32_t *positions);

/* Draws a token for each row of logits of the last mlac_prefill (S rows) or mlac_decode (ROWS rows). Of row i: logits over
   temperatures[i] (0: the most likely token, and of equals the first), of these the top_k[i] most likely (0: all; of equals the first),
   of those the fewest, the most likely first, whose probabilities among them reach top_p[i] (1: all). Drawn with the random number
   (seeds[i], steps[i]), which is a hash of the two: the same seed and step give the same token, whatever other rows there are.
   sampled[i]: the token, or −1 where there is no row. log_probabilities[i]: of that token, in nats, by softmax of the logits as they are,
   before temperature, top_k and top_p. Fails if a row's logits have no largest one (NaN, or an infinity). Waits for all before. */
int32_t mlac_sample(mlac_generator *generator, const double *temperatures, const int32_t *top_k, const double *top_p, const uint64_t *seeds,
                    const int64_t *steps, int32_t *sampled, double *log_probabilities);

/* The logits of the last mlac_prefill [S, V] or mlac_decode [ROWS, V], float32 or, where the model's dtype is that, float64. Rows of no
   request hold anything. Waits for all before. */
int32_t mlac_logits(mlac_generator *generator, void *logits);

/* Bytes that the cache takes, all slots and positions of all layers, as it was allocated. */
int64_t mlac_cache_bytes(const mlac_generator *generator);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
