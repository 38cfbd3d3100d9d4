// Every kernel of tiny. Emitted by mlac.
#pragma once

#include <cstdint>

#include "lib/real.h"

namespace mlac {

void prefill_01_lookup(const real* embed, const int32_t* tokens, real* __restrict lookup_embed);
void prefill_02_rmsnorm(const real* lookup_embed, const real* attnNorm, real* __restrict rmsnorm_attnNorm);
void prefill_03_linear(const real* rmsnorm_attnNorm, const real* kvDown, real* __restrict linear_kvDown);
void prefill_04_rmsnorm(const real* linear_kvDown, const real* kvNorm, real* __restrict latent);
void prefill_05_linear_expand_mul(const real* rmsnorm_attnNorm, const real* kRope, const real* part_kNorm, real* __restrict linear_kRope, real* __restrict mul);
void prefill_06_linear(const real* rmsnorm_attnNorm, const real* q, real* __restrict linear_q);
void prefill_07_rmsnorm_rope(const real* linear_q, const real* qNorm, real* __restrict rope);
void prefill_08_linear(const real* latent, const real* k_, const real* v, real* __restrict linear_k, real* __restrict linear_v);
void prefill_09_expand_concat_rmsnorm(const real* linear_kRope, const real* linear_k, const real* kNorm, real* __restrict rope, real* __restrict rstd);
void prefill_10_rope(const real* mul, real* __restrict rope);
void prefill_11_cacheWrite(const real* latent, const real* rope, const real* rstd, const int32_t* slot, const int32_t* position, real* __restrict latent_2, real* __restrict rotary, real* __restrict norm);
void prefill_12_attention(const real* rope, const real* rope_2, const real* linear_v, real* __restrict mixed, real* __restrict lse);
void prefill_13_linear_add(const real* mixed, const real* out_, const real* lookup_embed, real* __restrict add);
void prefill_14_rmsnorm(const real* add, const real* ffnNorm, real* __restrict rmsnorm_ffnNorm);
void prefill_15_linear(const real* rmsnorm_ffnNorm, const real* gate, const real* up, real* __restrict linear_gate, real* __restrict linear_up);
void prefill_16_linear_swiglu_add(const real* linear_gate, const real* linear_up, const real* down, const real* add, real* __restrict x);
void prefill_17_rmsnorm(const real* x, const real* attnNorm, real* __restrict rmsnorm_attnNorm);
void prefill_18_linear_add(const real* mixed, const real* out_, const real* x, real* __restrict add);
void prefill_19_linear(const real* rmsnorm_ffnNorm, const real* router, real* __restrict linear_router);
void prefill_20_route(const real* linear_router, real* __restrict gates, int32_t* __restrict choice_2, int32_t* __restrict slot, int32_t* __restrict source, int32_t* __restrict offsets, int32_t* __restrict load, real* __restrict probabilities, real* __restrict balance);
void prefill_21_linear_dispatch(const real* rmsnorm_ffnNorm, const int32_t* source, const real* gate, const int32_t* offsets, const real* up, real* __restrict linear_gate, real* __restrict linear_up);
void prefill_22_linear_swiglu(const real* linear_gate, const real* linear_up, const real* down, const int32_t* offsets, real* __restrict routed);
void prefill_23_combine(const real* routed, const int32_t* slot, const real* gates, real* __restrict combine);
void prefill_24_linear(const real* rmsnorm_ffnNorm, const real* sharedGate, const real* sharedUp, real* __restrict linear_sharedGate, real* __restrict linear_sharedUp);
void prefill_25_linear_swiglu_add(const real* linear_sharedGate, const real* linear_sharedUp, const real* sharedDown, const real* combine, const real* add, real* __restrict x);
void prefill_26_rmsnorm(const real* x, const real* norm, real* __restrict rmsnorm_norm);
void prefill_27_nextLogits(const real* rmsnorm_norm, const real* head_2, const int32_t* position, real* __restrict nextLogits_head);
void decode_01_lookup(const real* embed, const int32_t* tokens, real* __restrict lookup_embed);
void decode_02_rmsnorm(const real* lookup_embed, const real* attnNorm, real* __restrict rmsnorm_attnNorm);
void decode_03_linear(const real* rmsnorm_attnNorm, const real* kvDown, real* __restrict linear_kvDown);
void decode_04_rmsnorm(const real* linear_kvDown, const real* kvNorm, real* __restrict latent);
void decode_05_linear_expand_mul(const real* rmsnorm_attnNorm, const real* kRope, const real* part_kNorm, real* __restrict linear_kRope, real* __restrict mul);
void decode_06_linear(const real* rmsnorm_attnNorm, const real* q, real* __restrict linear_q);
void decode_07_rmsnorm_rope_expand(const real* linear_q, const real* qNorm, const int32_t* position, const real* kNorm, real* __restrict part, real* __restrict part_2);
void decode_08_linear(const real* latent, const real* k_, real* __restrict linear_k);
void decode_09_expand_concat_rstd(const real* linear_kRope, const real* linear_k, real* __restrict rstd);
void decode_10_rope(const real* mul, const int32_t* position, real* __restrict rope);
void decode_11_cacheWrite(const real* latent, const real* rope, const real* rstd, const int32_t* slot, const int32_t* position, real* __restrict latent_2, real* __restrict rotary, real* __restrict norm);
void decode_12_linearByHead(const real* part, const real* k_, real* __restrict linearByHead_k);
void decode_13_latentCachedAttention(const real* linearByHead_k, const real* part, const real* latent, const real* rotary, const real* norm, const int32_t* slot, const int32_t* position, real* __restrict mixed_latent, real* __restrict workspace);
void decode_14_linearByHead(const real* mixed_latent, const real* v, real* __restrict mixed);
void decode_15_linear_add(const real* mixed, const real* out_, const real* lookup_embed, real* __restrict add);
void decode_16_rmsnorm(const real* add, const real* ffnNorm, real* __restrict rmsnorm_ffnNorm);
void decode_17_linear(const real* rmsnorm_ffnNorm, const real* gate, const real* up, real* __restrict linear_gate, real* __restrict linear_up);
void decode_18_linear_swiglu_add(const real* linear_gate, const real* linear_up, const real* down, const real* add, real* __restrict x);
void decode_19_rmsnorm(const real* x, const real* attnNorm, real* __restrict rmsnorm_attnNorm);
void decode_20_linear_add(const real* mixed, const real* out_, const real* x, real* __restrict add);
void decode_21_linear(const real* rmsnorm_ffnNorm, const real* router, real* __restrict linear_router);
void decode_22_route(const real* linear_router, real* __restrict gates, int32_t* __restrict choice_2, int32_t* __restrict slot, int32_t* __restrict source, int32_t* __restrict offsets, int32_t* __restrict load, real* __restrict probabilities, real* __restrict balance);
void decode_23_linear_dispatch(const real* rmsnorm_ffnNorm, const int32_t* source, const real* gate, const int32_t* offsets, const real* up, real* __restrict linear_gate, real* __restrict linear_up);
void decode_24_linear_swiglu(const real* linear_gate, const real* linear_up, const real* down, const int32_t* offsets, real* __restrict routed);
void decode_25_linear(const real* rmsnorm_ffnNorm, const real* sharedGate, const real* sharedUp, real* __restrict linear_sharedGate, real* __restrict linear_sharedUp);
void decode_26_combine(const real* routed, const int32_t* slot, const real* gates, real* __restrict combine);
void decode_27_linear_swiglu_add(const real* linear_sharedGate, const real* linear_sharedUp, const real* sharedDown, const real* combine, const real* add, real* __restrict x);
void decode_28_rmsnorm(const real* x, const real* norm, real* __restrict rmsnorm_norm);
void decode_29_nextLogits(const real* rmsnorm_norm, const real* head_2, real* __restrict nextLogits_head);

}  // namespace mlac
