// Every kernel of tiny. Emitted by mlac.
#pragma once

#include "lib/kernel.cuh"

namespace mlac {

void prefill_01_lookup(cudaStream_t stream, const bf16* embed, const int32_t* tokens, bf16* lookup_embed);
void prefill_02_rmsnorm(cudaStream_t stream, const bf16* lookup_embed, const float* attnNorm, bf16* rmsnorm_attnNorm);
void prefill_03_linear_rmsnorm(cudaStream_t stream, const bf16* rmsnorm_attnNorm, const bf16* kvDown, const float* kvNorm, bf16* latent);
void prefill_04_linear_expand_mul(cudaStream_t stream, const bf16* rmsnorm_attnNorm, const bf16* kRope, const float* part_kNorm, bf16* linear_kRope, bf16* rope, const float* rope_cos, const float* rope_sin);
void prefill_05_linear_rmsnorm_rope(cudaStream_t stream, const bf16* rmsnorm_attnNorm, const bf16* q, const float* qNorm, bf16* rope, const float* rope_cos, const float* rope_sin);
void prefill_06_linear_expand_concat(cudaStream_t stream, const bf16* latent, const bf16* k_, const bf16* linear_kRope, const float* kNorm, bf16* concat, bf16* rope, const float* rope_cos, const float* rope_sin);
void prefill_07_linear(cudaStream_t stream, const bf16* latent, const bf16* v, bf16* linear_v, char* workspace);
void prefill_08_rstd(cudaStream_t stream, const bf16* concat, float* rstd);
void prefill_09_cacheWrite(cudaStream_t stream, const bf16* latent, const bf16* rope, const float* rstd, const int32_t* slot, const int32_t* position, bf16* latent_2, bf16* rotary, float* norm);
void prefill_10_attention(cudaStream_t stream, const bf16* rope, const bf16* rope_2, const bf16* linear_v, bf16* mixed, float* lse);
void prefill_11_linear_add_rmsnorm(cudaStream_t stream, const bf16* mixed, const bf16* out_, const bf16* lookup_embed, const float* ffnNorm, bf16* add, bf16* rmsnorm_ffnNorm);
void prefill_12_linear_swiglu(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const bf16* gate, const bf16* up, bf16* swiglu);
void prefill_13_linear_add(cudaStream_t stream, const bf16* swiglu, const bf16* down, const bf16* add, bf16* x);
void prefill_14_rmsnorm(cudaStream_t stream, const bf16* x, const float* attnNorm, bf16* rmsnorm_attnNorm);
void prefill_15_linear_add_rmsnorm(cudaStream_t stream, const bf16* mixed, const bf16* out_, const bf16* x, const float* ffnNorm, bf16* add, bf16* rmsnorm_ffnNorm);
void prefill_16_linear(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const bf16* router, float* linear_router, char* workspace);
void prefill_17_route(cudaStream_t stream, const float* linear_router, float* gates, int32_t* choice_2, int32_t* slot, int32_t* source, int32_t* offsets, int32_t* load_2, float* probabilities, float* balance, char* workspace);
void prefill_18_linear_dispatch_swiglu(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const int32_t* source, const bf16* gate, const int32_t* offsets, const bf16* up, bf16* swiglu);
void prefill_19_linear_swiglu(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const bf16* sharedGate, const bf16* sharedUp, bf16* swiglu);
void prefill_20_linear(cudaStream_t stream, const bf16* swiglu, const bf16* down, const int32_t* offsets, bf16* routed);
void prefill_21_combine(cudaStream_t stream, const bf16* routed, const int32_t* slot, const float* gates, bf16* combine);
void prefill_22_linear_add(cudaStream_t stream, const bf16* swiglu, const bf16* sharedDown, const bf16* combine, const bf16* add, bf16* x);
void prefill_23_rmsnorm(cudaStream_t stream, const bf16* x, const float* norm, bf16* rmsnorm_norm);
void prefill_24_nextLogits(cudaStream_t stream, const bf16* rmsnorm_norm, const bf16* head_2, const int32_t* position, float* nextLogits_head);
void decode_01_lookup(cudaStream_t stream, const bf16* embed, const int32_t* tokens, bf16* lookup_embed);
void decode_02_linear_rmsnorm(cudaStream_t stream, const bf16* lookup_embed, const float* attnNorm, const bf16* kvDown, const bf16* kRope, const bf16* q, bf16* linear_kvDown, bf16* linear_kRope, bf16* linear_q);
void decode_03_linear_rmsnorm(cudaStream_t stream, const bf16* linear_kvDown, const float* kvNorm, const bf16* k_, bf16* linear_k);
void decode_04_rmsnorm_expand_concat(cudaStream_t stream, const bf16* linear_kvDown, const float* kvNorm, const bf16* linear_q, const float* qNorm, const bf16* linear_kRope, const bf16* linear_k, const int32_t* position, const float* part_kNorm, const int32_t* slot, const float* kNorm, bf16* latent, bf16* rotary, float* norm, bf16* part, bf16* part_2, const float* rope_cos, const float* rope_sin);
void decode_05_linearByHead(cudaStream_t stream, const bf16* part, const bf16* k_, bf16* linearByHead_k);
void decode_06_latentCachedAttention(cudaStream_t stream, const bf16* linearByHead_k, const bf16* part, const bf16* latent, const bf16* rotary, const float* norm, const int32_t* slot, const int32_t* position, bf16* mixed_latent, char* workspace);
void decode_07_linearByHead(cudaStream_t stream, const bf16* mixed_latent, const bf16* v, bf16* mixed);
void decode_08_linear_add(cudaStream_t stream, const bf16* mixed, const bf16* out_, const bf16* lookup_embed, bf16* add);
void decode_09_linear_rmsnorm_swiglu(cudaStream_t stream, const bf16* add, const float* ffnNorm, const bf16* gate, const bf16* up, bf16* swiglu);
void decode_10_linear_add(cudaStream_t stream, const bf16* swiglu, const bf16* down, const bf16* add, bf16* x);
void decode_11_linear_rmsnorm(cudaStream_t stream, const bf16* x, const float* attnNorm, const bf16* kvDown, const bf16* kRope, const bf16* q, bf16* linear_kvDown, bf16* linear_kRope, bf16* linear_q);
void decode_12_linear_add(cudaStream_t stream, const bf16* mixed, const bf16* out_, const bf16* x, bf16* add);
void decode_13_linear_rmsnorm(cudaStream_t stream, const bf16* add, const float* ffnNorm, const bf16* router, float* linear_router);
void decode_14_route(cudaStream_t stream, const float* linear_router, float* gates, int32_t* choice_2, int32_t* slot, int32_t* source, int32_t* offsets, int32_t* load_2, float* probabilities, float* balance);
void decode_15_linear_rmsnorm_swiglu(cudaStream_t stream, const bf16* add, const float* ffnNorm, const bf16* sharedGate, const bf16* sharedUp, bf16* swiglu);
void decode_16_linear_rmsnorm_dispatch(cudaStream_t stream, const bf16* add, const float* ffnNorm, const int32_t* source, const bf16* gate, const int32_t* offsets, const bf16* up, bf16* swiglu);
void decode_17_linear(cudaStream_t stream, const bf16* swiglu, const bf16* down, const int32_t* offsets, bf16* routed);
void decode_18_linear_combine_add(cudaStream_t stream, const bf16* swiglu, const bf16* sharedDown, const bf16* routed, const int32_t* slot, const float* gates, const bf16* add, bf16* x);
void decode_19_nextLogits_rmsnorm(cudaStream_t stream, const bf16* x, const float* norm, const bf16* head_2, float* nextLogits_head);

}  // namespace mlac
