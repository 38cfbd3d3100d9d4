// The programs of tiny for generating: which kernel runs when, on which part of the arena. Emitted by mlac.
#include "generation.h"

#include "kernels.h"

namespace mlac {

const int64_t ARENA_BYTES = 8244224;
const int64_t CACHE_AT = 4901888, CACHE_BYTES = 2752512;
const int64_t ROWS = 8, SEQUENCES = 1, WINDOW = 128;
const int64_t SLOTS = 8, CONTEXT = 256, VOCABULARY = 256;

const Weight WEIGHTS[] = {
    {"embed", 0, 131072 },
    {"first.attnNorm", 131072, 512 },
    {"first.attn.q", 131584, 98304 },
    {"first.attn.kvDown", 229888, 32768 },
    {"first.attn.kRope", 262656, 8192 },
    {"first.attn.kvNorm", 270848, 256 },
    {"first.attn.k", 271104, 32768 },
    {"first.attn.v", 303872, 32768 },
    {"first.attn.qNorm", 336640, 192 },
    {"first.attn.kNorm", 336832, 192 },
    {"first.attn.out", 337024, 65536 },
    {"first.ffnNorm", 402560, 512 },
    {"first.ffn.gate", 403072, 196608 },
    {"first.ffn.up", 599680, 196608 },
    {"first.ffn.down", 796288, 196608 },
    {"layers.0.attnNorm", 992896, 512 },
    {"layers.1.attnNorm", 993408, 512 },
    {"layers.2.attnNorm", 993920, 512 },
    {"layers.0.attn.q", 994432, 98304 },
    {"layers.1.attn.q", 1092736, 98304 },
    {"layers.2.attn.q", 1191040, 98304 },
    {"layers.0.attn.kvDown", 1289344, 32768 },
    {"layers.1.attn.kvDown", 1322112, 32768 },
    {"layers.2.attn.kvDown", 1354880, 32768 },
    {"layers.0.attn.kRope", 1387648, 8192 },
    {"layers.1.attn.kRope", 1395840, 8192 },
    {"layers.2.attn.kRope", 1404032, 8192 },
    {"layers.0.attn.kvNorm", 1412224, 256 },
    {"layers.1.attn.kvNorm", 1412480, 256 },
    {"layers.2.attn.kvNorm", 1412736, 256 },
    {"layers.0.attn.k", 1412992, 32768 },
    {"layers.1.attn.k", 1445760, 32768 },
    {"layers.2.attn.k", 1478528, 32768 },
    {"layers.0.attn.v", 1511296, 32768 },
    {"layers.1.attn.v", 1544064, 32768 },
    {"layers.2.attn.v", 1576832, 32768 },
    {"layers.0.attn.qNorm", 1609600, 192 },
    {"layers.1.attn.qNorm", 1609792, 192 },
    {"layers.2.attn.qNorm", 1609984, 192 },
    {"layers.0.attn.kNorm", 1610176, 192 },
    {"layers.1.attn.kNorm", 1610368, 192 },
    {"layers.2.attn.kNorm", 1610560, 192 },
    {"layers.0.attn.out", 1610752, 65536 },
    {"layers.1.attn.out", 1676288, 65536 },
    {"layers.2.attn.out", 1741824, 65536 },
    {"layers.0.ffnNorm", 1807360, 512 },
    {"layers.1.ffnNorm", 1807872, 512 },
    {"layers.2.ffnNorm", 1808384, 512 },
    {"layers.0.moe.router", 1808896, 4096 },
    {"layers.1.moe.router", 1812992, 4096 },
    {"layers.2.moe.router", 1817088, 4096 },
    {"layers.0.moe.gate", 1821184, 262144 },
    {"layers.1.moe.gate", 2083328, 262144 },
    {"layers.2.moe.gate", 2345472, 262144 },
    {"layers.0.moe.up", 2607616, 262144 },
    {"layers.1.moe.up", 2869760, 262144 },
    {"layers.2.moe.up", 3131904, 262144 },
    {"layers.0.moe.down", 3394048, 262144 },
    {"layers.1.moe.down", 3656192, 262144 },
    {"layers.2.moe.down", 3918336, 262144 },
    {"layers.0.moe.sharedGate", 4180480, 65536 },
    {"layers.1.moe.sharedGate", 4246016, 65536 },
    {"layers.2.moe.sharedGate", 4311552, 65536 },
    {"layers.0.moe.sharedUp", 4377088, 65536 },
    {"layers.1.moe.sharedUp", 4442624, 65536 },
    {"layers.2.moe.sharedUp", 4508160, 65536 },
    {"layers.0.moe.sharedDown", 4573696, 65536 },
    {"layers.1.moe.sharedDown", 4639232, 65536 },
    {"layers.2.moe.sharedDown", 4704768, 65536 },
    {"norm", 4770304, 512 },
    {"head", 4770816, 131072 },
};
const int64_t WEIGHT_COUNT = 71;

void prefill(char* arena, const int32_t* tokens, const int32_t* slot, const int32_t* position, real* logits) {
  const auto reals = [arena](int64_t byte) { return reinterpret_cast<real*>(arena + byte); };
  [[maybe_unused]] const auto ints = [arena](int64_t byte) { return reinterpret_cast<int32_t*>(arena + byte); };

  real* const embed = reals(0);  // [V D]
  real* const lookup_embed = reals(7851008);  // [B T D]
  prefill_01_lookup(embed, tokens, lookup_embed);
  real* const attnNorm = reals(131072);  // [D]
  real* const rmsnorm_attnNorm = reals(7752704);  // [B T D]
  prefill_02_rmsnorm(lookup_embed, attnNorm, rmsnorm_attnNorm);
  real* const kvDown = reals(229888);  // [D C]
  real* const linear_kvDown = reals(7654400);  // [B T C]
  prefill_03_linear(rmsnorm_attnNorm, kvDown, linear_kvDown);
  real* const kvNorm = reals(270848);  // [C]
  real* const latent = reals(8047616);  // [B T C]
  prefill_04_rmsnorm(linear_kvDown, kvNorm, latent);
  real* const kRope = reals(262656);  // [D R]
  real* const part_kNorm = reals(336960);  // [R]
  real* const linear_kRope = reals(8080384);  // [B T R]
  real* const mul = reals(8088576);  // [B T R]
  prefill_05_linear_expand_mul(rmsnorm_attnNorm, kRope, part_kNorm, linear_kRope, mul);
  real* const q = reals(131584);  // [D H N+R]
  real* const linear_q = reals(7654400);  // [B T H N+R]
  prefill_06_linear(rmsnorm_attnNorm, q, linear_q);
  real* const qNorm = reals(336640);  // [N+R]
  real* const rope = reals(7752704);  // [B T H N+R]
  prefill_07_rmsnorm_rope(linear_q, qNorm, rope);
  real* const k_ = reals(271104);  // [C H N]
  real* const v = reals(303872);  // [C H U]
  real* const linear_k = reals(7916544);  // [B T H N]
  real* const linear_v = reals(7982080);  // [B T H U]
  prefill_08_linear(latent, k_, v, linear_k, linear_v);
  real* const kNorm = reals(336832);  // [N+R]
  real* const rope_2 = reals(7654400);  // [B T H N+R]
  real* const rstd = reals(8096768);  // [B T H]
  prefill_09_expand_concat_rmsnorm(linear_kRope, linear_k, kNorm, rope_2, rstd);
  real* const rope_3 = reals(7916544);  // [B T R]
  prefill_10_rope(mul, rope_3);
  real* const latent_2 = reals(4901888);  // [slots context C]
  real* const rotary = reals(5426176);  // [slots context R]
  real* const norm = reals(5557248);  // [slots context H]
  prefill_11_cacheWrite(latent, rope_3, rstd, slot, position, latent_2, rotary, norm);
  real* const mixed = reals(7916544);  // [B T H U]
  real* const lse = reals(8047616);  // [B T H]
  prefill_12_attention(rope, rope_2, linear_v, mixed, lse);
  real* const out_ = reals(337024);  // [H U D]
  real* const add = reals(8178688);  // [B T D]
  prefill_13_linear_add(mixed, out_, lookup_embed, add);
  real* const ffnNorm = reals(402560);  // [D]
  real* const rmsnorm_ffnNorm = reals(8047616);  // [B T D]
  prefill_14_rmsnorm(add, ffnNorm, rmsnorm_ffnNorm);
  real* const gate = reals(403072);  // [D W]
  real* const up = reals(599680);  // [D W]
  real* const linear_gate = reals(7654400);  // [B T W]
  real* const linear_up = reals(7851008);  // [B T W]
  prefill_15_linear(rmsnorm_ffnNorm, gate, up, linear_gate, linear_up);
  real* const down = reals(796288);  // [W D]
  real* const x = reals(8047616);  // [B T D]
  prefill_16_linear_swiglu_add(linear_gate, linear_up, down, add, x);
  for (int64_t layer = 0; layer < 3; ++layer) {  // model.ts:57   for (const layer of p.layers) x = layer(x);
    real* const x_2 = reals(8047616 + (layer % 2) * 65536);  // [B T D]
    real* const attnNorm_2 = reals(992896 + layer * 512);  // [D]
    real* const rmsnorm_attnNorm_2 = reals(7752704);  // [B T D]
    prefill_17_rmsnorm(x_2, attnNorm_2, rmsnorm_attnNorm_2);
    real* const kRope_2 = reals(1387648 + layer * 8192);  // [D R]
    real* const part_kNorm_2 = reals(1610304 + layer * 192);  // [R]
    real* const linear_kRope_2 = reals(7982080);  // [B T R]
    real* const mul_2 = reals(7654400);  // [B T R]
    prefill_05_linear_expand_mul(rmsnorm_attnNorm_2, kRope_2, part_kNorm_2, linear_kRope_2, mul_2);
    real* const rope_4 = reals(8211456);  // [B T R]
    prefill_10_rope(mul_2, rope_4);
    real* const kvDown_2 = reals(1289344 + layer * 32768);  // [D C]
    real* const linear_kvDown_2 = reals(7654400);  // [B T C]
    prefill_03_linear(rmsnorm_attnNorm_2, kvDown_2, linear_kvDown_2);
    real* const kvNorm_2 = reals(1412224 + layer * 256);  // [C]
    real* const latent_3 = reals(8178688);  // [B T C]
    prefill_04_rmsnorm(linear_kvDown_2, kvNorm_2, latent_3);
    real* const q_2 = reals(994432 + layer * 98304);  // [D H N+R]
    real* const linear_q_2 = reals(7654400);  // [B T H N+R]
    prefill_06_linear(rmsnorm_attnNorm_2, q_2, linear_q_2);
    real* const qNorm_2 = reals(1609600 + layer * 192);  // [N+R]
    real* const rope_5 = reals(7752704);  // [B T H N+R]
    prefill_07_rmsnorm_rope(linear_q_2, qNorm_2, rope_5);
    real* const k__2 = reals(1412992 + layer * 32768);  // [C H N]
    real* const v_2 = reals(1511296 + layer * 32768);  // [C H U]
    real* const linear_k_2 = reals(7851008);  // [B T H N]
    real* const linear_v_2 = reals(7916544);  // [B T H U]
    prefill_08_linear(latent_3, k__2, v_2, linear_k_2, linear_v_2);
    real* const kNorm_2 = reals(1610176 + layer * 192);  // [N+R]
    real* const rope_6 = reals(7654400);  // [B T H N+R]
    real* const rstd_2 = reals(8219648);  // [B T H]
    prefill_09_expand_concat_rmsnorm(linear_kRope_2, linear_k_2, kNorm_2, rope_6, rstd_2);
    real* const mixed_2 = reals(7851008);  // [B T H U]
    real* const lse_2 = reals(7982080);  // [B T H]
    prefill_12_attention(rope_5, rope_6, linear_v_2, mixed_2, lse_2);
    real* const out__2 = reals(1610752 + layer * 65536);  // [H U D]
    real* const add_2 = reals(7785472);  // [B T D]
    prefill_18_linear_add(mixed_2, out__2, x_2, add_2);
    real* const ffnNorm_2 = reals(1807360 + layer * 512);  // [D]
    real* const rmsnorm_ffnNorm_2 = reals(7851008);  // [B T D]
    prefill_14_rmsnorm(add_2, ffnNorm_2, rmsnorm_ffnNorm_2);
    real* const router = reals(1808896 + layer * 4096);  // [D E]
    real* const linear_router = reals(7654400);  // [B T E]
    prefill_19_linear(rmsnorm_ffnNorm_2, router, linear_router);
    real* const gates = reals(8221696);  // [B T topK]
    int32_t* const choice = ints(7662592);  // [B T topK] i32
    int32_t* const slot_2 = ints(8222720);  // [B T topK] i32
    int32_t* const source = ints(7663616);  // [rows] i32
    int32_t* const offsets = ints(8223744);  // [E+1] i32
    int32_t* const load = ints(7664640);  // [E] i32
    real* const probabilities = reals(7658496);  // [B T E]
    real* const balance = reals(7664704);  // []
    prefill_20_route(linear_router, gates, choice, slot_2, source, offsets, load, probabilities, balance);
    real* const gate_2 = reals(1821184 + layer * 262144);  // [E D F]
    real* const up_2 = reals(2607616 + layer * 262144);  // [E D F]
    real* const linear_gate_2 = reals(7916544);  // [E rows F]
    real* const linear_up_2 = reals(7982080);  // [E rows F]
    prefill_21_linear_dispatch(rmsnorm_ffnNorm_2, source, gate_2, offsets, up_2, linear_gate_2, linear_up_2);
    real* const down_2 = reals(3394048 + layer * 262144);  // [E F D]
    real* const routed = reals(7654400);  // [E rows D]
    prefill_22_linear_swiglu(linear_gate_2, linear_up_2, down_2, offsets, routed);
    real* const combine = reals(7916544);  // [B T D]
    prefill_23_combine(routed, slot_2, gates, combine);
    real* const sharedGate = reals(4180480 + layer * 65536);  // [D S]
    real* const sharedUp = reals(4377088 + layer * 65536);  // [D S]
    real* const linear_sharedGate = reals(7654400);  // [B T S]
    real* const linear_sharedUp = reals(7719936);  // [B T S]
    prefill_24_linear(rmsnorm_ffnNorm_2, sharedGate, sharedUp, linear_sharedGate, linear_sharedUp);
    real* const sharedDown = reals(4573696 + layer * 65536);  // [S D]
    real* const x_3 = reals(8047616 + ((layer + 1) % 2) * 65536);  // [B T D]
    prefill_25_linear_swiglu_add(linear_sharedGate, linear_sharedUp, sharedDown, combine, add_2, x_3);
    real* const latent_4 = reals(5590016 + layer * 524288);  // [slots context C]
    real* const rotary_2 = reals(7162880 + layer * 131072);  // [slots context R]
    real* const norm_2 = reals(7556096 + layer * 32768);  // [slots context H]
    prefill_11_cacheWrite(latent_3, rope_4, rstd_2, slot, position, latent_4, rotary_2, norm_2);
  }
  real* const x_4 = reals(8113152);  // [B T D]
  real* const norm_3 = reals(4770304);  // [D]
  real* const rmsnorm_norm = reals(7654400);  // [B T D]
  prefill_26_rmsnorm(x_4, norm_3, rmsnorm_norm);
  real* const head = reals(4770816);  // [V D]
  prefill_27_nextLogits(rmsnorm_norm, head, position, logits);
}

void decode(char* arena, const int32_t* tokens, const int32_t* slot, const int32_t* position, real* logits) {
  const auto reals = [arena](int64_t byte) { return reinterpret_cast<real*>(arena + byte); };
  [[maybe_unused]] const auto ints = [arena](int64_t byte) { return reinterpret_cast<int32_t*>(arena + byte); };

  real* const embed = reals(0);  // [V D]
  real* const lookup_embed = reals(7805952);  // [B D]
  decode_01_lookup(embed, tokens, lookup_embed);
  real* const attnNorm = reals(131072);  // [D]
  real* const rmsnorm_attnNorm = reals(7660544);  // [B D]
  decode_02_rmsnorm(lookup_embed, attnNorm, rmsnorm_attnNorm);
  real* const kvDown = reals(229888);  // [D C]
  real* const linear_kvDown = reals(7654400);  // [B C]
  decode_03_linear(rmsnorm_attnNorm, kvDown, linear_kvDown);
  real* const kvNorm = reals(270848);  // [C]
  real* const latent = reals(7664640);  // [B C]
  decode_04_rmsnorm(linear_kvDown, kvNorm, latent);
  real* const kRope = reals(262656);  // [D R]
  real* const part_kNorm = reals(336960);  // [R]
  real* const linear_kRope = reals(7666688);  // [B R]
  real* const mul = reals(7667200);  // [B R]
  decode_05_linear_expand_mul(rmsnorm_attnNorm, kRope, part_kNorm, linear_kRope, mul);
  real* const q = reals(131584);  // [D H N+R]
  real* const linear_q = reals(7654400);  // [B H N+R]
  decode_06_linear(rmsnorm_attnNorm, q, linear_q);
  real* const qNorm = reals(336640);  // [N+R]
  real* const kNorm = reals(336832);  // [N+R]
  real* const part = reals(7660544);  // [B H N]
  real* const part_2 = reals(7810048);  // [B H R]
  decode_07_rmsnorm_rope_expand(linear_q, qNorm, position, kNorm, part, part_2);
  real* const k_ = reals(271104);  // [C H N]
  real* const linear_k = reals(7654400);  // [B H N]
  decode_08_linear(latent, k_, linear_k);
  real* const rstd = reals(7658496);  // [B H]
  decode_09_expand_concat_rstd(linear_kRope, linear_k, rstd);
  real* const rope = reals(7654400);  // [B R]
  decode_10_rope(mul, position, rope);
  real* const latent_2 = reals(4901888);  // [slots context C]
  real* const rotary = reals(5426176);  // [slots context R]
  real* const norm = reals(5557248);  // [slots context H]
  decode_11_cacheWrite(latent, rope, rstd, slot, position, latent_2, rotary, norm);
  real* const linearByHead_k = reals(7789568);  // [B H C]
  decode_12_linearByHead(part, k_, linearByHead_k);
  real* const mixed_latent = reals(7797760);  // [B H C]
  decode_13_latentCachedAttention(linearByHead_k, part_2, latent_2, rotary, norm, slot, position, mixed_latent, reals(7654400));
  real* const v = reals(303872);  // [C H U]
  real* const mixed = reals(7654400);  // [B H U]
  decode_14_linearByHead(mixed_latent, v, mixed);
  real* const out_ = reals(337024);  // [H U D]
  real* const add = reals(7678976);  // [B D]
  decode_15_linear_add(mixed, out_, lookup_embed, add);
  real* const ffnNorm = reals(402560);  // [D]
  real* const rmsnorm_ffnNorm = reals(7683072);  // [B D]
  decode_16_rmsnorm(add, ffnNorm, rmsnorm_ffnNorm);
  real* const gate = reals(403072);  // [D W]
  real* const up = reals(599680);  // [D W]
  real* const linear_gate = reals(7654400);  // [B W]
  real* const linear_up = reals(7666688);  // [B W]
  decode_17_linear(rmsnorm_ffnNorm, gate, up, linear_gate, linear_up);
  real* const down = reals(796288);  // [W D]
  real* const x = reals(7789568);  // [B D]
  decode_18_linear_swiglu_add(linear_gate, linear_up, down, add, x);
  for (int64_t layer = 0; layer < 3; ++layer) {  // model.ts:57   for (const layer of p.layers) x = layer(x);
    real* const x_2 = reals(7789568 + (layer % 2) * 4096);  // [B D]
    real* const attnNorm_2 = reals(992896 + layer * 512);  // [D]
    real* const rmsnorm_attnNorm_2 = reals(7660544);  // [B D]
    decode_19_rmsnorm(x_2, attnNorm_2, rmsnorm_attnNorm_2);
    real* const kvDown_2 = reals(1289344 + layer * 32768);  // [D C]
    real* const linear_kvDown_2 = reals(7654400);  // [B C]
    decode_03_linear(rmsnorm_attnNorm_2, kvDown_2, linear_kvDown_2);
    real* const kvNorm_2 = reals(1412224 + layer * 256);  // [C]
    real* const latent_3 = reals(7664640);  // [B C]
    decode_04_rmsnorm(linear_kvDown_2, kvNorm_2, latent_3);
    real* const kRope_2 = reals(1387648 + layer * 8192);  // [D R]
    real* const part_kNorm_2 = reals(1610304 + layer * 192);  // [R]
    real* const linear_kRope_2 = reals(7666688);  // [B R]
    real* const mul_2 = reals(7667200);  // [B R]
    decode_05_linear_expand_mul(rmsnorm_attnNorm_2, kRope_2, part_kNorm_2, linear_kRope_2, mul_2);
    real* const q_2 = reals(994432 + layer * 98304);  // [D H N+R]
    real* const linear_q_2 = reals(7654400);  // [B H N+R]
    decode_06_linear(rmsnorm_attnNorm_2, q_2, linear_q_2);
    real* const qNorm_2 = reals(1609600 + layer * 192);  // [N+R]
    real* const kNorm_2 = reals(1610176 + layer * 192);  // [N+R]
    real* const part_3 = reals(7660544);  // [B H N]
    real* const part_4 = reals(7814144);  // [B H R]
    decode_07_rmsnorm_rope_expand(linear_q_2, qNorm_2, position, kNorm_2, part_3, part_4);
    real* const k__2 = reals(1412992 + layer * 32768);  // [C H N]
    real* const linear_k_2 = reals(7654400);  // [B H N]
    decode_08_linear(latent_3, k__2, linear_k_2);
    real* const rstd_2 = reals(7658496);  // [B H]
    decode_09_expand_concat_rstd(linear_kRope_2, linear_k_2, rstd_2);
    real* const rope_2 = reals(7654400);  // [B R]
    decode_10_rope(mul_2, position, rope_2);
    real* const latent_4 = reals(5590016 + layer * 524288);  // [slots context C]
    real* const rotary_2 = reals(7162880 + layer * 131072);  // [slots context R]
    real* const norm_2 = reals(7556096 + layer * 32768);  // [slots context H]
    decode_11_cacheWrite(latent_3, rope_2, rstd_2, slot, position, latent_4, rotary_2, norm_2);
    real* const linearByHead_k_2 = reals(7797760);  // [B H C]
    decode_12_linearByHead(part_3, k__2, linearByHead_k_2);
    real* const mixed_latent_2 = reals(7805952);  // [B H C]
    decode_13_latentCachedAttention(linearByHead_k_2, part_4, latent_4, rotary_2, norm_2, slot, position, mixed_latent_2, reals(7654400));
    real* const v_2 = reals(1511296 + layer * 32768);  // [C H U]
    real* const mixed_2 = reals(7654400);  // [B H U]
    decode_14_linearByHead(mixed_latent_2, v_2, mixed_2);
    real* const out__2 = reals(1610752 + layer * 65536);  // [H U D]
    real* const add_2 = reals(7662592);  // [B D]
    decode_20_linear_add(mixed_2, out__2, x_2, add_2);
    real* const ffnNorm_2 = reals(1807360 + layer * 512);  // [D]
    real* const rmsnorm_ffnNorm_2 = reals(7666688);  // [B D]
    decode_16_rmsnorm(add_2, ffnNorm_2, rmsnorm_ffnNorm_2);
    real* const router = reals(1808896 + layer * 4096);  // [D E]
    real* const linear_router = reals(7654400);  // [B E]
    decode_21_linear(rmsnorm_ffnNorm_2, router, linear_router);
    real* const gates = reals(7678976);  // [B topK]
    int32_t* const choice = ints(7654912);  // [B topK] i32
    int32_t* const slot_2 = ints(7679040);  // [B topK] i32
    int32_t* const source = ints(7654976);  // [rows] i32
    int32_t* const offsets = ints(7679104);  // [E+1] i32
    int32_t* const load = ints(7655040);  // [E] i32
    real* const probabilities = reals(7654656);  // [B E]
    real* const balance = reals(7655104);  // []
    decode_22_route(linear_router, gates, choice, slot_2, source, offsets, load, probabilities, balance);
    real* const gate_2 = reals(1821184 + layer * 262144);  // [E D F]
    real* const up_2 = reals(2607616 + layer * 262144);  // [E D F]
    real* const linear_gate_2 = reals(7670784);  // [E rows F]
    real* const linear_up_2 = reals(7674880);  // [E rows F]
    decode_23_linear_dispatch(rmsnorm_ffnNorm_2, source, gate_2, offsets, up_2, linear_gate_2, linear_up_2);
    real* const down_2 = reals(3394048 + layer * 262144);  // [E F D]
    real* const routed = reals(7654400);  // [E rows D]
    decode_24_linear_swiglu(linear_gate_2, linear_up_2, down_2, offsets, routed);
    real* const sharedGate = reals(4180480 + layer * 65536);  // [D S]
    real* const sharedUp = reals(4377088 + layer * 65536);  // [D S]
    real* const linear_sharedGate = reals(7670784);  // [B S]
    real* const linear_sharedUp = reals(7674880);  // [B S]
    decode_25_linear(rmsnorm_ffnNorm_2, sharedGate, sharedUp, linear_sharedGate, linear_sharedUp);
    real* const combine = reals(7666688);  // [B D]
    decode_26_combine(routed, slot_2, gates, combine);
    real* const sharedDown = reals(4573696 + layer * 65536);  // [S D]
    real* const x_3 = reals(7789568 + ((layer + 1) % 2) * 4096);  // [B D]
    decode_27_linear_swiglu_add(linear_sharedGate, linear_sharedUp, sharedDown, combine, add_2, x_3);
  }
  real* const x_4 = reals(7793664);  // [B D]
  real* const norm_3 = reals(4770304);  // [D]
  real* const rmsnorm_norm = reals(7654400);  // [B D]
  decode_28_rmsnorm(x_4, norm_3, rmsnorm_norm);
  real* const head = reals(4770816);  // [V D]
  decode_29_nextLogits(rmsnorm_norm, head, logits);
}

}  // namespace mlac
