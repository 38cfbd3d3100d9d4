// Every kernel of tiny. Emitted by mlac.
#pragma once

#include "lib/kernel.cuh"

namespace mlac {

void fwd_01_lookup(cudaStream_t stream, const bf16* embed, const int32_t* tokens, bf16* lookup_embed);
void fwd_02_rmsnorm(cudaStream_t stream, const bf16* lookup_embed, const float* attnNorm, bf16* rmsnorm_attnNorm, bf16* rmsnorm_attnNorm_2);
void fwd_03_linear_rmsnorm(cudaStream_t stream, const bf16* rmsnorm_attnNorm, const bf16* kvDown, const float* kvNorm, bf16* linear_kvDown, bf16* latent);
void fwd_04_linear(cudaStream_t stream, const bf16* rmsnorm_attnNorm, const bf16* kRope, bf16* linear_kRope, char* workspace);
void fwd_05_linear_rmsnorm_rope(cudaStream_t stream, const bf16* rmsnorm_attnNorm, const bf16* q, const float* qNorm, bf16* linear_q, bf16* rope, const float* rope_cos, const float* rope_sin);
void fwd_06_linear_expand_concat(cudaStream_t stream, const bf16* latent, const bf16* k_, const bf16* linear_kRope, const float* kNorm, bf16* rope, const float* rope_cos, const float* rope_sin);
void fwd_07_linear(cudaStream_t stream, const bf16* latent, const bf16* v, bf16* linear_v, char* workspace);
void fwd_08_attention(cudaStream_t stream, const bf16* rope, const bf16* rope_2, const bf16* linear_v, bf16* mixed, float* lse);
void fwd_09_linear_add_rmsnorm(cudaStream_t stream, const bf16* mixed, const bf16* out_, const bf16* lookup_embed, const float* ffnNorm, bf16* add, bf16* rmsnorm_ffnNorm);
void fwd_10_linear_swiglu(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const bf16* gate, const bf16* up, bf16* linear_gate, bf16* linear_up, bf16* swiglu, bf16* swiglu_2);
void fwd_11_linear_add(cudaStream_t stream, const bf16* swiglu, const bf16* down, const bf16* add, bf16* x);
void fwd_12_rmsnorm(cudaStream_t stream, const bf16* x, const float* attnNorm, bf16* rmsnorm_attnNorm);
void fwd_13_linear_add_rmsnorm(cudaStream_t stream, const bf16* mixed, const bf16* out_, const bf16* x, const float* ffnNorm, bf16* linear_out, bf16* add, bf16* rmsnorm_ffnNorm);
void fwd_14_linear(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const bf16* router, float* linear_router, char* workspace);
void fwd_15_route(cudaStream_t stream, const float* linear_router, float* gates, int32_t* choice_2, int32_t* slot, int32_t* source, int32_t* offsets, int32_t* load_2, float* probabilities, float* balance, char* workspace);
void fwd_16_pick(cudaStream_t stream, const float* gates, const int32_t* source, float* pick);
void fwd_17_linear_dispatch_swiglu(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const int32_t* source, const bf16* gate, const int32_t* offsets, const bf16* up, const float* pick, bf16* linear_gate, bf16* linear_up, bf16* weigh);
void fwd_18_linear(cudaStream_t stream, const bf16* weigh, const bf16* down, const int32_t* offsets, bf16* routed);
void fwd_19_combine(cudaStream_t stream, const bf16* routed, const int32_t* slot, bf16* combine);
void fwd_20_linear_swiglu(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const bf16* sharedGate, const bf16* sharedUp, bf16* linear_sharedGate, bf16* linear_sharedUp, bf16* swiglu);
void fwd_21_linear_add(cudaStream_t stream, const bf16* swiglu, const bf16* sharedDown, const bf16* combine, const bf16* add, bf16* x);
void fwd_22_rmsnorm(cudaStream_t stream, const bf16* x, const float* norm, bf16* rmsnorm_norm);
void bwd_01_linearCrossEntropyTrain(cudaStream_t stream, const bf16* rmsnorm_norm, const bf16* head_2, const int32_t* targets, const float* lossScale, float* loss, bf16* d_x, float* d_head, char* workspace);
void bwd_02_sumOver(cudaStream_t stream, const float* balance, float* sumOver);
void bwd_03_expand(cudaStream_t stream, const float* lossScale, float* expand);
void bwd_04_rmsnormGradX_rmsnormGradGain(cudaStream_t stream, const bf16* d_x, const bf16* x, const float* norm, bf16* d_x_2, float* d_norm, char* workspace);
void bwd_05_linearGradX_swiglu_swigluGradGate(cudaStream_t stream, const bf16* d_x, const bf16* sharedDown, const bf16* linear_sharedGate, const bf16* linear_sharedUp, bf16* swiglu, bf16* swiglu_grad_gate, bf16* swiglu_grad_up);
void bwd_06_linearGradW(cudaStream_t stream, const bf16* swiglu, const bf16* d_x, float* d_sharedDown, char* workspace);
void bwd_07_linearGradX_dispatch_swiglu(cudaStream_t stream, const bf16* d_x, const int32_t* source, const bf16* down, const int32_t* offsets, const bf16* linear_gate, const bf16* linear_up, const float* pick, bf16* weigh, float* dotOfRuns, bf16* swiglu_grad_gate, bf16* swiglu_grad_up);
void bwd_08_linearGradW_dispatch(cudaStream_t stream, const bf16* d_x, const int32_t* source, const bf16* weigh, const int32_t* offsets, float* d_down);
void bwd_09_sumColumns(cudaStream_t stream, const float* dotOfRuns, float* sumColumns);
void bwd_10_pick(cudaStream_t stream, const float* sumColumns, const int32_t* slot, float* pick);
void bwd_11_linearGradX_add(cudaStream_t stream, const bf16* swiglu_grad_up, const bf16* up, const int32_t* offsets, const bf16* swiglu_grad_gate, const bf16* gate, bf16* add);
void bwd_12_combine(cudaStream_t stream, const bf16* add, const int32_t* slot, bf16* combine);
void bwd_13_routeGrad(cudaStream_t stream, const float* probabilities, const float* gates, const int32_t* choice_2, const int32_t* load_2, const float* pick, const float* expand, bf16* route_grad_);
void bwd_14_linearGradX(cudaStream_t stream, const bf16* route_grad_, const bf16* router, bf16* linear_grad_x_router, char* workspace);
void bwd_15_linearGradX_add(cudaStream_t stream, const bf16* swiglu_grad_up, const bf16* sharedUp, const bf16* swiglu_grad_gate, const bf16* sharedGate, const bf16* combine, const bf16* linear_grad_x_router, bf16* add);
void bwd_16_add_rmsnorm_rmsnormGradX(cudaStream_t stream, const bf16* x, const bf16* linear_out, const float* ffnNorm, const bf16* add, const bf16* d_x, const float* attnNorm, bf16* rmsnorm_ffnNorm, float* d_ffnNorm, bf16* d_x_2, bf16* rmsnorm_attnNorm, char* workspace);
void bwd_17_linearGradW(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const bf16* swiglu_grad_up, const bf16* swiglu_grad_gate, float* d_sharedUp, float* d_sharedGate, char* workspace);
void bwd_18_linearGradW_dispatch(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const int32_t* source, const bf16* swiglu_grad_up, const int32_t* offsets, const bf16* swiglu_grad_gate, float* d_up, float* d_gate);
void bwd_19_linearGradW(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const bf16* route_grad_, float* d_router, char* workspace);
void bwd_20_linearGradX(cudaStream_t stream, const bf16* d_x, const bf16* out_, bf16* d_mixed, char* workspace);
void bwd_21_linearGradW(cudaStream_t stream, const bf16* mixed, const bf16* d_x, float* d_out, char* workspace);
void bwd_22_rmsnorm(cudaStream_t stream, const bf16* linear_kvDown, const float* kvNorm, bf16* latent);
void bwd_23_linear_expand_concat(cudaStream_t stream, const bf16* latent, const bf16* k_, const bf16* linear_kRope, const float* kNorm, bf16* concat, bf16* rope, const float* rope_cos, const float* rope_sin);
void bwd_24_rmsnorm_rope(cudaStream_t stream, const bf16* linear_q, const float* qNorm, bf16* rope, const float* rope_cos, const float* rope_sin);
void bwd_25_attentionGrad(cudaStream_t stream, const bf16* rope, const bf16* rope_2, const bf16* linear_v, const bf16* mixed, const float* lse, const bf16* d_mixed, bf16* d_q, bf16* d_k, bf16* d_v, char* workspace);
void bwd_26_rope_rmsnormGradX_rmsnormGradGain(cudaStream_t stream, const bf16* d_k, const bf16* concat, const float* kNorm, float* d_kNorm, bf16* part, bf16* d_shared, const float* rope_cos, const float* rope_sin, char* workspace);
void bwd_27_linearGradX_add(cudaStream_t stream, const bf16* d_v, const bf16* v, const bf16* part, const bf16* k_, bf16* add);
void bwd_28_linearGradW(cudaStream_t stream, const bf16* latent, const bf16* d_v, const bf16* part, float* d_v_2, float* d_k, char* workspace);
void bwd_29_rope_rmsnormGradX_rmsnormGradGain(cudaStream_t stream, const bf16* d_q, const bf16* linear_q, const float* qNorm, bf16* rmsnorm_grad_x_qNorm, float* d_qNorm, const float* rope_cos, const float* rope_sin, char* workspace);
void bwd_30_linearGradW(cudaStream_t stream, const bf16* rmsnorm_attnNorm, const bf16* rmsnorm_grad_x_qNorm, float* d_q, char* workspace);
void bwd_31_sumOver(cudaStream_t stream, const bf16* d_shared, bf16* sumOver);
void bwd_32_linearGradW(cudaStream_t stream, const bf16* rmsnorm_attnNorm, const bf16* sumOver, float* d_kRope, char* workspace);
void bwd_33_rmsnormGradX_rmsnormGradGain(cudaStream_t stream, const bf16* add, const bf16* linear_kvDown, const float* kvNorm, bf16* rmsnorm_grad_x_kvNorm, float* d_kvNorm, char* workspace);
void bwd_34_linearGradX_add(cudaStream_t stream, const bf16* rmsnorm_grad_x_qNorm, const bf16* q, const bf16* sumOver, const bf16* kRope, const bf16* rmsnorm_grad_x_kvNorm, const bf16* kvDown, bf16* add);
void bwd_35_linearGradW(cudaStream_t stream, const bf16* rmsnorm_attnNorm, const bf16* rmsnorm_grad_x_kvNorm, float* d_kvDown, char* workspace);
void bwd_36_rmsnormGradX_rmsnormGradGain_add(cudaStream_t stream, const bf16* add, const bf16* x, const float* attnNorm, const bf16* d_x, float* d_attnNorm, bf16* add_2, char* workspace);
void bwd_37_linearGradX_swigluGradGate_swigluGradUp(cudaStream_t stream, const bf16* d_x, const bf16* down, const bf16* linear_gate, const bf16* linear_up, bf16* swiglu_grad_gate, bf16* swiglu_grad_up);
void bwd_38_linearGradW(cudaStream_t stream, const bf16* swiglu, const bf16* d_x, float* d_down, char* workspace);
void bwd_39_linearGradX_add(cudaStream_t stream, const bf16* swiglu_grad_up, const bf16* up, const bf16* swiglu_grad_gate, const bf16* gate, bf16* add);
void bwd_40_linearGradW(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const bf16* swiglu_grad_up, const bf16* swiglu_grad_gate, float* d_up, float* d_gate, char* workspace);
void bwd_41_rmsnormGradX_rmsnormGradGain_add(cudaStream_t stream, const bf16* add, const bf16* add_2, const float* ffnNorm, const bf16* d_x, float* d_ffnNorm, bf16* add_3, char* workspace);
void bwd_42_linearGradX(cudaStream_t stream, const bf16* add, const bf16* out_, bf16* d_mixed, char* workspace);
void bwd_43_linearGradW(cudaStream_t stream, const bf16* mixed, const bf16* add, float* d_out, char* workspace);
void bwd_44_rmsnormGradX_rmsnormGradGain_add(cudaStream_t stream, const bf16* add, const bf16* lookup_embed, const float* attnNorm, const bf16* add_2, float* d_attnNorm, bf16* add_3, char* workspace);
void bwd_45_lookupGrad(cudaStream_t stream, const bf16* add, const int32_t* tokens, float* d_embed, char* workspace);
void eval_01_rmsnorm(cudaStream_t stream, const bf16* lookup_embed, const float* attnNorm, bf16* rmsnorm_attnNorm);
void eval_02_linear_rmsnorm(cudaStream_t stream, const bf16* rmsnorm_attnNorm, const bf16* kvDown, const float* kvNorm, bf16* latent);
void eval_03_linear_rmsnorm_rope(cudaStream_t stream, const bf16* rmsnorm_attnNorm, const bf16* q, const float* qNorm, bf16* rope, const float* rope_cos, const float* rope_sin);
void eval_04_linear_swiglu(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const bf16* gate, const bf16* up, bf16* swiglu);
void eval_05_linear_add_rmsnorm(cudaStream_t stream, const bf16* mixed, const bf16* out_, const bf16* x, const float* ffnNorm, bf16* add, bf16* rmsnorm_ffnNorm);
void eval_06_linear_dispatch_swiglu(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const int32_t* source, const bf16* gate, const int32_t* offsets, const bf16* up, const float* pick, bf16* weigh);
void eval_07_linear_swiglu(cudaStream_t stream, const bf16* rmsnorm_ffnNorm, const bf16* sharedGate, const bf16* sharedUp, bf16* swiglu);
void eval_08_linearCrossEntropy(cudaStream_t stream, const bf16* rmsnorm_norm, const bf16* head_2, const int32_t* targets, float* loss, float* lse, char* workspace);
void next_01_nextLogits(cudaStream_t stream, const bf16* rmsnorm_norm, const bf16* head_2, const int32_t* at_, float* nextLogits_head);

}  // namespace mlac
