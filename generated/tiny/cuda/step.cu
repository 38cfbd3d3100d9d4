// The programs of tiny: which kernel runs when, on which part of the arena. Emitted by mlac.
#include <cmath>

#include "kernels.h"
#include "lib/optimizer.cuh"
#include "model.h"

namespace mlac {

static void copy_scalar(cudaStream_t stream, float* to, const float* from) { cudaMemcpyAsync(to, from, sizeof(float), cudaMemcpyDeviceToDevice, stream); }

const int64_t ARENA_BYTES = 82397440;
const int64_t SEQUENCES = 16, LENGTH = 256, VOCABULARY = 256;
const int64_t TOKENS_AT = 14989568, TARGETS_AT = 15005952, POSITIONS_AT = 15022336, LOSS_SCALE_AT = 15022592;
const int64_t REPORT_AT = 15022848, LOGITS_AT = 15023104;
const int64_t GRADIENTS_AT = 4902400, GRADIENTS_BYTES = 4902400;

const Tensor TENSORS[] = {
    {"embed", Role::parameter, Storage::split, 0, 2455040, 32768 },
    {"first.attnNorm", Role::parameter, Storage::f32, 65536, 0, 128 },
    {"first.attn.q", Role::parameter, Storage::split, 66048, 2520576, 24576 },
    {"first.attn.kvDown", Role::parameter, Storage::split, 115200, 2569728, 8192 },
    {"first.attn.kRope", Role::parameter, Storage::split, 131584, 2586112, 2048 },
    {"first.attn.kvNorm", Role::parameter, Storage::f32, 135680, 0, 64 },
    {"first.attn.k", Role::parameter, Storage::split, 135936, 2590208, 8192 },
    {"first.attn.v", Role::parameter, Storage::split, 152320, 2606592, 8192 },
    {"first.attn.qNorm", Role::parameter, Storage::f32, 168704, 0, 48 },
    {"first.attn.kNorm", Role::parameter, Storage::f32, 168960, 0, 48 },
    {"first.attn.out", Role::parameter, Storage::split, 169216, 2622976, 16384 },
    {"first.ffnNorm", Role::parameter, Storage::f32, 201984, 0, 128 },
    {"first.ffn.gate", Role::parameter, Storage::split, 202496, 2655744, 49152 },
    {"first.ffn.up", Role::parameter, Storage::split, 300800, 2754048, 49152 },
    {"first.ffn.down", Role::parameter, Storage::split, 399104, 2852352, 49152 },
    {"layers.0.attnNorm", Role::parameter, Storage::f32, 497408, 0, 128 },
    {"layers.1.attnNorm", Role::parameter, Storage::f32, 497920, 0, 128 },
    {"layers.2.attnNorm", Role::parameter, Storage::f32, 498432, 0, 128 },
    {"layers.0.attn.q", Role::parameter, Storage::split, 498944, 2950656, 24576 },
    {"layers.1.attn.q", Role::parameter, Storage::split, 548096, 2999808, 24576 },
    {"layers.2.attn.q", Role::parameter, Storage::split, 597248, 3048960, 24576 },
    {"layers.0.attn.kvDown", Role::parameter, Storage::split, 646400, 3098112, 8192 },
    {"layers.1.attn.kvDown", Role::parameter, Storage::split, 662784, 3114496, 8192 },
    {"layers.2.attn.kvDown", Role::parameter, Storage::split, 679168, 3130880, 8192 },
    {"layers.0.attn.kRope", Role::parameter, Storage::split, 695552, 3147264, 2048 },
    {"layers.1.attn.kRope", Role::parameter, Storage::split, 699648, 3151360, 2048 },
    {"layers.2.attn.kRope", Role::parameter, Storage::split, 703744, 3155456, 2048 },
    {"layers.0.attn.kvNorm", Role::parameter, Storage::f32, 707840, 0, 64 },
    {"layers.1.attn.kvNorm", Role::parameter, Storage::f32, 708096, 0, 64 },
    {"layers.2.attn.kvNorm", Role::parameter, Storage::f32, 708352, 0, 64 },
    {"layers.0.attn.k", Role::parameter, Storage::split, 708608, 3159552, 8192 },
    {"layers.1.attn.k", Role::parameter, Storage::split, 724992, 3175936, 8192 },
    {"layers.2.attn.k", Role::parameter, Storage::split, 741376, 3192320, 8192 },
    {"layers.0.attn.v", Role::parameter, Storage::split, 757760, 3208704, 8192 },
    {"layers.1.attn.v", Role::parameter, Storage::split, 774144, 3225088, 8192 },
    {"layers.2.attn.v", Role::parameter, Storage::split, 790528, 3241472, 8192 },
    {"layers.0.attn.qNorm", Role::parameter, Storage::f32, 806912, 0, 48 },
    {"layers.1.attn.qNorm", Role::parameter, Storage::f32, 807104, 0, 48 },
    {"layers.2.attn.qNorm", Role::parameter, Storage::f32, 807296, 0, 48 },
    {"layers.0.attn.kNorm", Role::parameter, Storage::f32, 807680, 0, 48 },
    {"layers.1.attn.kNorm", Role::parameter, Storage::f32, 807872, 0, 48 },
    {"layers.2.attn.kNorm", Role::parameter, Storage::f32, 808064, 0, 48 },
    {"layers.0.attn.out", Role::parameter, Storage::split, 808448, 3257856, 16384 },
    {"layers.1.attn.out", Role::parameter, Storage::split, 841216, 3290624, 16384 },
    {"layers.2.attn.out", Role::parameter, Storage::split, 873984, 3323392, 16384 },
    {"layers.0.ffnNorm", Role::parameter, Storage::f32, 906752, 0, 128 },
    {"layers.1.ffnNorm", Role::parameter, Storage::f32, 907264, 0, 128 },
    {"layers.2.ffnNorm", Role::parameter, Storage::f32, 907776, 0, 128 },
    {"layers.0.moe.router", Role::parameter, Storage::split, 908288, 3356160, 1024 },
    {"layers.1.moe.router", Role::parameter, Storage::split, 910336, 3358208, 1024 },
    {"layers.2.moe.router", Role::parameter, Storage::split, 912384, 3360256, 1024 },
    {"layers.0.moe.gate", Role::parameter, Storage::split, 914432, 3362304, 65536 },
    {"layers.1.moe.gate", Role::parameter, Storage::split, 1045504, 3493376, 65536 },
    {"layers.2.moe.gate", Role::parameter, Storage::split, 1176576, 3624448, 65536 },
    {"layers.0.moe.up", Role::parameter, Storage::split, 1307648, 3755520, 65536 },
    {"layers.1.moe.up", Role::parameter, Storage::split, 1438720, 3886592, 65536 },
    {"layers.2.moe.up", Role::parameter, Storage::split, 1569792, 4017664, 65536 },
    {"layers.0.moe.down", Role::parameter, Storage::split, 1700864, 4148736, 65536 },
    {"layers.1.moe.down", Role::parameter, Storage::split, 1831936, 4279808, 65536 },
    {"layers.2.moe.down", Role::parameter, Storage::split, 1963008, 4410880, 65536 },
    {"layers.0.moe.sharedGate", Role::parameter, Storage::split, 2094080, 4541952, 16384 },
    {"layers.1.moe.sharedGate", Role::parameter, Storage::split, 2126848, 4574720, 16384 },
    {"layers.2.moe.sharedGate", Role::parameter, Storage::split, 2159616, 4607488, 16384 },
    {"layers.0.moe.sharedUp", Role::parameter, Storage::split, 2192384, 4640256, 16384 },
    {"layers.1.moe.sharedUp", Role::parameter, Storage::split, 2225152, 4673024, 16384 },
    {"layers.2.moe.sharedUp", Role::parameter, Storage::split, 2257920, 4705792, 16384 },
    {"layers.0.moe.sharedDown", Role::parameter, Storage::split, 2290688, 4738560, 16384 },
    {"layers.1.moe.sharedDown", Role::parameter, Storage::split, 2323456, 4771328, 16384 },
    {"layers.2.moe.sharedDown", Role::parameter, Storage::split, 2356224, 4804096, 16384 },
    {"norm", Role::parameter, Storage::f32, 2388992, 0, 128 },
    {"head", Role::parameter, Storage::split, 2389504, 4836864, 32768 },
    {"grad.embed", Role::gradient, Storage::f32, 4902400, 0, 32768 },
    {"grad.first.attnNorm", Role::gradient, Storage::f32, 5033472, 0, 128 },
    {"grad.first.attn.q", Role::gradient, Storage::f32, 5033984, 0, 24576 },
    {"grad.first.attn.kvDown", Role::gradient, Storage::f32, 5132288, 0, 8192 },
    {"grad.first.attn.kRope", Role::gradient, Storage::f32, 5165056, 0, 2048 },
    {"grad.first.attn.kvNorm", Role::gradient, Storage::f32, 5173248, 0, 64 },
    {"grad.first.attn.k", Role::gradient, Storage::f32, 5173504, 0, 8192 },
    {"grad.first.attn.v", Role::gradient, Storage::f32, 5206272, 0, 8192 },
    {"grad.first.attn.qNorm", Role::gradient, Storage::f32, 5239040, 0, 48 },
    {"grad.first.attn.kNorm", Role::gradient, Storage::f32, 5239296, 0, 48 },
    {"grad.first.attn.out", Role::gradient, Storage::f32, 5239552, 0, 16384 },
    {"grad.first.ffnNorm", Role::gradient, Storage::f32, 5305088, 0, 128 },
    {"grad.first.ffn.gate", Role::gradient, Storage::f32, 5305600, 0, 49152 },
    {"grad.first.ffn.up", Role::gradient, Storage::f32, 5502208, 0, 49152 },
    {"grad.first.ffn.down", Role::gradient, Storage::f32, 5698816, 0, 49152 },
    {"grad.layers.0.attnNorm", Role::gradient, Storage::f32, 5895424, 0, 128 },
    {"grad.layers.1.attnNorm", Role::gradient, Storage::f32, 5895936, 0, 128 },
    {"grad.layers.2.attnNorm", Role::gradient, Storage::f32, 5896448, 0, 128 },
    {"grad.layers.0.attn.q", Role::gradient, Storage::f32, 5896960, 0, 24576 },
    {"grad.layers.1.attn.q", Role::gradient, Storage::f32, 5995264, 0, 24576 },
    {"grad.layers.2.attn.q", Role::gradient, Storage::f32, 6093568, 0, 24576 },
    {"grad.layers.0.attn.kvDown", Role::gradient, Storage::f32, 6191872, 0, 8192 },
    {"grad.layers.1.attn.kvDown", Role::gradient, Storage::f32, 6224640, 0, 8192 },
    {"grad.layers.2.attn.kvDown", Role::gradient, Storage::f32, 6257408, 0, 8192 },
    {"grad.layers.0.attn.kRope", Role::gradient, Storage::f32, 6290176, 0, 2048 },
    {"grad.layers.1.attn.kRope", Role::gradient, Storage::f32, 6298368, 0, 2048 },
    {"grad.layers.2.attn.kRope", Role::gradient, Storage::f32, 6306560, 0, 2048 },
    {"grad.layers.0.attn.kvNorm", Role::gradient, Storage::f32, 6314752, 0, 64 },
    {"grad.layers.1.attn.kvNorm", Role::gradient, Storage::f32, 6315008, 0, 64 },
    {"grad.layers.2.attn.kvNorm", Role::gradient, Storage::f32, 6315264, 0, 64 },
    {"grad.layers.0.attn.k", Role::gradient, Storage::f32, 6315520, 0, 8192 },
    {"grad.layers.1.attn.k", Role::gradient, Storage::f32, 6348288, 0, 8192 },
    {"grad.layers.2.attn.k", Role::gradient, Storage::f32, 6381056, 0, 8192 },
    {"grad.layers.0.attn.v", Role::gradient, Storage::f32, 6413824, 0, 8192 },
    {"grad.layers.1.attn.v", Role::gradient, Storage::f32, 6446592, 0, 8192 },
    {"grad.layers.2.attn.v", Role::gradient, Storage::f32, 6479360, 0, 8192 },
    {"grad.layers.0.attn.qNorm", Role::gradient, Storage::f32, 6512128, 0, 48 },
    {"grad.layers.1.attn.qNorm", Role::gradient, Storage::f32, 6512320, 0, 48 },
    {"grad.layers.2.attn.qNorm", Role::gradient, Storage::f32, 6512512, 0, 48 },
    {"grad.layers.0.attn.kNorm", Role::gradient, Storage::f32, 6512896, 0, 48 },
    {"grad.layers.1.attn.kNorm", Role::gradient, Storage::f32, 6513088, 0, 48 },
    {"grad.layers.2.attn.kNorm", Role::gradient, Storage::f32, 6513280, 0, 48 },
    {"grad.layers.0.attn.out", Role::gradient, Storage::f32, 6513664, 0, 16384 },
    {"grad.layers.1.attn.out", Role::gradient, Storage::f32, 6579200, 0, 16384 },
    {"grad.layers.2.attn.out", Role::gradient, Storage::f32, 6644736, 0, 16384 },
    {"grad.layers.0.ffnNorm", Role::gradient, Storage::f32, 6710272, 0, 128 },
    {"grad.layers.1.ffnNorm", Role::gradient, Storage::f32, 6710784, 0, 128 },
    {"grad.layers.2.ffnNorm", Role::gradient, Storage::f32, 6711296, 0, 128 },
    {"grad.layers.0.moe.router", Role::gradient, Storage::f32, 6711808, 0, 1024 },
    {"grad.layers.1.moe.router", Role::gradient, Storage::f32, 6715904, 0, 1024 },
    {"grad.layers.2.moe.router", Role::gradient, Storage::f32, 6720000, 0, 1024 },
    {"grad.layers.0.moe.gate", Role::gradient, Storage::f32, 6724096, 0, 65536 },
    {"grad.layers.1.moe.gate", Role::gradient, Storage::f32, 6986240, 0, 65536 },
    {"grad.layers.2.moe.gate", Role::gradient, Storage::f32, 7248384, 0, 65536 },
    {"grad.layers.0.moe.up", Role::gradient, Storage::f32, 7510528, 0, 65536 },
    {"grad.layers.1.moe.up", Role::gradient, Storage::f32, 7772672, 0, 65536 },
    {"grad.layers.2.moe.up", Role::gradient, Storage::f32, 8034816, 0, 65536 },
    {"grad.layers.0.moe.down", Role::gradient, Storage::f32, 8296960, 0, 65536 },
    {"grad.layers.1.moe.down", Role::gradient, Storage::f32, 8559104, 0, 65536 },
    {"grad.layers.2.moe.down", Role::gradient, Storage::f32, 8821248, 0, 65536 },
    {"grad.layers.0.moe.sharedGate", Role::gradient, Storage::f32, 9083392, 0, 16384 },
    {"grad.layers.1.moe.sharedGate", Role::gradient, Storage::f32, 9148928, 0, 16384 },
    {"grad.layers.2.moe.sharedGate", Role::gradient, Storage::f32, 9214464, 0, 16384 },
    {"grad.layers.0.moe.sharedUp", Role::gradient, Storage::f32, 9280000, 0, 16384 },
    {"grad.layers.1.moe.sharedUp", Role::gradient, Storage::f32, 9345536, 0, 16384 },
    {"grad.layers.2.moe.sharedUp", Role::gradient, Storage::f32, 9411072, 0, 16384 },
    {"grad.layers.0.moe.sharedDown", Role::gradient, Storage::f32, 9476608, 0, 16384 },
    {"grad.layers.1.moe.sharedDown", Role::gradient, Storage::f32, 9542144, 0, 16384 },
    {"grad.layers.2.moe.sharedDown", Role::gradient, Storage::f32, 9607680, 0, 16384 },
    {"grad.norm", Role::gradient, Storage::f32, 9673216, 0, 128 },
    {"grad.head", Role::gradient, Storage::f32, 9673728, 0, 32768 },
    {"momentum.first.attn.q", Role::momentum, Storage::f32, 9804800, 0, 24576 },
    {"momentum.first.attn.kvDown", Role::momentum, Storage::f32, 9903104, 0, 8192 },
    {"momentum.first.attn.kRope", Role::momentum, Storage::f32, 9935872, 0, 2048 },
    {"momentum.first.attn.k", Role::momentum, Storage::f32, 9944064, 0, 8192 },
    {"momentum.first.attn.v", Role::momentum, Storage::f32, 9976832, 0, 8192 },
    {"momentum.first.attn.out", Role::momentum, Storage::f32, 10009600, 0, 16384 },
    {"momentum.first.ffn.gate", Role::momentum, Storage::f32, 10075136, 0, 49152 },
    {"momentum.first.ffn.up", Role::momentum, Storage::f32, 10271744, 0, 49152 },
    {"momentum.first.ffn.down", Role::momentum, Storage::f32, 10468352, 0, 49152 },
    {"momentum.layers.0.attn.q", Role::momentum, Storage::f32, 10664960, 0, 24576 },
    {"momentum.layers.1.attn.q", Role::momentum, Storage::f32, 10763264, 0, 24576 },
    {"momentum.layers.2.attn.q", Role::momentum, Storage::f32, 10861568, 0, 24576 },
    {"momentum.layers.0.attn.kvDown", Role::momentum, Storage::f32, 10959872, 0, 8192 },
    {"momentum.layers.1.attn.kvDown", Role::momentum, Storage::f32, 10992640, 0, 8192 },
    {"momentum.layers.2.attn.kvDown", Role::momentum, Storage::f32, 11025408, 0, 8192 },
    {"momentum.layers.0.attn.kRope", Role::momentum, Storage::f32, 11058176, 0, 2048 },
    {"momentum.layers.1.attn.kRope", Role::momentum, Storage::f32, 11066368, 0, 2048 },
    {"momentum.layers.2.attn.kRope", Role::momentum, Storage::f32, 11074560, 0, 2048 },
    {"momentum.layers.0.attn.k", Role::momentum, Storage::f32, 11082752, 0, 8192 },
    {"momentum.layers.1.attn.k", Role::momentum, Storage::f32, 11115520, 0, 8192 },
    {"momentum.layers.2.attn.k", Role::momentum, Storage::f32, 11148288, 0, 8192 },
    {"momentum.layers.0.attn.v", Role::momentum, Storage::f32, 11181056, 0, 8192 },
    {"momentum.layers.1.attn.v", Role::momentum, Storage::f32, 11213824, 0, 8192 },
    {"momentum.layers.2.attn.v", Role::momentum, Storage::f32, 11246592, 0, 8192 },
    {"momentum.layers.0.attn.out", Role::momentum, Storage::f32, 11279360, 0, 16384 },
    {"momentum.layers.1.attn.out", Role::momentum, Storage::f32, 11344896, 0, 16384 },
    {"momentum.layers.2.attn.out", Role::momentum, Storage::f32, 11410432, 0, 16384 },
    {"momentum.layers.0.moe.gate", Role::momentum, Storage::f32, 11475968, 0, 65536 },
    {"momentum.layers.1.moe.gate", Role::momentum, Storage::f32, 11738112, 0, 65536 },
    {"momentum.layers.2.moe.gate", Role::momentum, Storage::f32, 12000256, 0, 65536 },
    {"momentum.layers.0.moe.up", Role::momentum, Storage::f32, 12262400, 0, 65536 },
    {"momentum.layers.1.moe.up", Role::momentum, Storage::f32, 12524544, 0, 65536 },
    {"momentum.layers.2.moe.up", Role::momentum, Storage::f32, 12786688, 0, 65536 },
    {"momentum.layers.0.moe.down", Role::momentum, Storage::f32, 13048832, 0, 65536 },
    {"momentum.layers.1.moe.down", Role::momentum, Storage::f32, 13310976, 0, 65536 },
    {"momentum.layers.2.moe.down", Role::momentum, Storage::f32, 13573120, 0, 65536 },
    {"momentum.layers.0.moe.sharedGate", Role::momentum, Storage::f32, 13835264, 0, 16384 },
    {"momentum.layers.1.moe.sharedGate", Role::momentum, Storage::f32, 13900800, 0, 16384 },
    {"momentum.layers.2.moe.sharedGate", Role::momentum, Storage::f32, 13966336, 0, 16384 },
    {"momentum.layers.0.moe.sharedUp", Role::momentum, Storage::f32, 14031872, 0, 16384 },
    {"momentum.layers.1.moe.sharedUp", Role::momentum, Storage::f32, 14097408, 0, 16384 },
    {"momentum.layers.2.moe.sharedUp", Role::momentum, Storage::f32, 14162944, 0, 16384 },
    {"momentum.layers.0.moe.sharedDown", Role::momentum, Storage::f32, 14228480, 0, 16384 },
    {"momentum.layers.1.moe.sharedDown", Role::momentum, Storage::f32, 14294016, 0, 16384 },
    {"momentum.layers.2.moe.sharedDown", Role::momentum, Storage::f32, 14359552, 0, 16384 },
    {"adamw.m.embed", Role::moment1, Storage::f32, 14425088, 0, 32768 },
    {"adamw.v.embed", Role::moment2, Storage::f32, 14556160, 0, 32768 },
    {"adamw.m.first.attnNorm", Role::moment1, Storage::f32, 14687232, 0, 128 },
    {"adamw.v.first.attnNorm", Role::moment2, Storage::f32, 14687744, 0, 128 },
    {"adamw.m.first.attn.kvNorm", Role::moment1, Storage::f32, 14688256, 0, 64 },
    {"adamw.v.first.attn.kvNorm", Role::moment2, Storage::f32, 14688512, 0, 64 },
    {"adamw.m.first.attn.qNorm", Role::moment1, Storage::f32, 14688768, 0, 48 },
    {"adamw.v.first.attn.qNorm", Role::moment2, Storage::f32, 14689024, 0, 48 },
    {"adamw.m.first.attn.kNorm", Role::moment1, Storage::f32, 14689280, 0, 48 },
    {"adamw.v.first.attn.kNorm", Role::moment2, Storage::f32, 14689536, 0, 48 },
    {"adamw.m.first.ffnNorm", Role::moment1, Storage::f32, 14689792, 0, 128 },
    {"adamw.v.first.ffnNorm", Role::moment2, Storage::f32, 14690304, 0, 128 },
    {"adamw.m.layers.0.attnNorm", Role::moment1, Storage::f32, 14690816, 0, 128 },
    {"adamw.m.layers.1.attnNorm", Role::moment1, Storage::f32, 14691328, 0, 128 },
    {"adamw.m.layers.2.attnNorm", Role::moment1, Storage::f32, 14691840, 0, 128 },
    {"adamw.v.layers.0.attnNorm", Role::moment2, Storage::f32, 14692352, 0, 128 },
    {"adamw.v.layers.1.attnNorm", Role::moment2, Storage::f32, 14692864, 0, 128 },
    {"adamw.v.layers.2.attnNorm", Role::moment2, Storage::f32, 14693376, 0, 128 },
    {"adamw.m.layers.0.attn.kvNorm", Role::moment1, Storage::f32, 14693888, 0, 64 },
    {"adamw.m.layers.1.attn.kvNorm", Role::moment1, Storage::f32, 14694144, 0, 64 },
    {"adamw.m.layers.2.attn.kvNorm", Role::moment1, Storage::f32, 14694400, 0, 64 },
    {"adamw.v.layers.0.attn.kvNorm", Role::moment2, Storage::f32, 14694656, 0, 64 },
    {"adamw.v.layers.1.attn.kvNorm", Role::moment2, Storage::f32, 14694912, 0, 64 },
    {"adamw.v.layers.2.attn.kvNorm", Role::moment2, Storage::f32, 14695168, 0, 64 },
    {"adamw.m.layers.0.attn.qNorm", Role::moment1, Storage::f32, 14695424, 0, 48 },
    {"adamw.m.layers.1.attn.qNorm", Role::moment1, Storage::f32, 14695616, 0, 48 },
    {"adamw.m.layers.2.attn.qNorm", Role::moment1, Storage::f32, 14695808, 0, 48 },
    {"adamw.v.layers.0.attn.qNorm", Role::moment2, Storage::f32, 14696192, 0, 48 },
    {"adamw.v.layers.1.attn.qNorm", Role::moment2, Storage::f32, 14696384, 0, 48 },
    {"adamw.v.layers.2.attn.qNorm", Role::moment2, Storage::f32, 14696576, 0, 48 },
    {"adamw.m.layers.0.attn.kNorm", Role::moment1, Storage::f32, 14696960, 0, 48 },
    {"adamw.m.layers.1.attn.kNorm", Role::moment1, Storage::f32, 14697152, 0, 48 },
    {"adamw.m.layers.2.attn.kNorm", Role::moment1, Storage::f32, 14697344, 0, 48 },
    {"adamw.v.layers.0.attn.kNorm", Role::moment2, Storage::f32, 14697728, 0, 48 },
    {"adamw.v.layers.1.attn.kNorm", Role::moment2, Storage::f32, 14697920, 0, 48 },
    {"adamw.v.layers.2.attn.kNorm", Role::moment2, Storage::f32, 14698112, 0, 48 },
    {"adamw.m.layers.0.ffnNorm", Role::moment1, Storage::f32, 14698496, 0, 128 },
    {"adamw.m.layers.1.ffnNorm", Role::moment1, Storage::f32, 14699008, 0, 128 },
    {"adamw.m.layers.2.ffnNorm", Role::moment1, Storage::f32, 14699520, 0, 128 },
    {"adamw.v.layers.0.ffnNorm", Role::moment2, Storage::f32, 14700032, 0, 128 },
    {"adamw.v.layers.1.ffnNorm", Role::moment2, Storage::f32, 14700544, 0, 128 },
    {"adamw.v.layers.2.ffnNorm", Role::moment2, Storage::f32, 14701056, 0, 128 },
    {"adamw.m.layers.0.moe.router", Role::moment1, Storage::f32, 14701568, 0, 1024 },
    {"adamw.m.layers.1.moe.router", Role::moment1, Storage::f32, 14705664, 0, 1024 },
    {"adamw.m.layers.2.moe.router", Role::moment1, Storage::f32, 14709760, 0, 1024 },
    {"adamw.v.layers.0.moe.router", Role::moment2, Storage::f32, 14713856, 0, 1024 },
    {"adamw.v.layers.1.moe.router", Role::moment2, Storage::f32, 14717952, 0, 1024 },
    {"adamw.v.layers.2.moe.router", Role::moment2, Storage::f32, 14722048, 0, 1024 },
    {"adamw.m.norm", Role::moment1, Storage::f32, 14726144, 0, 128 },
    {"adamw.v.norm", Role::moment2, Storage::f32, 14726656, 0, 128 },
    {"adamw.m.head", Role::moment1, Storage::f32, 14727168, 0, 32768 },
    {"adamw.v.head", Role::moment2, Storage::f32, 14858240, 0, 32768 },
    {"load.layers", Role::load, Storage::i32, 14989312, 0, 24 },
};
const int64_t TENSOR_COUNT = 240;

const Start STARTS[] = {
    { Storage::split, 0, 2455040, 32768, 0.02, 0},  // embed
    { Storage::f32, 65536, 0, 128, 0, 1},  // first.attnNorm
    { Storage::split, 66048, 2520576, 24576, 0.08838834764831843, 0},  // first.attn.q
    { Storage::split, 115200, 2569728, 8192, 0.08838834764831843, 0},  // first.attn.kvDown
    { Storage::split, 131584, 2586112, 2048, 0.08838834764831843, 0},  // first.attn.kRope
    { Storage::f32, 135680, 0, 64, 0, 1},  // first.attn.kvNorm
    { Storage::split, 135936, 2590208, 8192, 0.125, 0},  // first.attn.k
    { Storage::split, 152320, 2606592, 8192, 0.125, 0},  // first.attn.v
    { Storage::f32, 168704, 0, 48, 0, 1},  // first.attn.qNorm
    { Storage::f32, 168960, 0, 48, 0, 1},  // first.attn.kNorm
    { Storage::split, 169216, 2622976, 16384, 0.08838834764831843, 0},  // first.attn.out
    { Storage::f32, 201984, 0, 128, 0, 1},  // first.ffnNorm
    { Storage::split, 202496, 2655744, 49152, 0.08838834764831843, 0},  // first.ffn.gate
    { Storage::split, 300800, 2754048, 49152, 0.08838834764831843, 0},  // first.ffn.up
    { Storage::split, 399104, 2852352, 49152, 0.051031036307982884, 0},  // first.ffn.down
    { Storage::f32, 497408, 0, 384, 0, 1},  // layers.attnNorm
    { Storage::split, 498944, 2950656, 73728, 0.08838834764831843, 0},  // layers.attn.q
    { Storage::split, 646400, 3098112, 24576, 0.08838834764831843, 0},  // layers.attn.kvDown
    { Storage::split, 695552, 3147264, 6144, 0.08838834764831843, 0},  // layers.attn.kRope
    { Storage::f32, 707840, 0, 192, 0, 1},  // layers.attn.kvNorm
    { Storage::split, 708608, 3159552, 24576, 0.125, 0},  // layers.attn.k
    { Storage::split, 757760, 3208704, 24576, 0.125, 0},  // layers.attn.v
    { Storage::f32, 806912, 0, 144, 0, 1},  // layers.attn.qNorm
    { Storage::f32, 807680, 0, 144, 0, 1},  // layers.attn.kNorm
    { Storage::split, 808448, 3257856, 49152, 0.08838834764831843, 0},  // layers.attn.out
    { Storage::f32, 906752, 0, 384, 0, 1},  // layers.ffnNorm
    { Storage::split, 908288, 3356160, 3072, 0.02, 0},  // layers.moe.router
    { Storage::split, 914432, 3362304, 196608, 0.08838834764831843, 0},  // layers.moe.gate
    { Storage::split, 1307648, 3755520, 196608, 0.08838834764831843, 0},  // layers.moe.up
    { Storage::split, 1700864, 4148736, 196608, 0.125, 0},  // layers.moe.down
    { Storage::split, 2094080, 4541952, 49152, 0.08838834764831843, 0},  // layers.moe.sharedGate
    { Storage::split, 2192384, 4640256, 49152, 0.08838834764831843, 0},  // layers.moe.sharedUp
    { Storage::split, 2290688, 4738560, 49152, 0.08838834764831843, 0},  // layers.moe.sharedDown
    { Storage::f32, 2388992, 0, 128, 0, 1},  // norm
    { Storage::split, 2389504, 4836864, 32768, 0.02, 0},  // head
};
const int64_t START_COUNT = 35;

// The last one is there so that there is one.
const Table TABLES[] = {
    {15039488, 2048, [](int64_t i) -> double { return std::cos(double(int64_t(i) / 8) * std::pow(double(10000), -2.0 * double(int64_t(i) % 8) / 16)); }},
    {15047680, 2048, [](int64_t i) -> double { return std::sin(double(int64_t(i) / 8) * std::pow(double(10000), -2.0 * double(int64_t(i) % 8) / 16)); }},
    {0, 0, nullptr},
};
const int64_t TABLE_COUNT = 2;

void micro_step(cudaStream_t stream, char* arena) {
  const auto floats = [arena](int64_t byte) { return reinterpret_cast<float*>(arena + byte); };
  const auto halves = [arena](int64_t byte) { return reinterpret_cast<bf16*>(arena + byte); };
  const auto ints = [arena](int64_t byte) { return reinterpret_cast<int32_t*>(arena + byte); };
  [[maybe_unused]] const auto bytes = [arena](int64_t byte) { return arena + byte; };
  [[maybe_unused]] const int32_t *tokens = ints(TOKENS_AT), *targets = ints(TARGETS_AT);
  [[maybe_unused]] const float* lossScale = floats(LOSS_SCALE_AT);

  bf16* const embed = halves(0);  // [V D]
  bf16* const lookup_embed = halves(69715200);  // [B T D]
  fwd_01_lookup(stream, embed, tokens, lookup_embed);
  float* const attnNorm = floats(65536);  // [D]
  bf16* const rmsnorm_attnNorm = halves(17153024);  // [B T D]
  bf16* const rmsnorm_attnNorm_2 = halves(70763776);  // [B T D]
  fwd_02_rmsnorm(stream, lookup_embed, attnNorm, rmsnorm_attnNorm, rmsnorm_attnNorm_2);
  bf16* const kvDown = halves(115200);  // [D C]
  float* const kvNorm = floats(135680);  // [C]
  bf16* const linear_kvDown = halves(80200960);  // [B T C]
  bf16* const latent = halves(23444480);  // [B T C]
  fwd_03_linear_rmsnorm(stream, rmsnorm_attnNorm, kvDown, kvNorm, linear_kvDown, latent);
  bf16* const kRope = halves(131584);  // [D R]
  bf16* const linear_kRope = halves(18201600);  // [B T R]
  fwd_04_linear(stream, rmsnorm_attnNorm, kRope, linear_kRope, bytes(15055872));
  bf16* const q = halves(66048);  // [D H N+R]
  float* const qNorm = floats(168704);  // [N+R]
  bf16* const linear_q = halves(58705152);  // [B T H N+R]
  bf16* const rope = halves(19250176);  // [B T H N+R]
  fwd_05_linear_rmsnorm_rope(stream, rmsnorm_attnNorm, q, qNorm, linear_q, rope, floats(15039488), floats(15047680));
  bf16* const k_ = halves(135936);  // [C H N]
  float* const kNorm = floats(168960);  // [N+R]
  bf16* const rope_2 = halves(20823040);  // [B T H N+R]
  fwd_06_linear_expand_concat(stream, latent, k_, linear_kRope, kNorm, rope_2, floats(15039488), floats(15047680));
  bf16* const v = halves(152320);  // [C H U]
  bf16* const linear_v = halves(22395904);  // [B T H U]
  fwd_07_linear(stream, latent, v, linear_v, bytes(15055872));
  bf16* const mixed = halves(71812352);  // [B T H U]
  float* const lse = floats(82330880);  // [B T H]
  fwd_08_attention(stream, rope, rope_2, linear_v, mixed, lse);
  bf16* const out_ = halves(169216);  // [H U D]
  float* const ffnNorm = floats(201984);  // [D]
  bf16* const add = halves(72860928);  // [B T D]
  bf16* const rmsnorm_ffnNorm = halves(73909504);  // [B T D]
  fwd_09_linear_add_rmsnorm(stream, mixed, out_, lookup_embed, ffnNorm, add, rmsnorm_ffnNorm);
  bf16* const gate = halves(202496);  // [D W]
  bf16* const up = halves(300800);  // [D W]
  bf16* const linear_gate = halves(28296448);  // [B T W]
  bf16* const linear_up = halves(31442176);  // [B T W]
  bf16* const swiglu = halves(15055872);  // [B T W]
  bf16* const swiglu_2 = halves(34587904);  // [B T W]
  fwd_10_linear_swiglu(stream, rmsnorm_ffnNorm, gate, up, linear_gate, linear_up, swiglu, swiglu_2);
  bf16* const down = halves(399104);  // [W D]
  bf16* const x = halves(24102144);  // [B T D]
  fwd_11_linear_add(stream, swiglu, down, add, x);
  for (int64_t layer = 0; layer < 3; ++layer) {  // model.ts:57   for (const layer of p.layers) x = layer(x);
    bf16* const x_2 = halves(24102144 + layer * 1048576);  // [B T D]
    float* const attnNorm_2 = floats(497408 + layer * 512);  // [D]
    bf16* const rmsnorm_attnNorm_3 = halves(56608000);  // [B T D]
    fwd_12_rmsnorm(stream, x_2, attnNorm_2, rmsnorm_attnNorm_3);
    bf16* const kRope_2 = halves(695552 + layer * 4096);  // [D R]
    bf16* const linear_kRope_2 = halves(23968768);  // [B T R]
    fwd_04_linear(stream, rmsnorm_attnNorm_3, kRope_2, linear_kRope_2, bytes(19774464));
    bf16* const kvDown_2 = halves(646400 + layer * 16384);  // [D C]
    float* const kvNorm_2 = floats(707840 + layer * 256);  // [C]
    bf16* const linear_kvDown_2 = halves(60278016 + layer * 524288);  // [B T C]
    bf16* const latent_2 = halves(61850880);  // [B T C]
    fwd_03_linear_rmsnorm(stream, rmsnorm_attnNorm_3, kvDown_2, kvNorm_2, linear_kvDown_2, latent_2);
    bf16* const v_2 = halves(757760 + layer * 16384);  // [C H U]
    bf16* const linear_v_2 = halves(57656576);  // [B T H U]
    fwd_07_linear(stream, latent_2, v_2, linear_v_2, bytes(19774464));
    bf16* const k__2 = halves(708608 + layer * 16384);  // [C H N]
    float* const kNorm_2 = floats(807680 + layer * 192);  // [N+R]
    bf16* const rope_3 = halves(19774464);  // [B T H N+R]
    fwd_06_linear_expand_concat(stream, latent_2, k__2, linear_kRope_2, kNorm_2, rope_3, floats(15039488), floats(15047680));
    bf16* const q_2 = halves(498944 + layer * 49152);  // [D H N+R]
    float* const qNorm_2 = floats(806912 + layer * 192);  // [N+R]
    bf16* const linear_q_2 = halves(15055872 + layer * 1572864);  // [B T H N+R]
    bf16* const rope_4 = halves(21347328);  // [B T H N+R]
    fwd_05_linear_rmsnorm_rope(stream, rmsnorm_attnNorm_3, q_2, qNorm_2, linear_q_2, rope_4, floats(15039488), floats(15047680));
    bf16* const mixed_2 = halves(50316544 + layer * 1048576);  // [B T H U]
    float* const lse_2 = floats(81642752 + layer * 65536);  // [B T H]
    fwd_08_attention(stream, rope_4, rope_3, linear_v_2, mixed_2, lse_2);
    bf16* const out__2 = halves(808448 + layer * 32768);  // [H U D]
    float* const ffnNorm_2 = floats(906752 + layer * 512);  // [D]
    bf16* const linear_out = halves(53462272 + layer * 1048576);  // [B T D]
    bf16* const add_2 = halves(21871616);  // [B T D]
    bf16* const rmsnorm_ffnNorm_2 = halves(22920192);  // [B T D]
    fwd_13_linear_add_rmsnorm(stream, mixed_2, out__2, x_2, ffnNorm_2, linear_out, add_2, rmsnorm_ffnNorm_2);
    bf16* const router = halves(908288 + layer * 2048);  // [D E]
    float* const linear_router = floats(20823040);  // [B T E]
    fwd_14_linear(stream, rmsnorm_ffnNorm_2, router, linear_router, bytes(19774464));
    float* const gates = floats(82134272 + layer * 32768);  // [B T topK]
    int32_t* const choice = ints(82232576 + layer * 32768);  // [B T topK] i32
    int32_t* const slot = ints(81937664 + layer * 32768);  // [B T topK] i32
    int32_t* const source = ints(81839360 + layer * 32768);  // [rows] i32
    int32_t* const offsets = ints(82396416 + layer * 36);  // [E+1] i32
    int32_t* const load = ints(14989312 + layer * 32);  // [E] i32
    float* const probabilities = floats(81249536 + layer * 131072);  // [B T E]
    float* const balance = floats(24099840 + layer * 4);  // []
    fwd_15_route(stream, linear_router, gates, choice, slot, source, offsets, load, probabilities, balance, bytes(19774464));
    float* const pick = floats(82035968 + layer * 32768);  // [E rows]
    fwd_16_pick(stream, gates, source, pick);
    bf16* const gate_2 = halves(914432 + layer * 131072);  // [E D F]
    bf16* const up_2 = halves(1307648 + layer * 131072);  // [E D F]
    bf16* const linear_gate_2 = halves(44025088 + layer * 1048576);  // [E rows F]
    bf16* const linear_up_2 = halves(47170816 + layer * 1048576);  // [E rows F]
    bf16* const weigh = halves(56608000);  // [E rows F]
    fwd_17_linear_dispatch_swiglu(stream, rmsnorm_ffnNorm_2, source, gate_2, offsets, up_2, pick, linear_gate_2, linear_up_2, weigh);
    bf16* const down_2 = halves(1700864 + layer * 131072);  // [E F D]
    bf16* const routed = halves(19774464);  // [E rows D]
    fwd_18_linear(stream, weigh, down_2, offsets, routed);
    bf16* const combine = halves(56608000);  // [B T D]
    fwd_19_combine(stream, routed, slot, combine);
    bf16* const sharedGate = halves(2094080 + layer * 32768);  // [D S]
    bf16* const sharedUp = halves(2192384 + layer * 32768);  // [D S]
    bf16* const linear_sharedGate = halves(37733632 + layer * 1048576);  // [B T S]
    bf16* const linear_sharedUp = halves(40879360 + layer * 1048576);  // [B T S]
    bf16* const swiglu_3 = halves(19774464);  // [B T S]
    fwd_20_linear_swiglu(stream, rmsnorm_ffnNorm_2, sharedGate, sharedUp, linear_sharedGate, linear_sharedUp, swiglu_3);
    bf16* const sharedDown = halves(2290688 + layer * 32768);  // [S D]
    bf16* const x_3 = halves(24102144 + (layer + 1) * 1048576);  // [B T D]
    fwd_21_linear_add(stream, swiglu_3, sharedDown, combine, add_2, x_3);
  }
  bf16* const x_4 = halves(27247872);  // [B T D]
  float* const norm = floats(2388992);  // [D]
  bf16* const rmsnorm_norm = halves(21437440);  // [B T D]
  fwd_22_rmsnorm(stream, x_4, norm, rmsnorm_norm);
  bf16* const head = halves(2389504);  // [V D]
  float* const loss = floats(82396672);  // []
  bf16* const d_x = halves(22486016);  // [B T D]
  float* const d_head = floats(9673728);  // [V D]
  bwd_01_linearCrossEntropyTrain(stream, rmsnorm_norm, head, targets, lossScale, loss, d_x, d_head, bytes(19774464));
  float* const balance_2 = floats(24099840);  // [layers]
  float* const sumOver = floats(82396928);  // []
  bwd_02_sumOver(stream, balance_2, sumOver);
  float* const expand = floats(82397184);  // [layers]
  bwd_03_expand(stream, lossScale, expand);
  bf16* const d_x_2 = halves(56608000);  // [B T D]
  float* const d_norm = floats(9673216);  // [D]
  bwd_04_rmsnormGradX_rmsnormGradGain(stream, d_x, x_4, norm, d_x_2, d_norm, bytes(19774464));
  for (int64_t round = 0; round < 3; ++round) {  // model.ts:57   for (const layer of p.layers) x = layer(x);, from the last to the first
    const int64_t layer = 3 - 1 - round;
    bf16* const d_x_3 = halves(56608000 + (round % 2) * 1048576);  // [B T D]
    bf16* const sharedDown_2 = halves(2290688 + layer * 32768);  // [S D]
    bf16* const linear_sharedGate_2 = halves(37733632 + layer * 1048576);  // [B T S]
    bf16* const linear_sharedUp_2 = halves(40879360 + layer * 1048576);  // [B T S]
    bf16* const swiglu_4 = halves(19774464);  // [B T S]
    bf16* const swiglu_grad_gate = halves(61850880);  // [B T S]
    bf16* const swiglu_grad_up = halves(62899456);  // [B T S]
    bwd_05_linearGradX_swiglu_swigluGradGate(stream, d_x_3, sharedDown_2, linear_sharedGate_2, linear_sharedUp_2, swiglu_4, swiglu_grad_gate, swiglu_grad_up);
    float* const d_sharedDown = floats(9476608 + layer * 65536);  // [S D]
    bwd_06_linearGradW(stream, swiglu_4, d_x_3, d_sharedDown, bytes(20823040));
    int32_t* const source_2 = ints(81839360 + layer * 32768);  // [rows] i32
    bf16* const down_3 = halves(1700864 + layer * 131072);  // [E F D]
    int32_t* const offsets_2 = ints(82396416 + layer * 36);  // [E+1] i32
    bf16* const linear_gate_3 = halves(44025088 + layer * 1048576);  // [E rows F]
    bf16* const linear_up_3 = halves(47170816 + layer * 1048576);  // [E rows F]
    float* const pick_2 = floats(82035968 + layer * 32768);  // [E rows]
    bf16* const weigh_2 = halves(19774464);  // [E rows F]
    float* const dotOfRuns = floats(20823040);  // [E rows runs]
    bf16* const swiglu_grad_gate_2 = halves(63948032);  // [E rows F]
    bf16* const swiglu_grad_up_2 = halves(64996608);  // [E rows F]
    bwd_07_linearGradX_dispatch_swiglu(stream, d_x_3, source_2, down_3, offsets_2, linear_gate_3, linear_up_3, pick_2, weigh_2, dotOfRuns, swiglu_grad_gate_2, swiglu_grad_up_2);
    float* const d_down = floats(8296960 + layer * 262144);  // [E F D]
    bwd_08_linearGradW_dispatch(stream, d_x_3, source_2, weigh_2, offsets_2, d_down);
    float* const sumColumns = floats(19774464);  // [E rows]
    bwd_09_sumColumns(stream, dotOfRuns, sumColumns);
    int32_t* const slot_2 = ints(81937664 + layer * 32768);  // [B T topK] i32
    float* const pick_3 = floats(21871616);  // [B T topK]
    bwd_10_pick(stream, sumColumns, slot_2, pick_3);
    bf16* const up_3 = halves(1307648 + layer * 131072);  // [E D F]
    bf16* const gate_3 = halves(914432 + layer * 131072);  // [E D F]
    bf16* const add_3 = halves(19774464);  // [E rows D]
    bwd_11_linearGradX_add(stream, swiglu_grad_up_2, up_3, offsets_2, swiglu_grad_gate_2, gate_3, add_3);
    bf16* const combine_2 = halves(66045184);  // [B T D]
    bwd_12_combine(stream, add_3, slot_2, combine_2);
    float* const probabilities_2 = floats(81249536 + layer * 131072);  // [B T E]
    float* const gates_2 = floats(82134272 + layer * 32768);  // [B T topK]
    int32_t* const choice_2 = ints(82232576 + layer * 32768);  // [B T topK] i32
    int32_t* const load_2 = ints(14989312 + layer * 32);  // [E] i32
    float* const expand_2 = floats(82397184 + layer * 4);  // []
    bf16* const route_grad_ = halves(23968768);  // [B T E]
    bwd_13_routeGrad(stream, probabilities_2, gates_2, choice_2, load_2, pick_3, expand_2, route_grad_);
    bf16* const router_2 = halves(908288 + layer * 2048);  // [D E]
    bf16* const linear_grad_x_router = halves(67093760);  // [B T D]
    bwd_14_linearGradX(stream, route_grad_, router_2, linear_grad_x_router, bytes(19774464));
    bf16* const sharedUp_2 = halves(2192384 + layer * 32768);  // [D S]
    bf16* const sharedGate_2 = halves(2094080 + layer * 32768);  // [D S]
    bf16* const add_4 = halves(19774464);  // [B T D]
    bwd_15_linearGradX_add(stream, swiglu_grad_up, sharedUp_2, swiglu_grad_gate, sharedGate_2, combine_2, linear_grad_x_router, add_4);
    bf16* const x_5 = halves(24102144 + layer * 1048576);  // [B T D]
    bf16* const linear_out_2 = halves(53462272 + layer * 1048576);  // [B T D]
    float* const ffnNorm_3 = floats(906752 + layer * 512);  // [D]
    float* const attnNorm_3 = floats(497408 + layer * 512);  // [D]
    bf16* const rmsnorm_ffnNorm_3 = halves(20823040);  // [B T D]
    float* const d_ffnNorm = floats(6710272 + layer * 512);  // [D]
    bf16* const d_x_4 = halves(74958080);  // [B T D]
    bf16* const rmsnorm_attnNorm_4 = halves(76006656);  // [B T D]
    bwd_16_add_rmsnorm_rmsnormGradX(stream, x_5, linear_out_2, ffnNorm_3, add_4, d_x_3, attnNorm_3, rmsnorm_ffnNorm_3, d_ffnNorm, d_x_4, rmsnorm_attnNorm_4, bytes(21871616));
    float* const d_sharedUp = floats(9280000 + layer * 65536);  // [D S]
    float* const d_sharedGate = floats(9083392 + layer * 65536);  // [D S]
    bwd_17_linearGradW(stream, rmsnorm_ffnNorm_3, swiglu_grad_up, swiglu_grad_gate, d_sharedUp, d_sharedGate, bytes(19774464));
    float* const d_up = floats(7510528 + layer * 262144);  // [E D F]
    float* const d_gate = floats(6724096 + layer * 262144);  // [E D F]
    bwd_18_linearGradW_dispatch(stream, rmsnorm_ffnNorm_3, source_2, swiglu_grad_up_2, offsets_2, swiglu_grad_gate_2, d_up, d_gate);
    float* const d_router = floats(6711808 + layer * 4096);  // [D E]
    bwd_19_linearGradW(stream, rmsnorm_ffnNorm_3, route_grad_, d_router, bytes(19774464));
    bf16* const out__3 = halves(808448 + layer * 32768);  // [H U D]
    bf16* const d_mixed = halves(77055232);  // [B T H U]
    bwd_20_linearGradX(stream, d_x_4, out__3, d_mixed, bytes(19774464));
    bf16* const mixed_3 = halves(50316544 + layer * 1048576);  // [B T H U]
    float* const d_out = floats(6513664 + layer * 65536);  // [H U D]
    bwd_21_linearGradW(stream, mixed_3, d_x_4, d_out, bytes(19774464));
    bf16* const linear_kvDown_3 = halves(60278016 + layer * 524288);  // [B T C]
    float* const kvNorm_3 = floats(707840 + layer * 256);  // [C]
    bf16* const latent_3 = halves(80725248);  // [B T C]
    bwd_22_rmsnorm(stream, linear_kvDown_3, kvNorm_3, latent_3);
    bf16* const v_3 = halves(757760 + layer * 16384);  // [C H U]
    bf16* const linear_v_3 = halves(78103808);  // [B T H U]
    fwd_07_linear(stream, latent_3, v_3, linear_v_3, bytes(19774464));
    bf16* const kRope_3 = halves(695552 + layer * 4096);  // [D R]
    bf16* const linear_kRope_3 = halves(21871616);  // [B T R]
    fwd_04_linear(stream, rmsnorm_attnNorm_4, kRope_3, linear_kRope_3, bytes(19774464));
    bf16* const k__3 = halves(708608 + layer * 16384);  // [C H N]
    float* const kNorm_3 = floats(807680 + layer * 192);  // [N+R]
    bf16* const concat = halves(61850880);  // [B T H N+R]
    bf16* const rope_5 = halves(63423744);  // [B T H N+R]
    bwd_23_linear_expand_concat(stream, latent_3, k__3, linear_kRope_3, kNorm_3, concat, rope_5, floats(15039488), floats(15047680));
    bf16* const linear_q_3 = halves(15055872 + layer * 1572864);  // [B T H N+R]
    float* const qNorm_3 = floats(806912 + layer * 192);  // [N+R]
    bf16* const rope_6 = halves(64996608);  // [B T H N+R]
    bwd_24_rmsnorm_rope(stream, linear_q_3, qNorm_3, rope_6, floats(15039488), floats(15047680));
    float* const lse_3 = floats(81642752 + layer * 65536);  // [B T H]
    bf16* const d_q = halves(66569472);  // [B T H N+R]
    bf16* const d_k = halves(68142336);  // [B T H N+R]
    bf16* const d_v = halves(79152384);  // [B T H U]
    bwd_25_attentionGrad(stream, rope_6, rope_5, linear_v_3, mixed_3, lse_3, d_mixed, d_q, d_k, d_v, bytes(19774464));
    float* const d_kNorm = floats(6512896 + layer * 192);  // [N+R]
    bf16* const part = halves(19774464);  // [B T H N]
    bf16* const d_shared = halves(22133760);  // [B T H R]
    bwd_26_rope_rmsnormGradX_rmsnormGradGain(stream, d_k, concat, kNorm_3, d_kNorm, part, d_shared, floats(15039488), floats(15047680), bytes(20823040));
    bf16* const add_5 = halves(22658048);  // [B T C]
    bwd_27_linearGradX_add(stream, d_v, v_3, part, k__3, add_5);
    float* const d_v_2 = floats(6413824 + layer * 32768);  // [C H U]
    float* const d_k_2 = floats(6315520 + layer * 32768);  // [C H N]
    bwd_28_linearGradW(stream, latent_3, d_v, part, d_v_2, d_k_2, bytes(20823040));
    bf16* const rmsnorm_grad_x_qNorm = halves(19774464);  // [B T H N+R]
    float* const d_qNorm = floats(6512128 + layer * 192);  // [N+R]
    bwd_29_rope_rmsnormGradX_rmsnormGradGain(stream, d_q, linear_q_3, qNorm_3, rmsnorm_grad_x_qNorm, d_qNorm, floats(15039488), floats(15047680), bytes(21347328));
    float* const d_q_2 = floats(5896960 + layer * 98304);  // [D H N+R]
    bwd_30_linearGradW(stream, rmsnorm_attnNorm_4, rmsnorm_grad_x_qNorm, d_q_2, bytes(21347328));
    bf16* const sumOver_2 = halves(23706624);  // [B T R]
    bwd_31_sumOver(stream, d_shared, sumOver_2);
    float* const d_kRope = floats(6290176 + layer * 8192);  // [D R]
    bwd_32_linearGradW(stream, rmsnorm_attnNorm_4, sumOver_2, d_kRope, bytes(21347328));
    bf16* const rmsnorm_grad_x_kvNorm = halves(23182336);  // [B T C]
    float* const d_kvNorm = floats(6314752 + layer * 256);  // [C]
    bwd_33_rmsnormGradX_rmsnormGradGain(stream, add_5, linear_kvDown_3, kvNorm_3, rmsnorm_grad_x_kvNorm, d_kvNorm, bytes(21347328));
    bf16* const q_3 = halves(498944 + layer * 49152);  // [D H N+R]
    bf16* const kvDown_3 = halves(646400 + layer * 16384);  // [D C]
    bf16* const add_6 = halves(21347328);  // [B T D]
    bwd_34_linearGradX_add(stream, rmsnorm_grad_x_qNorm, q_3, sumOver_2, kRope_3, rmsnorm_grad_x_kvNorm, kvDown_3, add_6);
    float* const d_kvDown = floats(6191872 + layer * 32768);  // [D C]
    bwd_35_linearGradW(stream, rmsnorm_attnNorm_4, rmsnorm_grad_x_kvNorm, d_kvDown, bytes(19774464));
    float* const d_attnNorm = floats(5895424 + layer * 512);  // [D]
    bf16* const add_7 = halves(56608000 + ((round + 1) % 2) * 1048576);  // [B T D]
    bwd_36_rmsnormGradX_rmsnormGradGain_add(stream, add_6, x_5, attnNorm_3, d_x_4, d_attnNorm, add_7, bytes(19774464));
  }
  bf16* const d_x_5 = halves(57656576);  // [B T D]
  bf16* const swiglu_grad_gate_3 = halves(15055872);  // [B T W]
  bf16* const swiglu_grad_up_3 = halves(18201600);  // [B T W]
  bwd_37_linearGradX_swigluGradGate_swigluGradUp(stream, d_x_5, down, linear_gate, linear_up, swiglu_grad_gate_3, swiglu_grad_up_3);
  float* const d_down_2 = floats(5698816);  // [W D]
  bwd_38_linearGradW(stream, swiglu_2, d_x_5, d_down_2, bytes(21347328));
  bf16* const add_8 = halves(22920192);  // [B T D]
  bwd_39_linearGradX_add(stream, swiglu_grad_up_3, up, swiglu_grad_gate_3, gate, add_8);
  float* const d_up_2 = floats(5502208);  // [D W]
  float* const d_gate_2 = floats(5305600);  // [D W]
  bwd_40_linearGradW(stream, rmsnorm_ffnNorm, swiglu_grad_up_3, swiglu_grad_gate_3, d_up_2, d_gate_2, bytes(21347328));
  float* const d_ffnNorm_2 = floats(5305088);  // [D]
  bf16* const add_9 = halves(27247872);  // [B T D]
  bwd_41_rmsnormGradX_rmsnormGradGain_add(stream, add_8, add, ffnNorm, d_x_5, d_ffnNorm_2, add_9, bytes(15055872));
  bf16* const d_mixed_2 = halves(28296448);  // [B T H U]
  bwd_42_linearGradX(stream, add_9, out_, d_mixed_2, bytes(15055872));
  float* const d_out_2 = floats(5239552);  // [H U D]
  bwd_43_linearGradW(stream, mixed, add_9, d_out_2, bytes(15055872));
  bf16* const latent_4 = halves(31442176);  // [B T C]
  bwd_22_rmsnorm(stream, linear_kvDown, kvNorm, latent_4);
  bf16* const linear_v_4 = halves(29345024);  // [B T H U]
  fwd_07_linear(stream, latent_4, v, linear_v_4, bytes(15055872));
  bf16* const linear_kRope_4 = halves(17153024);  // [B T R]
  fwd_04_linear(stream, rmsnorm_attnNorm_2, kRope, linear_kRope_4, bytes(15055872));
  bf16* const concat_2 = halves(19383552);  // [B T H N+R]
  bf16* const rope_7 = halves(20956416);  // [B T H N+R]
  bwd_23_linear_expand_concat(stream, latent_4, k_, linear_kRope_4, kNorm, concat_2, rope_7, floats(15039488), floats(15047680));
  bf16* const rope_8 = halves(22529280);  // [B T H N+R]
  bwd_24_rmsnorm_rope(stream, linear_q, qNorm, rope_8, floats(15039488), floats(15047680));
  bf16* const d_q_3 = halves(24102144);  // [B T H N+R]
  bf16* const d_k_3 = halves(25675008);  // [B T H N+R]
  bf16* const d_v_3 = halves(30393600);  // [B T H U]
  bwd_25_attentionGrad(stream, rope_8, rope_7, linear_v_4, mixed, lse, d_mixed_2, d_q_3, d_k_3, d_v_3, bytes(15055872));
  float* const d_kNorm_2 = floats(5239296);  // [N+R]
  bf16* const part_2 = halves(15055872);  // [B T H N]
  bf16* const d_shared_2 = halves(17415168);  // [B T H R]
  bwd_26_rope_rmsnormGradX_rmsnormGradGain(stream, d_k_3, concat_2, kNorm, d_kNorm_2, part_2, d_shared_2, floats(15039488), floats(15047680), bytes(16104448));
  bf16* const add_10 = halves(17939456);  // [B T C]
  bwd_27_linearGradX_add(stream, d_v_3, v, part_2, k_, add_10);
  float* const d_v_4 = floats(5206272);  // [C H U]
  float* const d_k_4 = floats(5173504);  // [C H N]
  bwd_28_linearGradW(stream, latent_4, d_v_3, part_2, d_v_4, d_k_4, bytes(16104448));
  bf16* const rmsnorm_grad_x_qNorm_2 = halves(15055872);  // [B T H N+R]
  float* const d_qNorm_2 = floats(5239040);  // [N+R]
  bwd_29_rope_rmsnormGradX_rmsnormGradGain(stream, d_q_3, linear_q, qNorm, rmsnorm_grad_x_qNorm_2, d_qNorm_2, floats(15039488), floats(15047680), bytes(16628736));
  float* const d_q_4 = floats(5033984);  // [D H N+R]
  bwd_30_linearGradW(stream, rmsnorm_attnNorm_2, rmsnorm_grad_x_qNorm_2, d_q_4, bytes(16628736));
  bf16* const sumOver_3 = halves(18988032);  // [B T R]
  bwd_31_sumOver(stream, d_shared_2, sumOver_3);
  float* const d_kRope_2 = floats(5165056);  // [D R]
  bwd_32_linearGradW(stream, rmsnorm_attnNorm_2, sumOver_3, d_kRope_2, bytes(16628736));
  bf16* const rmsnorm_grad_x_kvNorm_2 = halves(18463744);  // [B T C]
  float* const d_kvNorm_2 = floats(5173248);  // [C]
  bwd_33_rmsnormGradX_rmsnormGradGain(stream, add_10, linear_kvDown, kvNorm, rmsnorm_grad_x_kvNorm_2, d_kvNorm_2, bytes(16628736));
  bf16* const add_11 = halves(16628736);  // [B T D]
  bwd_34_linearGradX_add(stream, rmsnorm_grad_x_qNorm_2, q, sumOver_3, kRope, rmsnorm_grad_x_kvNorm_2, kvDown, add_11);
  float* const d_kvDown_2 = floats(5132288);  // [D C]
  bwd_35_linearGradW(stream, rmsnorm_attnNorm_2, rmsnorm_grad_x_kvNorm_2, d_kvDown_2, bytes(15055872));
  float* const d_attnNorm_2 = floats(5033472);  // [D]
  bf16* const add_12 = halves(15055872);  // [B T D]
  bwd_44_rmsnormGradX_rmsnormGradGain_add(stream, add_11, lookup_embed, attnNorm, add_9, d_attnNorm_2, add_12, bytes(17677312));
  float* const d_embed = floats(4902400);  // [V D]
  bwd_45_lookupGrad(stream, add_12, tokens, d_embed, bytes(16104448));
  copy_scalar(stream, floats(REPORT_AT) + 0, loss);
  copy_scalar(stream, floats(REPORT_AT) + 1, sumOver);
}

void sum_loads([[maybe_unused]] cudaStream_t stream, [[maybe_unused]] char* arena, [[maybe_unused]] bool first) {
}

void evaluate(cudaStream_t stream, char* arena) {
  const auto floats = [arena](int64_t byte) { return reinterpret_cast<float*>(arena + byte); };
  const auto halves = [arena](int64_t byte) { return reinterpret_cast<bf16*>(arena + byte); };
  const auto ints = [arena](int64_t byte) { return reinterpret_cast<int32_t*>(arena + byte); };
  [[maybe_unused]] const auto bytes = [arena](int64_t byte) { return arena + byte; };
  [[maybe_unused]] const int32_t *tokens = ints(TOKENS_AT), *targets = ints(TARGETS_AT);

  bf16* const embed = halves(0);  // [V D]
  bf16* const lookup_embed = halves(22395904);  // [B T D]
  fwd_01_lookup(stream, embed, tokens, lookup_embed);
  float* const attnNorm = floats(65536);  // [D]
  bf16* const rmsnorm_attnNorm = halves(17153024);  // [B T D]
  eval_01_rmsnorm(stream, lookup_embed, attnNorm, rmsnorm_attnNorm);
  bf16* const kvDown = halves(115200);  // [D C]
  float* const kvNorm = floats(135680);  // [C]
  bf16* const latent = halves(24493056);  // [B T C]
  eval_02_linear_rmsnorm(stream, rmsnorm_attnNorm, kvDown, kvNorm, latent);
  bf16* const kRope = halves(131584);  // [D R]
  bf16* const linear_kRope = halves(18201600);  // [B T R]
  fwd_04_linear(stream, rmsnorm_attnNorm, kRope, linear_kRope, bytes(15055872));
  bf16* const q = halves(66048);  // [D H N+R]
  float* const qNorm = floats(168704);  // [N+R]
  bf16* const rope = halves(19250176);  // [B T H N+R]
  eval_03_linear_rmsnorm_rope(stream, rmsnorm_attnNorm, q, qNorm, rope, floats(15039488), floats(15047680));
  bf16* const k_ = halves(135936);  // [C H N]
  float* const kNorm = floats(168960);  // [N+R]
  bf16* const rope_2 = halves(20823040);  // [B T H N+R]
  fwd_06_linear_expand_concat(stream, latent, k_, linear_kRope, kNorm, rope_2, floats(15039488), floats(15047680));
  bf16* const v = halves(152320);  // [C H U]
  bf16* const linear_v = halves(23444480);  // [B T H U]
  fwd_07_linear(stream, latent, v, linear_v, bytes(15055872));
  bf16* const mixed = halves(15055872);  // [B T H U]
  float* const lse = floats(16104448);  // [B T H]
  fwd_08_attention(stream, rope, rope_2, linear_v, mixed, lse);
  bf16* const out_ = halves(169216);  // [H U D]
  float* const ffnNorm = floats(201984);  // [D]
  bf16* const add = halves(18201600);  // [B T D]
  bf16* const rmsnorm_ffnNorm = halves(19250176);  // [B T D]
  fwd_09_linear_add_rmsnorm(stream, mixed, out_, lookup_embed, ffnNorm, add, rmsnorm_ffnNorm);
  bf16* const gate = halves(202496);  // [D W]
  bf16* const up = halves(300800);  // [D W]
  bf16* const swiglu = halves(15055872);  // [B T W]
  eval_04_linear_swiglu(stream, rmsnorm_ffnNorm, gate, up, swiglu);
  bf16* const down = halves(399104);  // [W D]
  bf16* const x = halves(19250176);  // [B T D]
  fwd_11_linear_add(stream, swiglu, down, add, x);
  for (int64_t layer = 0; layer < 3; ++layer) {  // model.ts:57   for (const layer of p.layers) x = layer(x);
    bf16* const x_2 = halves(19250176 + (layer % 2) * 1048576);  // [B T D]
    float* const attnNorm_2 = floats(497408 + layer * 512);  // [D]
    bf16* const rmsnorm_attnNorm_2 = halves(17153024);  // [B T D]
    fwd_12_rmsnorm(stream, x_2, attnNorm_2, rmsnorm_attnNorm_2);
    bf16* const kvDown_2 = halves(646400 + layer * 16384);  // [D C]
    float* const kvNorm_2 = floats(707840 + layer * 256);  // [C]
    bf16* const latent_2 = halves(25541632);  // [B T C]
    eval_02_linear_rmsnorm(stream, rmsnorm_attnNorm_2, kvDown_2, kvNorm_2, latent_2);
    bf16* const kRope_2 = halves(695552 + layer * 4096);  // [D R]
    bf16* const linear_kRope_2 = halves(18201600);  // [B T R]
    fwd_04_linear(stream, rmsnorm_attnNorm_2, kRope_2, linear_kRope_2, bytes(15055872));
    bf16* const q_2 = halves(498944 + layer * 49152);  // [D H N+R]
    float* const qNorm_2 = floats(806912 + layer * 192);  // [N+R]
    bf16* const rope_3 = halves(21347328);  // [B T H N+R]
    eval_03_linear_rmsnorm_rope(stream, rmsnorm_attnNorm_2, q_2, qNorm_2, rope_3, floats(15039488), floats(15047680));
    bf16* const k__2 = halves(708608 + layer * 16384);  // [C H N]
    float* const kNorm_2 = floats(807680 + layer * 192);  // [N+R]
    bf16* const rope_4 = halves(22920192);  // [B T H N+R]
    fwd_06_linear_expand_concat(stream, latent_2, k__2, linear_kRope_2, kNorm_2, rope_4, floats(15039488), floats(15047680));
    bf16* const v_2 = halves(757760 + layer * 16384);  // [C H U]
    bf16* const linear_v_2 = halves(24493056);  // [B T H U]
    fwd_07_linear(stream, latent_2, v_2, linear_v_2, bytes(15055872));
    bf16* const mixed_2 = halves(15055872);  // [B T H U]
    float* const lse_2 = floats(16104448);  // [B T H]
    fwd_08_attention(stream, rope_3, rope_4, linear_v_2, mixed_2, lse_2);
    bf16* const out__2 = halves(808448 + layer * 32768);  // [H U D]
    float* const ffnNorm_2 = floats(906752 + layer * 512);  // [D]
    bf16* const add_2 = halves(17153024);  // [B T D]
    bf16* const rmsnorm_ffnNorm_2 = halves(18201600);  // [B T D]
    eval_05_linear_add_rmsnorm(stream, mixed_2, out__2, x_2, ffnNorm_2, add_2, rmsnorm_ffnNorm_2);
    bf16* const router = halves(908288 + layer * 2048);  // [D E]
    float* const linear_router = floats(16104448);  // [B T E]
    fwd_14_linear(stream, rmsnorm_ffnNorm_2, router, linear_router, bytes(15055872));
    float* const gates = floats(15186944);  // [B T topK]
    int32_t* const choice = ints(15219712);  // [B T topK] i32
    int32_t* const slot = ints(22395904);  // [B T topK] i32
    int32_t* const source = ints(15252480);  // [rows] i32
    int32_t* const offsets = ints(22428672);  // [E+1] i32
    int32_t* const load = ints(15289344);  // [E] i32
    float* const probabilities = floats(15055872);  // [B T E]
    float* const balance = floats(26065920 + layer * 4);  // []
    fwd_15_route(stream, linear_router, gates, choice, slot, source, offsets, load, probabilities, balance, bytes(15285248));
    float* const pick = floats(15055872);  // [E rows]
    fwd_16_pick(stream, gates, source, pick);
    bf16* const gate_2 = halves(914432 + layer * 131072);  // [E D F]
    bf16* const up_2 = halves(1307648 + layer * 131072);  // [E D F]
    bf16* const weigh = halves(21347328);  // [E rows F]
    eval_06_linear_dispatch_swiglu(stream, rmsnorm_ffnNorm_2, source, gate_2, offsets, up_2, pick, weigh);
    bf16* const down_2 = halves(1700864 + layer * 131072);  // [E F D]
    bf16* const routed = halves(15055872);  // [E rows D]
    fwd_18_linear(stream, weigh, down_2, offsets, routed);
    bf16* const sharedGate = halves(2094080 + layer * 32768);  // [D S]
    bf16* const sharedUp = halves(2192384 + layer * 32768);  // [D S]
    bf16* const swiglu_2 = halves(21347328);  // [B T S]
    eval_07_linear_swiglu(stream, rmsnorm_ffnNorm_2, sharedGate, sharedUp, swiglu_2);
    bf16* const combine = halves(18201600);  // [B T D]
    fwd_19_combine(stream, routed, slot, combine);
    bf16* const sharedDown = halves(2290688 + layer * 32768);  // [S D]
    bf16* const x_3 = halves(19250176 + ((layer + 1) % 2) * 1048576);  // [B T D]
    fwd_21_linear_add(stream, swiglu_2, sharedDown, combine, add_2, x_3);
  }
  bf16* const x_4 = halves(20298752);  // [B T D]
  float* const norm = floats(2388992);  // [D]
  bf16* const rmsnorm_norm = halves(15055872);  // [B T D]
  fwd_22_rmsnorm(stream, x_4, norm, rmsnorm_norm);
  bf16* const head = halves(2389504);  // [V D]
  float* const loss = floats(16284672);  // []
  float* const lse_3 = floats(16268288);  // [B T]
  eval_08_linearCrossEntropy(stream, rmsnorm_norm, head, targets, loss, lse_3, bytes(16104448));
  float* const balance_2 = floats(26065920);  // [layers]
  float* const sumOver = floats(15055872);  // []
  bwd_02_sumOver(stream, balance_2, sumOver);
  copy_scalar(stream, floats(REPORT_AT) + 0, loss);
  copy_scalar(stream, floats(REPORT_AT) + 1, sumOver);
}

void predict(cudaStream_t stream, char* arena) {
  const auto floats = [arena](int64_t byte) { return reinterpret_cast<float*>(arena + byte); };
  const auto halves = [arena](int64_t byte) { return reinterpret_cast<bf16*>(arena + byte); };
  const auto ints = [arena](int64_t byte) { return reinterpret_cast<int32_t*>(arena + byte); };
  [[maybe_unused]] const auto bytes = [arena](int64_t byte) { return arena + byte; };
  [[maybe_unused]] const int32_t *tokens = ints(TOKENS_AT), *at = ints(POSITIONS_AT);
  float* logits = floats(LOGITS_AT);

  bf16* const embed = halves(0);  // [V D]
  bf16* const lookup_embed = halves(22395904);  // [B T D]
  fwd_01_lookup(stream, embed, tokens, lookup_embed);
  float* const attnNorm = floats(65536);  // [D]
  bf16* const rmsnorm_attnNorm = halves(17153024);  // [B T D]
  eval_01_rmsnorm(stream, lookup_embed, attnNorm, rmsnorm_attnNorm);
  bf16* const kvDown = halves(115200);  // [D C]
  float* const kvNorm = floats(135680);  // [C]
  bf16* const latent = halves(24493056);  // [B T C]
  eval_02_linear_rmsnorm(stream, rmsnorm_attnNorm, kvDown, kvNorm, latent);
  bf16* const kRope = halves(131584);  // [D R]
  bf16* const linear_kRope = halves(18201600);  // [B T R]
  fwd_04_linear(stream, rmsnorm_attnNorm, kRope, linear_kRope, bytes(15055872));
  bf16* const q = halves(66048);  // [D H N+R]
  float* const qNorm = floats(168704);  // [N+R]
  bf16* const rope = halves(19250176);  // [B T H N+R]
  eval_03_linear_rmsnorm_rope(stream, rmsnorm_attnNorm, q, qNorm, rope, floats(15039488), floats(15047680));
  bf16* const k_ = halves(135936);  // [C H N]
  float* const kNorm = floats(168960);  // [N+R]
  bf16* const rope_2 = halves(20823040);  // [B T H N+R]
  fwd_06_linear_expand_concat(stream, latent, k_, linear_kRope, kNorm, rope_2, floats(15039488), floats(15047680));
  bf16* const v = halves(152320);  // [C H U]
  bf16* const linear_v = halves(23444480);  // [B T H U]
  fwd_07_linear(stream, latent, v, linear_v, bytes(15055872));
  bf16* const mixed = halves(15055872);  // [B T H U]
  float* const lse = floats(16104448);  // [B T H]
  fwd_08_attention(stream, rope, rope_2, linear_v, mixed, lse);
  bf16* const out_ = halves(169216);  // [H U D]
  float* const ffnNorm = floats(201984);  // [D]
  bf16* const add = halves(18201600);  // [B T D]
  bf16* const rmsnorm_ffnNorm = halves(19250176);  // [B T D]
  fwd_09_linear_add_rmsnorm(stream, mixed, out_, lookup_embed, ffnNorm, add, rmsnorm_ffnNorm);
  bf16* const gate = halves(202496);  // [D W]
  bf16* const up = halves(300800);  // [D W]
  bf16* const swiglu = halves(15055872);  // [B T W]
  eval_04_linear_swiglu(stream, rmsnorm_ffnNorm, gate, up, swiglu);
  bf16* const down = halves(399104);  // [W D]
  bf16* const x = halves(19250176);  // [B T D]
  fwd_11_linear_add(stream, swiglu, down, add, x);
  for (int64_t layer = 0; layer < 3; ++layer) {  // model.ts:57   for (const layer of p.layers) x = layer(x);
    bf16* const x_2 = halves(19250176 + (layer % 2) * 1048576);  // [B T D]
    float* const attnNorm_2 = floats(497408 + layer * 512);  // [D]
    bf16* const rmsnorm_attnNorm_2 = halves(17153024);  // [B T D]
    fwd_12_rmsnorm(stream, x_2, attnNorm_2, rmsnorm_attnNorm_2);
    bf16* const kvDown_2 = halves(646400 + layer * 16384);  // [D C]
    float* const kvNorm_2 = floats(707840 + layer * 256);  // [C]
    bf16* const latent_2 = halves(25541632);  // [B T C]
    eval_02_linear_rmsnorm(stream, rmsnorm_attnNorm_2, kvDown_2, kvNorm_2, latent_2);
    bf16* const kRope_2 = halves(695552 + layer * 4096);  // [D R]
    bf16* const linear_kRope_2 = halves(18201600);  // [B T R]
    fwd_04_linear(stream, rmsnorm_attnNorm_2, kRope_2, linear_kRope_2, bytes(15055872));
    bf16* const q_2 = halves(498944 + layer * 49152);  // [D H N+R]
    float* const qNorm_2 = floats(806912 + layer * 192);  // [N+R]
    bf16* const rope_3 = halves(21347328);  // [B T H N+R]
    eval_03_linear_rmsnorm_rope(stream, rmsnorm_attnNorm_2, q_2, qNorm_2, rope_3, floats(15039488), floats(15047680));
    bf16* const k__2 = halves(708608 + layer * 16384);  // [C H N]
    float* const kNorm_2 = floats(807680 + layer * 192);  // [N+R]
    bf16* const rope_4 = halves(22920192);  // [B T H N+R]
    fwd_06_linear_expand_concat(stream, latent_2, k__2, linear_kRope_2, kNorm_2, rope_4, floats(15039488), floats(15047680));
    bf16* const v_2 = halves(757760 + layer * 16384);  // [C H U]
    bf16* const linear_v_2 = halves(24493056);  // [B T H U]
    fwd_07_linear(stream, latent_2, v_2, linear_v_2, bytes(15055872));
    bf16* const mixed_2 = halves(15055872);  // [B T H U]
    float* const lse_2 = floats(16104448);  // [B T H]
    fwd_08_attention(stream, rope_3, rope_4, linear_v_2, mixed_2, lse_2);
    bf16* const out__2 = halves(808448 + layer * 32768);  // [H U D]
    float* const ffnNorm_2 = floats(906752 + layer * 512);  // [D]
    bf16* const add_2 = halves(17153024);  // [B T D]
    bf16* const rmsnorm_ffnNorm_2 = halves(18201600);  // [B T D]
    eval_05_linear_add_rmsnorm(stream, mixed_2, out__2, x_2, ffnNorm_2, add_2, rmsnorm_ffnNorm_2);
    bf16* const router = halves(908288 + layer * 2048);  // [D E]
    float* const linear_router = floats(16104448);  // [B T E]
    fwd_14_linear(stream, rmsnorm_ffnNorm_2, router, linear_router, bytes(15055872));
    float* const gates = floats(15186944);  // [B T topK]
    int32_t* const choice = ints(15219712);  // [B T topK] i32
    int32_t* const slot = ints(22395904);  // [B T topK] i32
    int32_t* const source = ints(15252480);  // [rows] i32
    int32_t* const offsets = ints(22428672);  // [E+1] i32
    int32_t* const load = ints(15289344);  // [E] i32
    float* const probabilities = floats(15055872);  // [B T E]
    float* const balance = floats(15289600);  // []
    fwd_15_route(stream, linear_router, gates, choice, slot, source, offsets, load, probabilities, balance, bytes(15285248));
    float* const pick = floats(15055872);  // [E rows]
    fwd_16_pick(stream, gates, source, pick);
    bf16* const gate_2 = halves(914432 + layer * 131072);  // [E D F]
    bf16* const up_2 = halves(1307648 + layer * 131072);  // [E D F]
    bf16* const weigh = halves(21347328);  // [E rows F]
    eval_06_linear_dispatch_swiglu(stream, rmsnorm_ffnNorm_2, source, gate_2, offsets, up_2, pick, weigh);
    bf16* const down_2 = halves(1700864 + layer * 131072);  // [E F D]
    bf16* const routed = halves(15055872);  // [E rows D]
    fwd_18_linear(stream, weigh, down_2, offsets, routed);
    bf16* const sharedGate = halves(2094080 + layer * 32768);  // [D S]
    bf16* const sharedUp = halves(2192384 + layer * 32768);  // [D S]
    bf16* const swiglu_2 = halves(21347328);  // [B T S]
    eval_07_linear_swiglu(stream, rmsnorm_ffnNorm_2, sharedGate, sharedUp, swiglu_2);
    bf16* const combine = halves(18201600);  // [B T D]
    fwd_19_combine(stream, routed, slot, combine);
    bf16* const sharedDown = halves(2290688 + layer * 32768);  // [S D]
    bf16* const x_3 = halves(19250176 + ((layer + 1) % 2) * 1048576);  // [B T D]
    fwd_21_linear_add(stream, swiglu_2, sharedDown, combine, add_2, x_3);
  }
  bf16* const x_4 = halves(20298752);  // [B T D]
  float* const norm = floats(2388992);  // [D]
  bf16* const rmsnorm_norm = halves(15055872);  // [B T D]
  fwd_22_rmsnorm(stream, x_4, norm, rmsnorm_norm);
  bf16* const head = halves(2389504);  // [V D]
  next_01_nextLogits(stream, rmsnorm_norm, head, at, logits);
}

}  // namespace mlac
