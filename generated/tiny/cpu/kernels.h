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
void fwd_08_linear(const real* latent, const real* k_, real* __restrict linear_k);
void fwd_09_expand_concat_rmsnorm(const real* linear_kRope, const real* linear_k, const real* kNorm, real* __restrict concat, real* __restrict rope);
void fwd_10_linear(const real* latent, const real* v, real* __restrict linear_v);
void fwd_11_attention(const real* rope, const real* rope_2, const real* linear_v, real* __restrict mixed, real* __restrict attention_1);
void fwd_12_linear_add(const real* mixed, const real* out_, const real* lookup_embed, real* __restrict add);
void fwd_13_rmsnorm(const real* add, const real* ffnNorm, real* __restrict rmsnorm_ffnNorm);
void fwd_14_linear(const real* rmsnorm_ffnNorm, const real* gate, real* __restrict linear_gate);
void fwd_15_linear(const real* rmsnorm_ffnNorm, const real* up, real* __restrict linear_up);
void fwd_16_linear_swiglu_add(const real* linear_gate, const real* linear_up, const real* down, const real* add, real* __restrict x);
void fwd_17_rmsnorm(const real* x, const real* attnNorm, real* __restrict rmsnorm_attnNorm);
void fwd_18_expand_concat_rmsnorm(const real* linear_kRope, const real* linear_k, const real* kNorm, real* __restrict rope);
void fwd_19_linear_add(const real* mixed, const real* out_, const real* x, real* __restrict linear_out, real* __restrict add);
void fwd_20_linear(const real* rmsnorm_ffnNorm, const real* router, real* __restrict linear_router);
void fwd_21_route(const real* linear_router, real* __restrict route_0, int32_t* __restrict route_1, int32_t* __restrict route_2, int32_t* __restrict route_3, int32_t* __restrict route_4, int32_t* __restrict route_5, real* __restrict route_6, real* __restrict route_7);
void fwd_22_linear_dispatch(const real* rmsnorm_ffnNorm, const int32_t* route_3, const int32_t* route_2, const real* gate, const int32_t* route_4, real* __restrict linear_gate);
void fwd_23_linear_dispatch(const real* rmsnorm_ffnNorm, const int32_t* route_3, const int32_t* route_2, const real* up, const int32_t* route_4, real* __restrict linear_up);
void fwd_24_linear_swiglu(const real* linear_gate, const real* linear_up, const real* down, const int32_t* route_4, real* __restrict routed);
void fwd_25_linear(const real* rmsnorm_ffnNorm, const real* sharedGate, real* __restrict linear_sharedGate);
void fwd_26_linear(const real* rmsnorm_ffnNorm, const real* sharedUp, real* __restrict linear_sharedUp);
void fwd_27_combine(const real* routed, const int32_t* route_2, const int32_t* route_3, const real* route_0, real* __restrict combine);
void fwd_28_linear_swiglu_add(const real* linear_sharedGate, const real* linear_sharedUp, const real* sharedDown, const real* combine, const real* add, real* __restrict x);
void fwd_29_rmsnorm(const real* x, const real* norm, real* __restrict rmsnorm_norm);
void bwd_01_linearCrossEntropyTrain(const real* rmsnorm_norm, const real* head_2, const int32_t* targets, const real* lossScale, real* __restrict linearCrossEntropyTrain_head_0, real* __restrict linearCrossEntropyTrain_head_1, real* __restrict linearCrossEntropyTrain_head_2, real* __restrict workspace);
void bwd_02_sumOver(const real* route_7, real* __restrict sumOver);
void bwd_03_expand(const real* lossScale, real* __restrict expand);
void bwd_04_rmsnormGradX_rmsnormGradGain(const real* linearCrossEntropyTrain_head_1, const real* x, const real* norm, real* __restrict d_x, real* __restrict d_norm, real* __restrict workspace);
void bwd_05_combineGradGates(const real* carried, const real* routed, const int32_t* route_2, real* __restrict combine_grad_gates);
void bwd_06_linearGradX(const real* carried, const real* sharedDown, real* __restrict linear_grad_x_sharedDown);
void bwd_07_linearGradW_swiglu(const real* linear_sharedGate, const real* linear_sharedUp, const real* carried, real* __restrict d_sharedDown);
void bwd_08_linearGradX_dispatch(const real* carried, const int32_t* route_3, const int32_t* route_2, const real* route_0, const real* down, const int32_t* route_4, real* __restrict linear_grad_x_down);
void bwd_09_linearGradW_swiglu_dispatch(const real* linear_gate, const real* linear_up, const real* carried, const int32_t* route_3, const int32_t* route_2, const real* route_0, const int32_t* route_4, real* __restrict d_down);
void bwd_10_linearGradX_swigluGradUp_swigluGradGate(const real* linear_grad_x_down, const real* linear_gate, const real* up, const int32_t* route_4, const real* linear_up, const real* gate, real* __restrict add);
void bwd_11_combine(const real* add, const int32_t* route_2, const int32_t* route_3, real* __restrict combine);
void bwd_12_routeGrad(const real* route_6, const real* route_0, const int32_t* route_1, const int32_t* route_5, const real* combine_grad_gates, const real* expand, real* __restrict route_grad_);
void bwd_13_linearGradX_swigluGradUp_swigluGradGate(const real* linear_grad_x_sharedDown, const real* linear_sharedGate, const real* sharedUp, const real* linear_sharedUp, const real* sharedGate, const real* combine, const real* route_grad_, const real* router, real* __restrict add);
void bwd_14_add_rmsnorm_rmsnormGradX(const real* x, const real* linear_out, const real* ffnNorm, const real* add, const real* carried, const real* attnNorm, real* __restrict rmsnorm_ffnNorm, real* __restrict d_ffnNorm, real* __restrict d_x, real* __restrict rmsnorm_attnNorm, real* __restrict workspace);
void bwd_15_linearGradW_swigluGradUp(const real* linear_grad_x_sharedDown, const real* linear_sharedGate, const real* rmsnorm_ffnNorm, real* __restrict d_sharedUp);
void bwd_16_linearGradW_swigluGradGate(const real* linear_grad_x_sharedDown, const real* linear_sharedGate, const real* linear_sharedUp, const real* rmsnorm_ffnNorm, real* __restrict d_sharedGate);
void bwd_17_linearGradW_dispatch_swigluGradUp(const real* rmsnorm_ffnNorm, const int32_t* route_3, const int32_t* route_2, const real* linear_grad_x_down, const real* linear_gate, const int32_t* route_4, real* __restrict d_up);
void bwd_18_linearGradW_dispatch_swigluGradGate(const real* rmsnorm_ffnNorm, const int32_t* route_3, const int32_t* route_2, const real* linear_grad_x_down, const real* linear_gate, const real* linear_up, const int32_t* route_4, real* __restrict d_gate);
void bwd_19_linearGradW(const real* rmsnorm_ffnNorm, const real* route_grad_, real* __restrict d_router);
void bwd_20_linearGradX(const real* d_x, const real* out_, real* __restrict d_mixed);
void bwd_21_linearGradW(const real* mixed, const real* d_x, real* __restrict d_out);
void bwd_22_attentionGrad(const real* rope, const real* rope_2, const real* linear_v, const real* mixed, const real* attention_1, const real* d_mixed, real* __restrict attention_grad__0, real* __restrict attention_grad__1, real* __restrict attention_grad__2);
void bwd_23_rope_rmsnormGradX_rmsnormGradGain(const real* attention_grad__1, const real* concat, const real* kNorm, real* __restrict d_kNorm, real* __restrict part, real* __restrict d_shared, real* __restrict workspace);
void bwd_24_linearGradX_add(const real* attention_grad__2, const real* v, const real* part, const real* k_, real* __restrict add);
void bwd_25_rmsnorm_rmsnormGradX_rmsnormGradGain(const real* linear_kvDown, const real* kvNorm, const real* add, real* __restrict latent, real* __restrict rmsnorm_grad_x_kvNorm, real* __restrict d_kvNorm, real* __restrict workspace);
void bwd_26_linearGradW(const real* latent, const real* attention_grad__2, real* __restrict d_v);
void bwd_27_rope_rmsnormGradX_rmsnormGradGain(const real* attention_grad__0, const real* linear_q, const real* qNorm, real* __restrict rmsnorm_grad_x_qNorm, real* __restrict d_qNorm, real* __restrict workspace);
void bwd_28_linearGradW(const real* latent, const real* part, real* __restrict d_k);
void bwd_29_linearGradW(const real* rmsnorm_attnNorm, const real* rmsnorm_grad_x_qNorm, real* __restrict d_q);
void bwd_30_sumOver(const real* d_shared, real* __restrict sumOver);
void bwd_31_linearGradX_add(const real* rmsnorm_grad_x_qNorm, const real* q, const real* sumOver, const real* kRope, const real* rmsnorm_grad_x_kvNorm, const real* kvDown, real* __restrict add);
void bwd_32_linearGradW(const real* rmsnorm_attnNorm, const real* sumOver, real* __restrict d_kRope);
void bwd_33_linearGradW(const real* rmsnorm_attnNorm, const real* rmsnorm_grad_x_kvNorm, real* __restrict d_kvDown);
void bwd_34_rmsnormGradX_rmsnormGradGain_add(const real* add, const real* x, const real* attnNorm, const real* d_x, real* __restrict d_attnNorm, real* __restrict add_2, real* __restrict workspace);
void bwd_35_linearGradX(const real* d_x, const real* down, real* __restrict linear_grad_x_down);
void bwd_36_linearGradW_swiglu(const real* linear_gate, const real* linear_up, const real* d_x, real* __restrict d_down);
void bwd_37_linearGradX_swigluGradUp_swigluGradGate(const real* linear_grad_x_down, const real* linear_gate, const real* up, const real* linear_up, const real* gate, real* __restrict add);
void bwd_38_linearGradW_swigluGradUp(const real* linear_grad_x_down, const real* linear_gate, const real* rmsnorm_ffnNorm, real* __restrict d_up);
void bwd_39_linearGradW_swigluGradGate(const real* linear_grad_x_down, const real* linear_gate, const real* linear_up, const real* rmsnorm_ffnNorm, real* __restrict d_gate);
void bwd_40_rmsnormGradX_rmsnormGradGain_add(const real* add, const real* add_2, const real* ffnNorm, const real* d_x, real* __restrict d_ffnNorm, real* __restrict add_3, real* __restrict workspace);
void bwd_41_linearGradX(const real* add, const real* out_, real* __restrict d_mixed);
void bwd_42_linearGradW(const real* mixed, const real* add, real* __restrict d_out);
void bwd_43_rmsnormGradX_rmsnormGradGain(const real* add, const real* linear_kvDown, const real* kvNorm, real* __restrict rmsnorm_grad_x_kvNorm, real* __restrict d_kvNorm, real* __restrict workspace);
void bwd_44_rmsnormGradX_rmsnormGradGain_add(const real* add, const real* lookup_embed, const real* attnNorm, const real* add_2, real* __restrict d_attnNorm, real* __restrict add_3, real* __restrict workspace);
void bwd_45_lookupGrad(const real* add, const int32_t* tokens, real* __restrict d_embed);
void eval_01_linear_add(const real* mixed, const real* out_, const real* x, real* __restrict add);
void eval_02_linearCrossEntropy(const real* rmsnorm_norm, const real* head_2, const int32_t* targets, real* __restrict linearCrossEntropy_head_0, real* __restrict linearCrossEntropy_head_1, real* __restrict workspace);
void next_01_nextLogits(const real* rmsnorm_norm, const real* head_2, const int32_t* at_, real* __restrict nextLogits_head);

}  // namespace mlac
