// Every kernel of tiny. Emitted by mlac.
#pragma once

#include <cstdint>

#include "lib/real.h"

namespace mlac {

void fwd_01_lookup(const real* embed, const int32_t* tokens, real* __restrict lookup_embed);
void fwd_02_rmsnorm(const real* lookup_embed, const real* attnNorm, real* __restrict rmsnorm_attnNorm);
void fwd_03_linear(const real* rmsnorm_attnNorm, const real* kvDown, real* __restrict linear_kvDown);
void fwd_04_rmsnorm(const real* linear_kvDown, const real* kvNorm, real* __restrict latent);
void fwd_05_linear(const real* rmsnorm_attnNorm, const real* kRope, real* __restrict linear_kRope);
void fwd_06_linear(const real* rmsnorm_attnNorm, const real* q, real* __restrict linear_q);
void fwd_07_rmsnorm_rope(const real* linear_q, const real* qNorm, real* __restrict rope);
void fwd_08_linear(const real* latent, const real* k_, const real* v, real* __restrict linear_k, real* __restrict linear_v);
void fwd_09_expand_concat_rmsnorm(const real* linear_kRope, const real* linear_k, const real* kNorm, real* __restrict concat, real* __restrict rope);
void fwd_10_attention(const real* rope, const real* rope_2, const real* linear_v, real* __restrict mixed, real* __restrict lse);
void fwd_11_linear_add(const real* mixed, const real* out_, const real* lookup_embed, real* __restrict add);
void fwd_12_rmsnorm(const real* add, const real* ffnNorm, real* __restrict rmsnorm_ffnNorm);
void fwd_13_linear_swiglu(const real* rmsnorm_ffnNorm, const real* gate, const real* up, real* __restrict linear_gate, real* __restrict linear_up, real* __restrict swiglu);
void fwd_14_linear_add(const real* swiglu, const real* down, const real* add, real* __restrict x);
void fwd_15_rmsnorm(const real* x, const real* attnNorm, real* __restrict rmsnorm_attnNorm);
void fwd_16_expand_concat_rmsnorm(const real* linear_kRope, const real* linear_k, const real* kNorm, real* __restrict rope);
void fwd_17_linear_add(const real* mixed, const real* out_, const real* x, real* __restrict linear_out, real* __restrict add);
void fwd_18_linear(const real* rmsnorm_ffnNorm, const real* router, real* __restrict linear_router);
void fwd_19_route(const real* linear_router, real* __restrict gates, int32_t* __restrict choice_2, int32_t* __restrict slot, int32_t* __restrict source, int32_t* __restrict offsets, int32_t* __restrict load, real* __restrict probabilities, real* __restrict balance);
void fwd_20_linear_dispatch(const real* rmsnorm_ffnNorm, const int32_t* source, const real* gate, const int32_t* offsets, const real* up, real* __restrict linear_gate, real* __restrict linear_up);
void fwd_21_linear_swiglu(const real* linear_gate, const real* linear_up, const real* down, const int32_t* offsets, real* __restrict routed);
void fwd_22_linear(const real* rmsnorm_ffnNorm, const real* sharedGate, const real* sharedUp, real* __restrict linear_sharedGate, real* __restrict linear_sharedUp);
void fwd_23_combine(const real* routed, const int32_t* slot, const real* gates, real* __restrict combine);
void fwd_24_linear_swiglu_add(const real* linear_sharedGate, const real* linear_sharedUp, const real* sharedDown, const real* combine, const real* add, real* __restrict x);
void fwd_25_rmsnorm(const real* x, const real* norm, real* __restrict rmsnorm_norm);
void bwd_01_linearCrossEntropyTrain(const real* rmsnorm_norm, const real* head_2, const int32_t* targets, const real* lossScale, real* __restrict loss, real* __restrict d_x, real* __restrict d_head, real* __restrict workspace);
void bwd_02_sumOver(const real* balance, real* __restrict sumOver);
void bwd_03_expand(const real* lossScale, real* __restrict expand);
void bwd_04_rmsnormGradX_rmsnormGradGain(const real* d_x, const real* x, const real* norm, real* __restrict d_x_2, real* __restrict d_norm, real* __restrict workspace);
void bwd_05_combineGradGates(const real* d_x, const real* routed, const int32_t* slot, real* __restrict combine_grad_gates);
void bwd_06_linearGradX_swigluGradGate_swigluGradUp(const real* d_x, const real* sharedDown, const real* linear_sharedGate, const real* linear_sharedUp, real* __restrict swiglu_grad_gate, real* __restrict swiglu_grad_up);
void bwd_07_linearGradW_swiglu(const real* linear_sharedGate, const real* linear_sharedUp, const real* d_x, real* __restrict d_sharedDown);
void bwd_08_linearGradX_dispatch_swigluGradGate(const real* d_x, const int32_t* source, const real* gates, const real* down, const int32_t* offsets, const real* linear_gate, const real* linear_up, real* __restrict swiglu_grad_gate, real* __restrict swiglu_grad_up);
void bwd_09_linearGradW_swiglu_dispatch(const real* linear_gate, const real* linear_up, const real* d_x, const int32_t* source, const real* gates, const int32_t* offsets, real* __restrict d_down);
void bwd_10_linearGradX_add(const real* swiglu_grad_up, const real* up, const int32_t* offsets, const real* swiglu_grad_gate, const real* gate, real* __restrict add);
void bwd_11_combine(const real* add, const int32_t* slot, real* __restrict combine);
void bwd_12_routeGrad(const real* probabilities, const real* gates, const int32_t* choice_2, const int32_t* load, const real* combine_grad_gates, const real* expand, real* __restrict route_grad_);
void bwd_13_linearGradX_add(const real* swiglu_grad_up, const real* sharedUp, const real* swiglu_grad_gate, const real* sharedGate, const real* combine, const real* route_grad_, const real* router, real* __restrict add);
void bwd_14_add_rmsnorm_rmsnormGradX(const real* x, const real* linear_out, const real* ffnNorm, const real* add, const real* d_x, const real* attnNorm, real* __restrict rmsnorm_ffnNorm, real* __restrict d_ffnNorm, real* __restrict d_x_2, real* __restrict rmsnorm_attnNorm, real* __restrict workspace);
void bwd_15_linearGradW(const real* rmsnorm_ffnNorm, const real* swiglu_grad_up, const real* swiglu_grad_gate, real* __restrict d_sharedUp, real* __restrict d_sharedGate);
void bwd_16_linearGradW_dispatch(const real* rmsnorm_ffnNorm, const int32_t* source, const real* swiglu_grad_up, const int32_t* offsets, const real* swiglu_grad_gate, real* __restrict d_up, real* __restrict d_gate);
void bwd_17_linearGradW(const real* rmsnorm_ffnNorm, const real* route_grad_, real* __restrict d_router);
void bwd_18_linearGradX(const real* d_x, const real* out_, real* __restrict d_mixed);
void bwd_19_linearGradW(const real* mixed, const real* d_x, real* __restrict d_out);
void bwd_20_attentionGrad(const real* rope, const real* rope_2, const real* linear_v, const real* mixed, const real* lse, const real* d_mixed, real* __restrict d_q, real* __restrict d_k, real* __restrict d_v);
void bwd_21_rope_rmsnormGradX_rmsnormGradGain(const real* d_k, const real* concat, const real* kNorm, real* __restrict d_kNorm, real* __restrict part, real* __restrict d_shared, real* __restrict workspace);
void bwd_22_linearGradX_add(const real* d_v, const real* v, const real* part, const real* k_, real* __restrict add);
void bwd_23_rmsnorm_rmsnormGradX_rmsnormGradGain(const real* linear_kvDown, const real* kvNorm, const real* add, real* __restrict latent, real* __restrict rmsnorm_grad_x_kvNorm, real* __restrict d_kvNorm, real* __restrict workspace);
void bwd_24_linearGradW(const real* latent, const real* d_v, const real* part, real* __restrict d_v_2, real* __restrict d_k);
void bwd_25_rope_rmsnormGradX_rmsnormGradGain(const real* d_q, const real* linear_q, const real* qNorm, real* __restrict rmsnorm_grad_x_qNorm, real* __restrict d_qNorm, real* __restrict workspace);
void bwd_26_linearGradW(const real* rmsnorm_attnNorm, const real* rmsnorm_grad_x_qNorm, real* __restrict d_q);
void bwd_27_sumOver(const real* d_shared, real* __restrict sumOver);
void bwd_28_linearGradX_add(const real* rmsnorm_grad_x_qNorm, const real* q, const real* sumOver, const real* kRope, const real* rmsnorm_grad_x_kvNorm, const real* kvDown, real* __restrict add);
void bwd_29_linearGradW(const real* rmsnorm_attnNorm, const real* sumOver, real* __restrict d_kRope);
void bwd_30_linearGradW(const real* rmsnorm_attnNorm, const real* rmsnorm_grad_x_kvNorm, real* __restrict d_kvDown);
void bwd_31_rmsnormGradX_rmsnormGradGain_add(const real* add, const real* x, const real* attnNorm, const real* d_x, real* __restrict d_attnNorm, real* __restrict add_2, real* __restrict workspace);
void bwd_32_linearGradX_swigluGradGate_swigluGradUp(const real* d_x, const real* down, const real* linear_gate, const real* linear_up, real* __restrict swiglu_grad_gate, real* __restrict swiglu_grad_up);
void bwd_33_linearGradW(const real* swiglu, const real* d_x, real* __restrict d_down);
void bwd_34_linearGradX_add(const real* swiglu_grad_up, const real* up, const real* swiglu_grad_gate, const real* gate, real* __restrict add);
void bwd_35_linearGradW(const real* rmsnorm_ffnNorm, const real* swiglu_grad_up, const real* swiglu_grad_gate, real* __restrict d_up, real* __restrict d_gate);
void bwd_36_rmsnormGradX_rmsnormGradGain_add(const real* add, const real* add_2, const real* ffnNorm, const real* d_x, real* __restrict d_ffnNorm, real* __restrict add_3, real* __restrict workspace);
void bwd_37_linearGradX(const real* add, const real* out_, real* __restrict d_mixed);
void bwd_38_linearGradW(const real* mixed, const real* add, real* __restrict d_out);
void bwd_39_rmsnormGradX_rmsnormGradGain(const real* add, const real* linear_kvDown, const real* kvNorm, real* __restrict rmsnorm_grad_x_kvNorm, real* __restrict d_kvNorm, real* __restrict workspace);
void bwd_40_rmsnormGradX_rmsnormGradGain_add(const real* add, const real* lookup_embed, const real* attnNorm, const real* add_2, real* __restrict d_attnNorm, real* __restrict add_3, real* __restrict workspace);
void bwd_41_lookupGrad(const real* add, const int32_t* tokens, real* __restrict d_embed);
void eval_01_linear(const real* rmsnorm_ffnNorm, const real* gate, const real* up, real* __restrict linear_gate, real* __restrict linear_up);
void eval_02_linear_swiglu_add(const real* linear_gate, const real* linear_up, const real* down, const real* add, real* __restrict x);
void eval_03_linear_add(const real* mixed, const real* out_, const real* x, real* __restrict add);
void eval_04_linearCrossEntropy(const real* rmsnorm_norm, const real* head_2, const int32_t* targets, real* __restrict loss, real* __restrict lse, real* __restrict workspace);
void next_01_nextLogits(const real* rmsnorm_norm, const real* head_2, const int32_t* at_, real* __restrict nextLogits_head);

}  // namespace mlac
