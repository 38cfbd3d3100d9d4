// The programs of tiny for generating: which kernel runs when, on which part of the arena. Emitted by mlac.
#include <cmath>

#include "generation.h"
#include "kernels.h"

namespace mlac {

const int64_t ARENA_BYTES = 4689152;
const int64_t CACHE_AT = 2455040, CACHE_BYTES = 1441792;
const int64_t ROWS = 8, SEQUENCES = 1, WINDOW = 128;
const int64_t SLOTS = 8, CONTEXT = 256, VOCABULARY = 256;
const int64_t TOKENS_AT = 3896832, SLOTS_AT = 3897344, POSITIONS_AT = 3897600, LOGITS_AT = 3897856;
const int64_t SAMPLING_AT = 3906048, SAMPLED_AT = 3906560;

const Parameter WEIGHTS[] = {
    {"embed", Storage::half, 0, 32768 },
    {"first.attnNorm", Storage::f32, 65536, 128 },
    {"first.attn.q", Storage::half, 66048, 24576 },
    {"first.attn.kvDown", Storage::half, 115200, 8192 },
    {"first.attn.kRope", Storage::half, 131584, 2048 },
    {"first.attn.kvNorm", Storage::f32, 135680, 64 },
    {"first.attn.k", Storage::half, 135936, 8192 },
    {"first.attn.v", Storage::half, 152320, 8192 },
    {"first.attn.qNorm", Storage::f32, 168704, 48 },
    {"first.attn.kNorm", Storage::f32, 168960, 48 },
    {"first.attn.out", Storage::half, 169216, 16384 },
    {"first.ffnNorm", Storage::f32, 201984, 128 },
    {"first.ffn.gate", Storage::half, 202496, 49152 },
    {"first.ffn.up", Storage::half, 300800, 49152 },
    {"first.ffn.down", Storage::half, 399104, 49152 },
    {"layers.0.attnNorm", Storage::f32, 497408, 128 },
    {"layers.1.attnNorm", Storage::f32, 497920, 128 },
    {"layers.2.attnNorm", Storage::f32, 498432, 128 },
    {"layers.0.attn.q", Storage::half, 498944, 24576 },
    {"layers.1.attn.q", Storage::half, 548096, 24576 },
    {"layers.2.attn.q", Storage::half, 597248, 24576 },
    {"layers.0.attn.kvDown", Storage::half, 646400, 8192 },
    {"layers.1.attn.kvDown", Storage::half, 662784, 8192 },
    {"layers.2.attn.kvDown", Storage::half, 679168, 8192 },
    {"layers.0.attn.kRope", Storage::half, 695552, 2048 },
    {"layers.1.attn.kRope", Storage::half, 699648, 2048 },
    {"layers.2.attn.kRope", Storage::half, 703744, 2048 },
    {"layers.0.attn.kvNorm", Storage::f32, 707840, 64 },
    {"layers.1.attn.kvNorm", Storage::f32, 708096, 64 },
    {"layers.2.attn.kvNorm", Storage::f32, 708352, 64 },
    {"layers.0.attn.k", Storage::half, 708608, 8192 },
    {"layers.1.attn.k", Storage::half, 724992, 8192 },
    {"layers.2.attn.k", Storage::half, 741376, 8192 },
    {"layers.0.attn.v", Storage::half, 757760, 8192 },
    {"layers.1.attn.v", Storage::half, 774144, 8192 },
    {"layers.2.attn.v", Storage::half, 790528, 8192 },
    {"layers.0.attn.qNorm", Storage::f32, 806912, 48 },
    {"layers.1.attn.qNorm", Storage::f32, 807104, 48 },
    {"layers.2.attn.qNorm", Storage::f32, 807296, 48 },
    {"layers.0.attn.kNorm", Storage::f32, 807680, 48 },
    {"layers.1.attn.kNorm", Storage::f32, 807872, 48 },
    {"layers.2.attn.kNorm", Storage::f32, 808064, 48 },
    {"layers.0.attn.out", Storage::half, 808448, 16384 },
    {"layers.1.attn.out", Storage::half, 841216, 16384 },
    {"layers.2.attn.out", Storage::half, 873984, 16384 },
    {"layers.0.ffnNorm", Storage::f32, 906752, 128 },
    {"layers.1.ffnNorm", Storage::f32, 907264, 128 },
    {"layers.2.ffnNorm", Storage::f32, 907776, 128 },
    {"layers.0.moe.router", Storage::half, 908288, 1024 },
    {"layers.1.moe.router", Storage::half, 910336, 1024 },
    {"layers.2.moe.router", Storage::half, 912384, 1024 },
    {"layers.0.moe.gate", Storage::half, 914432, 65536 },
    {"layers.1.moe.gate", Storage::half, 1045504, 65536 },
    {"layers.2.moe.gate", Storage::half, 1176576, 65536 },
    {"layers.0.moe.up", Storage::half, 1307648, 65536 },
    {"layers.1.moe.up", Storage::half, 1438720, 65536 },
    {"layers.2.moe.up", Storage::half, 1569792, 65536 },
    {"layers.0.moe.down", Storage::half, 1700864, 65536 },
    {"layers.1.moe.down", Storage::half, 1831936, 65536 },
    {"layers.2.moe.down", Storage::half, 1963008, 65536 },
    {"layers.0.moe.sharedGate", Storage::half, 2094080, 16384 },
    {"layers.1.moe.sharedGate", Storage::half, 2126848, 16384 },
    {"layers.2.moe.sharedGate", Storage::half, 2159616, 16384 },
    {"layers.0.moe.sharedUp", Storage::half, 2192384, 16384 },
    {"layers.1.moe.sharedUp", Storage::half, 2225152, 16384 },
    {"layers.2.moe.sharedUp", Storage::half, 2257920, 16384 },
    {"layers.0.moe.sharedDown", Storage::half, 2290688, 16384 },
    {"layers.1.moe.sharedDown", Storage::half, 2323456, 16384 },
    {"layers.2.moe.sharedDown", Storage::half, 2356224, 16384 },
    {"norm", Storage::f32, 2388992, 128 },
    {"head", Storage::half, 2389504, 32768 },
};
const int64_t WEIGHT_COUNT = 71;

// The last one is there so that there is one.
const Table TABLES[] = {
    {3906816, 1024, [](int64_t i) -> double { return std::cos(double(int64_t(i) / 8) * std::pow(double(10000), -2.0 * double(int64_t(i) % 8) / 16)); }},
    {3910912, 1024, [](int64_t i) -> double { return std::sin(double(int64_t(i) / 8) * std::pow(double(10000), -2.0 * double(int64_t(i) % 8) / 16)); }},
    {3915008, 2048, [](int64_t i) -> double { return std::cos(double(int64_t(i) / 8) * std::pow(double(10000), -2.0 * double(int64_t(i) % 8) / 16)); }},
    {3923200, 2048, [](int64_t i) -> double { return std::sin(double(int64_t(i) / 8) * std::pow(double(10000), -2.0 * double(int64_t(i) % 8) / 16)); }},
    {0, 0, nullptr},
};
const int64_t TABLE_COUNT = 4;

void prefill(cudaStream_t stream, char* arena) {
  const auto floats = [arena](int64_t byte) { return reinterpret_cast<float*>(arena + byte); };
  const auto halves = [arena](int64_t byte) { return reinterpret_cast<bf16*>(arena + byte); };
  const auto ints = [arena](int64_t byte) { return reinterpret_cast<int32_t*>(arena + byte); };
  [[maybe_unused]] const auto bytes = [arena](int64_t byte) { return arena + byte; };
  const int32_t *tokens = ints(TOKENS_AT), *slot = ints(SLOTS_AT), *position = ints(POSITIONS_AT);
  float* logits = floats(LOGITS_AT);

  bf16* const embed = halves(0);  // [V D]
  bf16* const lookup_embed = halves(4603136);  // [B T D]
  prefill_01_lookup(stream, embed, tokens, lookup_embed);
  float* const attnNorm = floats(65536);  // [D]
  bf16* const rmsnorm_attnNorm = halves(3931392);  // [B T D]
  prefill_02_rmsnorm(stream, lookup_embed, attnNorm, rmsnorm_attnNorm);
  bf16* const kvDown = halves(115200);  // [D C]
  float* const kvNorm = floats(135680);  // [C]
  bf16* const latent = halves(4668672);  // [B T C]
  prefill_03_linear_rmsnorm(stream, rmsnorm_attnNorm, kvDown, kvNorm, latent);
  bf16* const kRope = halves(131584);  // [D R]
  float* const part_kNorm = floats(169088);  // [R]
  bf16* const linear_kRope = halves(3964160);  // [B T R]
  bf16* const rope = halves(4685056);  // [B T R]
  prefill_04_linear_expand_mul(stream, rmsnorm_attnNorm, kRope, part_kNorm, linear_kRope, rope, floats(3906816), floats(3910912));
  bf16* const q = halves(66048);  // [D H N+R]
  float* const qNorm = floats(168704);  // [N+R]
  bf16* const rope_2 = halves(4455680);  // [B T H N+R]
  prefill_05_linear_rmsnorm_rope(stream, rmsnorm_attnNorm, q, qNorm, rope_2, floats(3906816), floats(3910912));
  bf16* const k_ = halves(135936);  // [C H N]
  float* const kNorm = floats(168960);  // [N+R]
  bf16* const concat = halves(4504832);  // [B T H N+R]
  bf16* const rope_3 = halves(4553984);  // [B T H N+R]
  prefill_06_linear_expand_concat(stream, latent, k_, linear_kRope, kNorm, concat, rope_3, floats(3906816), floats(3910912));
  bf16* const v = halves(152320);  // [C H U]
  bf16* const linear_v = halves(4635904);  // [B T H U]
  prefill_07_linear(stream, latent, v, linear_v, bytes(3931392));
  float* const rstd = floats(3931392);  // [B T H]
  prefill_08_rstd(stream, concat, rstd);
  bf16* const latent_2 = halves(2455040);  // [slots context C]
  bf16* const rotary = halves(2717184);  // [slots context R]
  float* const norm = floats(2782720);  // [slots context H]
  prefill_09_cacheWrite(stream, latent, rope, rstd, slot, position, latent_2, rotary, norm);
  bf16* const mixed = halves(3931392);  // [B T H U]
  float* const lse = floats(3964160);  // [B T H]
  prefill_10_attention(stream, rope_2, rope_3, linear_v, mixed, lse);
  bf16* const out_ = halves(169216);  // [H U D]
  float* const ffnNorm = floats(201984);  // [D]
  bf16* const add = halves(4029696);  // [B T D]
  bf16* const rmsnorm_ffnNorm = halves(4062464);  // [B T D]
  prefill_11_linear_add_rmsnorm(stream, mixed, out_, lookup_embed, ffnNorm, add, rmsnorm_ffnNorm);
  bf16* const gate = halves(202496);  // [D W]
  bf16* const up = halves(300800);  // [D W]
  bf16* const swiglu = halves(3931392);  // [B T W]
  prefill_12_linear_swiglu(stream, rmsnorm_ffnNorm, gate, up, swiglu);
  bf16* const down = halves(399104);  // [W D]
  bf16* const x = halves(4455680);  // [B T D]
  prefill_13_linear_add(stream, swiglu, down, add, x);
  for (int64_t layer = 0; layer < 3; ++layer) {  // model.ts:57   for (const layer of p.layers) x = layer(x);
    bf16* const x_2 = halves(4455680 + (layer % 2) * 32768);  // [B T D]
    float* const attnNorm_2 = floats(497408 + layer * 512);  // [D]
    bf16* const rmsnorm_attnNorm_2 = halves(3931392);  // [B T D]
    prefill_14_rmsnorm(stream, x_2, attnNorm_2, rmsnorm_attnNorm_2);
    bf16* const kRope_2 = halves(695552 + layer * 4096);  // [D R]
    float* const part_kNorm_2 = floats(807808 + layer * 192);  // [R]
    bf16* const linear_kRope_2 = halves(4619520);  // [B T R]
    bf16* const rope_4 = halves(4623616);  // [B T R]
    prefill_04_linear_expand_mul(stream, rmsnorm_attnNorm_2, kRope_2, part_kNorm_2, linear_kRope_2, rope_4, floats(3906816), floats(3910912));
    bf16* const kvDown_2 = halves(646400 + layer * 16384);  // [D C]
    float* const kvNorm_2 = floats(707840 + layer * 256);  // [C]
    bf16* const latent_3 = halves(4603136);  // [B T C]
    prefill_03_linear_rmsnorm(stream, rmsnorm_attnNorm_2, kvDown_2, kvNorm_2, latent_3);
    bf16* const q_2 = halves(498944 + layer * 49152);  // [D H N+R]
    float* const qNorm_2 = floats(806912 + layer * 192);  // [N+R]
    bf16* const rope_5 = halves(4521216);  // [B T H N+R]
    prefill_05_linear_rmsnorm_rope(stream, rmsnorm_attnNorm_2, q_2, qNorm_2, rope_5, floats(3906816), floats(3910912));
    bf16* const v_2 = halves(757760 + layer * 16384);  // [C H U]
    bf16* const linear_v_2 = halves(4570368);  // [B T H U]
    prefill_07_linear(stream, latent_3, v_2, linear_v_2, bytes(3931392));
    bf16* const k__2 = halves(708608 + layer * 16384);  // [C H N]
    float* const kNorm_2 = floats(807680 + layer * 192);  // [N+R]
    bf16* const concat_2 = halves(3931392);  // [B T H N+R]
    bf16* const rope_6 = halves(3980544);  // [B T H N+R]
    prefill_06_linear_expand_concat(stream, latent_3, k__2, linear_kRope_2, kNorm_2, concat_2, rope_6, floats(3906816), floats(3910912));
    bf16* const mixed_2 = halves(4029696);  // [B T H U]
    float* const lse_2 = floats(4062464);  // [B T H]
    prefill_10_attention(stream, rope_5, rope_6, linear_v_2, mixed_2, lse_2);
    float* const rstd_2 = floats(4095232);  // [B T H]
    prefill_08_rstd(stream, concat_2, rstd_2);
    bf16* const out__2 = halves(808448 + layer * 32768);  // [H U D]
    float* const ffnNorm_2 = floats(906752 + layer * 512);  // [D]
    bf16* const add_2 = halves(3996928);  // [B T D]
    bf16* const rmsnorm_ffnNorm_2 = halves(3931392);  // [B T D]
    prefill_15_linear_add_rmsnorm(stream, mixed_2, out__2, x_2, ffnNorm_2, add_2, rmsnorm_ffnNorm_2);
    bf16* const router = halves(908288 + layer * 2048);  // [D E]
    float* const linear_router = floats(4029696);  // [B T E]
    prefill_16_linear(stream, rmsnorm_ffnNorm_2, router, linear_router, bytes(3964160));
    float* const gates = floats(4097280);  // [B T topK]
    int32_t* const choice = ints(3968256);  // [B T topK] i32
    int32_t* const slot_2 = ints(4098304);  // [B T topK] i32
    int32_t* const source = ints(3969280);  // [rows] i32
    int32_t* const offsets = ints(4099328);  // [E+1] i32
    int32_t* const load = ints(3970816);  // [E] i32
    float* const probabilities = floats(3964160);  // [B T E]
    float* const balance = floats(3971072);  // []
    prefill_17_route(stream, linear_router, gates, choice, slot_2, source, offsets, load, probabilities, balance, bytes(3970304));
    bf16* const gate_2 = halves(914432 + layer * 131072);  // [E D F]
    bf16* const up_2 = halves(1307648 + layer * 131072);  // [E D F]
    bf16* const swiglu_2 = halves(4029696);  // [E rows F]
    prefill_18_linear_dispatch_swiglu(stream, rmsnorm_ffnNorm_2, source, gate_2, offsets, up_2, swiglu_2);
    bf16* const sharedGate = halves(2094080 + layer * 32768);  // [D S]
    bf16* const sharedUp = halves(2192384 + layer * 32768);  // [D S]
    bf16* const swiglu_3 = halves(4062464);  // [B T S]
    prefill_19_linear_swiglu(stream, rmsnorm_ffnNorm_2, sharedGate, sharedUp, swiglu_3);
    bf16* const down_2 = halves(1700864 + layer * 131072);  // [E F D]
    bf16* const routed = halves(3931392);  // [E rows D]
    prefill_20_linear(stream, swiglu_2, down_2, offsets, routed);
    bf16* const combine = halves(4029696);  // [B T D]
    prefill_21_combine(stream, routed, slot_2, gates, combine);
    bf16* const sharedDown = halves(2290688 + layer * 32768);  // [S D]
    bf16* const x_3 = halves(4455680 + ((layer + 1) % 2) * 32768);  // [B T D]
    prefill_22_linear_add(stream, swiglu_3, sharedDown, combine, add_2, x_3);
    bf16* const latent_4 = halves(2815488 + layer * 262144);  // [slots context C]
    bf16* const rotary_2 = halves(3601920 + layer * 65536);  // [slots context R]
    float* const norm_2 = floats(3798528 + layer * 32768);  // [slots context H]
    prefill_09_cacheWrite(stream, latent_3, rope_4, rstd_2, slot, position, latent_4, rotary_2, norm_2);
  }
  bf16* const x_4 = halves(4488448);  // [B T D]
  float* const norm_3 = floats(2388992);  // [D]
  bf16* const rmsnorm_norm = halves(3931392);  // [B T D]
  prefill_23_rmsnorm(stream, x_4, norm_3, rmsnorm_norm);
  bf16* const head = halves(2389504);  // [V D]
  prefill_24_nextLogits(stream, rmsnorm_norm, head, position, logits);
}

void decode(cudaStream_t stream, char* arena) {
  const auto floats = [arena](int64_t byte) { return reinterpret_cast<float*>(arena + byte); };
  const auto halves = [arena](int64_t byte) { return reinterpret_cast<bf16*>(arena + byte); };
  [[maybe_unused]] const auto ints = [arena](int64_t byte) { return reinterpret_cast<int32_t*>(arena + byte); };
  [[maybe_unused]] const auto bytes = [arena](int64_t byte) { return arena + byte; };
  const int32_t *tokens = ints(TOKENS_AT), *slot = ints(SLOTS_AT), *position = ints(POSITIONS_AT);
  float* logits = floats(LOGITS_AT);

  bf16* const embed = halves(0);  // [V D]
  bf16* const lookup_embed = halves(4007168);  // [B D]
  decode_01_lookup(stream, embed, tokens, lookup_embed);
  float* const attnNorm = floats(65536);  // [D]
  bf16* const kvDown = halves(115200);  // [D C]
  bf16* const kRope = halves(131584);  // [D R]
  bf16* const q = halves(66048);  // [D H N+R]
  bf16* const linear_kvDown = halves(3938560);  // [B C]
  bf16* const linear_kRope = halves(3939584);  // [B R]
  bf16* const linear_q = halves(3931392);  // [B H N+R]
  decode_02_linear_rmsnorm(stream, lookup_embed, attnNorm, kvDown, kRope, q, linear_kvDown, linear_kRope, linear_q);
  float* const kvNorm = floats(135680);  // [C]
  bf16* const k_ = halves(135936);  // [C H N]
  bf16* const linear_k = halves(3934464);  // [B H N]
  decode_03_linear_rmsnorm(stream, linear_kvDown, kvNorm, k_, linear_k);
  float* const qNorm = floats(168704);  // [N+R]
  float* const part_kNorm = floats(169088);  // [R]
  float* const kNorm = floats(168960);  // [N+R]
  bf16* const latent = halves(2455040);  // [slots context C]
  bf16* const rotary = halves(2717184);  // [slots context R]
  float* const norm = floats(2782720);  // [slots context H]
  bf16* const part = halves(3936512);  // [B H N]
  bf16* const part_2 = halves(4009216);  // [B H R]
  decode_04_rmsnorm_expand_concat(stream, linear_kvDown, kvNorm, linear_q, qNorm, linear_kRope, linear_k, position, part_kNorm, slot, kNorm, latent, rotary, norm, part, part_2, floats(3915008), floats(3923200));
  bf16* const linearByHead_k = halves(3998976);  // [B H C]
  decode_05_linearByHead(stream, part, k_, linearByHead_k);
  bf16* const mixed_latent = halves(4003072);  // [B H C]
  decode_06_latentCachedAttention(stream, linearByHead_k, part_2, latent, rotary, norm, slot, position, mixed_latent, bytes(3931392));
  bf16* const v = halves(152320);  // [C H U]
  bf16* const mixed = halves(3931392);  // [B H U]
  decode_07_linearByHead(stream, mixed_latent, v, mixed);
  bf16* const out_ = halves(169216);  // [H U D]
  bf16* const add = halves(3937536);  // [B D]
  decode_08_linear_add(stream, mixed, out_, lookup_embed, add);
  float* const ffnNorm = floats(201984);  // [D]
  bf16* const gate = halves(202496);  // [D W]
  bf16* const up = halves(300800);  // [D W]
  bf16* const swiglu = halves(3931392);  // [B W]
  decode_09_linear_rmsnorm_swiglu(stream, add, ffnNorm, gate, up, swiglu);
  bf16* const down = halves(399104);  // [W D]
  bf16* const x = halves(3998976);  // [B D]
  decode_10_linear_add(stream, swiglu, down, add, x);
  for (int64_t layer = 0; layer < 3; ++layer) {  // model.ts:57   for (const layer of p.layers) x = layer(x);
    bf16* const x_2 = halves(3998976 + (layer % 2) * 2048);  // [B D]
    float* const attnNorm_2 = floats(497408 + layer * 512);  // [D]
    bf16* const kvDown_2 = halves(646400 + layer * 16384);  // [D C]
    bf16* const kRope_2 = halves(695552 + layer * 4096);  // [D R]
    bf16* const q_2 = halves(498944 + layer * 49152);  // [D H N+R]
    bf16* const linear_kvDown_2 = halves(3938560);  // [B C]
    bf16* const linear_kRope_2 = halves(3939584);  // [B R]
    bf16* const linear_q_2 = halves(3931392);  // [B H N+R]
    decode_11_linear_rmsnorm(stream, x_2, attnNorm_2, kvDown_2, kRope_2, q_2, linear_kvDown_2, linear_kRope_2, linear_q_2);
    float* const kvNorm_2 = floats(707840 + layer * 256);  // [C]
    bf16* const k__2 = halves(708608 + layer * 16384);  // [C H N]
    bf16* const linear_k_2 = halves(3934464);  // [B H N]
    decode_03_linear_rmsnorm(stream, linear_kvDown_2, kvNorm_2, k__2, linear_k_2);
    float* const qNorm_2 = floats(806912 + layer * 192);  // [N+R]
    float* const part_kNorm_2 = floats(807808 + layer * 192);  // [R]
    float* const kNorm_2 = floats(807680 + layer * 192);  // [N+R]
    bf16* const latent_2 = halves(2815488 + layer * 262144);  // [slots context C]
    bf16* const rotary_2 = halves(3601920 + layer * 65536);  // [slots context R]
    float* const norm_2 = floats(3798528 + layer * 32768);  // [slots context H]
    bf16* const part_3 = halves(3936512);  // [B H N]
    bf16* const part_4 = halves(4011264);  // [B H R]
    decode_04_rmsnorm_expand_concat(stream, linear_kvDown_2, kvNorm_2, linear_q_2, qNorm_2, linear_kRope_2, linear_k_2, position, part_kNorm_2, slot, kNorm_2, latent_2, rotary_2, norm_2, part_3, part_4, floats(3915008), floats(3923200));
    bf16* const linearByHead_k_2 = halves(4003072);  // [B H C]
    decode_05_linearByHead(stream, part_3, k__2, linearByHead_k_2);
    bf16* const mixed_latent_2 = halves(4007168);  // [B H C]
    decode_06_latentCachedAttention(stream, linearByHead_k_2, part_4, latent_2, rotary_2, norm_2, slot, position, mixed_latent_2, bytes(3931392));
    bf16* const v_2 = halves(757760 + layer * 16384);  // [C H U]
    bf16* const mixed_2 = halves(3931392);  // [B H U]
    decode_07_linearByHead(stream, mixed_latent_2, v_2, mixed_2);
    bf16* const out__2 = halves(808448 + layer * 32768);  // [H U D]
    bf16* const add_2 = halves(3935488);  // [B D]
    decode_12_linear_add(stream, mixed_2, out__2, x_2, add_2);
    float* const ffnNorm_2 = floats(906752 + layer * 512);  // [D]
    bf16* const router = halves(908288 + layer * 2048);  // [D E]
    float* const linear_router = floats(3931392);  // [B E]
    decode_13_linear_rmsnorm(stream, add_2, ffnNorm_2, router, linear_router);
    float* const gates = floats(3941632);  // [B topK]
    int32_t* const choice = ints(3931648);  // [B topK] i32
    int32_t* const slot_2 = ints(3941888);  // [B topK] i32
    int32_t* const source = ints(3931904);  // [rows] i32
    int32_t* const offsets = ints(3942144);  // [E+1] i32
    int32_t* const load = ints(3932160);  // [E] i32
    float* const probabilities = floats(3932416);  // [B E]
    float* const balance = floats(3932672);  // []
    decode_14_route(stream, linear_router, gates, choice, slot_2, source, offsets, load, probabilities, balance);
    bf16* const sharedGate = halves(2094080 + layer * 32768);  // [D S]
    bf16* const sharedUp = halves(2192384 + layer * 32768);  // [D S]
    bf16* const swiglu_2 = halves(3937536);  // [B S]
    decode_15_linear_rmsnorm_swiglu(stream, add_2, ffnNorm_2, sharedGate, sharedUp, swiglu_2);
    bf16* const gate_2 = halves(914432 + layer * 131072);  // [E D F]
    bf16* const up_2 = halves(1307648 + layer * 131072);  // [E D F]
    bf16* const swiglu_3 = halves(3939584);  // [E rows F]
    decode_16_linear_rmsnorm_dispatch(stream, add_2, ffnNorm_2, source, gate_2, offsets, up_2, swiglu_3);
    bf16* const down_2 = halves(1700864 + layer * 131072);  // [E F D]
    bf16* const routed = halves(3931392);  // [E rows D]
    decode_17_linear(stream, swiglu_3, down_2, offsets, routed);
    bf16* const sharedDown = halves(2290688 + layer * 32768);  // [S D]
    bf16* const x_3 = halves(3998976 + ((layer + 1) % 2) * 2048);  // [B D]
    decode_18_linear_combine_add(stream, swiglu_2, sharedDown, routed, slot_2, gates, add_2, x_3);
  }
  bf16* const x_4 = halves(4001024);  // [B D]
  float* const norm_3 = floats(2388992);  // [D]
  bf16* const head = halves(2389504);  // [V D]
  decode_19_nextLogits_rmsnorm(stream, x_4, norm_3, head, logits);
}

}  // namespace mlac
