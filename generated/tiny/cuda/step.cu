// The programs of tiny: which kernel runs when, on which part of the arena. Emitted by mlac.
#include <cmath>

#include "kernels.h"
#include "lib/optimizer.cuh"
#include "rank.h"

namespace mlac {

static void copy_scalar(cudaStream_t stream, float* to, const float* from) { cudaMemcpyAsync(to, from, sizeof(float), cudaMemcpyDeviceToDevice, stream); }

const int64_t ARENA_BYTES = 82397440;
const int64_t SEQUENCES = 16, LENGTH = 256, VOCABULARY = 256;
const int64_t TOKENS_AT = 9805056, TARGETS_AT = 9821440, POSITIONS_AT = 9837824, LOSS_SCALE_AT = 9838080;
const int64_t REPORT_AT = 9838336, LOGITS_AT = 9838592;
const int64_t GRADIENTS_AT = 4902400, GRADIENTS_BYTES = 4902400;
const int64_t SHARED_AT = 9871360, SHARED_BYTES = 67341568;

const Tensor TENSORS[] = {
    {"embed", Role::parameter, Storage::split, 0, 2455040, 32768, 0, 0 },
    {"first.attnNorm", Role::parameter, Storage::f32, 65536, 0, 128, 1, 0 },
    {"first.attn.q", Role::parameter, Storage::split, 66048, 2520576, 24576, 2, 0 },
    {"first.attn.kvDown", Role::parameter, Storage::split, 115200, 2569728, 8192, 3, 0 },
    {"first.attn.kRope", Role::parameter, Storage::split, 131584, 2586112, 2048, 4, 0 },
    {"first.attn.kvNorm", Role::parameter, Storage::f32, 135680, 0, 64, 5, 0 },
    {"first.attn.k", Role::parameter, Storage::split, 135936, 2590208, 8192, 6, 0 },
    {"first.attn.v", Role::parameter, Storage::split, 152320, 2606592, 8192, 7, 0 },
    {"first.attn.qNorm", Role::parameter, Storage::f32, 168704, 0, 48, 8, 0 },
    {"first.attn.kNorm", Role::parameter, Storage::f32, 168960, 0, 48, 9, 0 },
    {"first.attn.out", Role::parameter, Storage::split, 169216, 2622976, 16384, 10, 0 },
    {"first.ffnNorm", Role::parameter, Storage::f32, 201984, 0, 128, 11, 0 },
    {"first.ffn.gate", Role::parameter, Storage::split, 202496, 2655744, 49152, 12, 0 },
    {"first.ffn.up", Role::parameter, Storage::split, 300800, 2754048, 49152, 13, 0 },
    {"first.ffn.down", Role::parameter, Storage::split, 399104, 2852352, 49152, 14, 0 },
    {"layers.0.attnNorm", Role::parameter, Storage::f32, 497408, 0, 128, 15, 0 },
    {"layers.1.attnNorm", Role::parameter, Storage::f32, 497920, 0, 128, 15, 1 },
    {"layers.2.attnNorm", Role::parameter, Storage::f32, 498432, 0, 128, 15, 2 },
    {"layers.0.attn.q", Role::parameter, Storage::split, 498944, 2950656, 24576, 16, 0 },
    {"layers.1.attn.q", Role::parameter, Storage::split, 548096, 2999808, 24576, 16, 1 },
    {"layers.2.attn.q", Role::parameter, Storage::split, 597248, 3048960, 24576, 16, 2 },
    {"layers.0.attn.kvDown", Role::parameter, Storage::split, 646400, 3098112, 8192, 17, 0 },
    {"layers.1.attn.kvDown", Role::parameter, Storage::split, 662784, 3114496, 8192, 17, 1 },
    {"layers.2.attn.kvDown", Role::parameter, Storage::split, 679168, 3130880, 8192, 17, 2 },
    {"layers.0.attn.kRope", Role::parameter, Storage::split, 695552, 3147264, 2048, 18, 0 },
    {"layers.1.attn.kRope", Role::parameter, Storage::split, 699648, 3151360, 2048, 18, 1 },
    {"layers.2.attn.kRope", Role::parameter, Storage::split, 703744, 3155456, 2048, 18, 2 },
    {"layers.0.attn.kvNorm", Role::parameter, Storage::f32, 707840, 0, 64, 19, 0 },
    {"layers.1.attn.kvNorm", Role::parameter, Storage::f32, 708096, 0, 64, 19, 1 },
    {"layers.2.attn.kvNorm", Role::parameter, Storage::f32, 708352, 0, 64, 19, 2 },
    {"layers.0.attn.k", Role::parameter, Storage::split, 708608, 3159552, 8192, 20, 0 },
    {"layers.1.attn.k", Role::parameter, Storage::split, 724992, 3175936, 8192, 20, 1 },
    {"layers.2.attn.k", Role::parameter, Storage::split, 741376, 3192320, 8192, 20, 2 },
    {"layers.0.attn.v", Role::parameter, Storage::split, 757760, 3208704, 8192, 21, 0 },
    {"layers.1.attn.v", Role::parameter, Storage::split, 774144, 3225088, 8192, 21, 1 },
    {"layers.2.attn.v", Role::parameter, Storage::split, 790528, 3241472, 8192, 21, 2 },
    {"layers.0.attn.qNorm", Role::parameter, Storage::f32, 806912, 0, 48, 22, 0 },
    {"layers.1.attn.qNorm", Role::parameter, Storage::f32, 807104, 0, 48, 22, 1 },
    {"layers.2.attn.qNorm", Role::parameter, Storage::f32, 807296, 0, 48, 22, 2 },
    {"layers.0.attn.kNorm", Role::parameter, Storage::f32, 807680, 0, 48, 23, 0 },
    {"layers.1.attn.kNorm", Role::parameter, Storage::f32, 807872, 0, 48, 23, 1 },
    {"layers.2.attn.kNorm", Role::parameter, Storage::f32, 808064, 0, 48, 23, 2 },
    {"layers.0.attn.out", Role::parameter, Storage::split, 808448, 3257856, 16384, 24, 0 },
    {"layers.1.attn.out", Role::parameter, Storage::split, 841216, 3290624, 16384, 24, 1 },
    {"layers.2.attn.out", Role::parameter, Storage::split, 873984, 3323392, 16384, 24, 2 },
    {"layers.0.ffnNorm", Role::parameter, Storage::f32, 906752, 0, 128, 25, 0 },
    {"layers.1.ffnNorm", Role::parameter, Storage::f32, 907264, 0, 128, 25, 1 },
    {"layers.2.ffnNorm", Role::parameter, Storage::f32, 907776, 0, 128, 25, 2 },
    {"layers.0.moe.router", Role::parameter, Storage::split, 908288, 3356160, 1024, 26, 0 },
    {"layers.1.moe.router", Role::parameter, Storage::split, 910336, 3358208, 1024, 26, 1 },
    {"layers.2.moe.router", Role::parameter, Storage::split, 912384, 3360256, 1024, 26, 2 },
    {"layers.0.moe.gate", Role::parameter, Storage::split, 914432, 3362304, 65536, 27, 0 },
    {"layers.1.moe.gate", Role::parameter, Storage::split, 1045504, 3493376, 65536, 27, 1 },
    {"layers.2.moe.gate", Role::parameter, Storage::split, 1176576, 3624448, 65536, 27, 2 },
    {"layers.0.moe.up", Role::parameter, Storage::split, 1307648, 3755520, 65536, 28, 0 },
    {"layers.1.moe.up", Role::parameter, Storage::split, 1438720, 3886592, 65536, 28, 1 },
    {"layers.2.moe.up", Role::parameter, Storage::split, 1569792, 4017664, 65536, 28, 2 },
    {"layers.0.moe.down", Role::parameter, Storage::split, 1700864, 4148736, 65536, 29, 0 },
    {"layers.1.moe.down", Role::parameter, Storage::split, 1831936, 4279808, 65536, 29, 1 },
    {"layers.2.moe.down", Role::parameter, Storage::split, 1963008, 4410880, 65536, 29, 2 },
    {"layers.0.moe.sharedGate", Role::parameter, Storage::split, 2094080, 4541952, 16384, 30, 0 },
    {"layers.1.moe.sharedGate", Role::parameter, Storage::split, 2126848, 4574720, 16384, 30, 1 },
    {"layers.2.moe.sharedGate", Role::parameter, Storage::split, 2159616, 4607488, 16384, 30, 2 },
    {"layers.0.moe.sharedUp", Role::parameter, Storage::split, 2192384, 4640256, 16384, 31, 0 },
    {"layers.1.moe.sharedUp", Role::parameter, Storage::split, 2225152, 4673024, 16384, 31, 1 },
    {"layers.2.moe.sharedUp", Role::parameter, Storage::split, 2257920, 4705792, 16384, 31, 2 },
    {"layers.0.moe.sharedDown", Role::parameter, Storage::split, 2290688, 4738560, 16384, 32, 0 },
    {"layers.1.moe.sharedDown", Role::parameter, Storage::split, 2323456, 4771328, 16384, 32, 1 },
    {"layers.2.moe.sharedDown", Role::parameter, Storage::split, 2356224, 4804096, 16384, 32, 2 },
    {"norm", Role::parameter, Storage::f32, 2388992, 0, 128, 33, 0 },
    {"head", Role::parameter, Storage::split, 2389504, 4836864, 32768, 34, 0 },
    {"grad.embed", Role::gradient, Storage::f32, 4902400, 0, 32768, 0, 0 },
    {"grad.first.attnNorm", Role::gradient, Storage::f32, 5033472, 0, 128, 1, 0 },
    {"grad.first.attn.q", Role::gradient, Storage::f32, 5033984, 0, 24576, 2, 0 },
    {"grad.first.attn.kvDown", Role::gradient, Storage::f32, 5132288, 0, 8192, 3, 0 },
    {"grad.first.attn.kRope", Role::gradient, Storage::f32, 5165056, 0, 2048, 4, 0 },
    {"grad.first.attn.kvNorm", Role::gradient, Storage::f32, 5173248, 0, 64, 5, 0 },
    {"grad.first.attn.k", Role::gradient, Storage::f32, 5173504, 0, 8192, 6, 0 },
    {"grad.first.attn.v", Role::gradient, Storage::f32, 5206272, 0, 8192, 7, 0 },
    {"grad.first.attn.qNorm", Role::gradient, Storage::f32, 5239040, 0, 48, 8, 0 },
    {"grad.first.attn.kNorm", Role::gradient, Storage::f32, 5239296, 0, 48, 9, 0 },
    {"grad.first.attn.out", Role::gradient, Storage::f32, 5239552, 0, 16384, 10, 0 },
    {"grad.first.ffnNorm", Role::gradient, Storage::f32, 5305088, 0, 128, 11, 0 },
    {"grad.first.ffn.gate", Role::gradient, Storage::f32, 5305600, 0, 49152, 12, 0 },
    {"grad.first.ffn.up", Role::gradient, Storage::f32, 5502208, 0, 49152, 13, 0 },
    {"grad.first.ffn.down", Role::gradient, Storage::f32, 5698816, 0, 49152, 14, 0 },
    {"grad.layers.0.attnNorm", Role::gradient, Storage::f32, 5895424, 0, 128, 15, 0 },
    {"grad.layers.1.attnNorm", Role::gradient, Storage::f32, 5895936, 0, 128, 15, 1 },
    {"grad.layers.2.attnNorm", Role::gradient, Storage::f32, 5896448, 0, 128, 15, 2 },
    {"grad.layers.0.attn.q", Role::gradient, Storage::f32, 5896960, 0, 24576, 16, 0 },
    {"grad.layers.1.attn.q", Role::gradient, Storage::f32, 5995264, 0, 24576, 16, 1 },
    {"grad.layers.2.attn.q", Role::gradient, Storage::f32, 6093568, 0, 24576, 16, 2 },
    {"grad.layers.0.attn.kvDown", Role::gradient, Storage::f32, 6191872, 0, 8192, 17, 0 },
    {"grad.layers.1.attn.kvDown", Role::gradient, Storage::f32, 6224640, 0, 8192, 17, 1 },
    {"grad.layers.2.attn.kvDown", Role::gradient, Storage::f32, 6257408, 0, 8192, 17, 2 },
    {"grad.layers.0.attn.kRope", Role::gradient, Storage::f32, 6290176, 0, 2048, 18, 0 },
    {"grad.layers.1.attn.kRope", Role::gradient, Storage::f32, 6298368, 0, 2048, 18, 1 },
    {"grad.layers.2.attn.kRope", Role::gradient, Storage::f32, 6306560, 0, 2048, 18, 2 },
    {"grad.layers.0.attn.kvNorm", Role::gradient, Storage::f32, 6314752, 0, 64, 19, 0 },
    {"grad.layers.1.attn.kvNorm", Role::gradient, Storage::f32, 6315008, 0, 64, 19, 1 },
    {"grad.layers.2.attn.kvNorm", Role::gradient, Storage::f32, 6315264, 0, 64, 19, 2 },
    {"grad.layers.0.attn.k", Role::gradient, Storage::f32, 6315520, 0, 8192, 20, 0 },
    {"grad.layers.1.attn.k", Role::gradient, Storage::f32, 6348288, 0, 8192, 20, 1 },
    {"grad.layers.2.attn.k", Role::gradient, Storage::f32, 6381056, 0, 8192, 20, 2 },
    {"grad.layers.0.attn.v", Role::gradient, Storage::f32, 6413824, 0, 8192, 21, 0 },
    {"grad.layers.1.attn.v", Role::gradient, Storage::f32, 6446592, 0, 8192, 21, 1 },
    {"grad.layers.2.attn.v", Role::gradient, Storage::f32, 6479360, 0, 8192, 21, 2 },
    {"grad.layers.0.attn.qNorm", Role::gradient, Storage::f32, 6512128, 0, 48, 22, 0 },
    {"grad.layers.1.attn.qNorm", Role::gradient, Storage::f32, 6512320, 0, 48, 22, 1 },
    {"grad.layers.2.attn.qNorm", Role::gradient, Storage::f32, 6512512, 0, 48, 22, 2 },
    {"grad.layers.0.attn.kNorm", Role::gradient, Storage::f32, 6512896, 0, 48, 23, 0 },
    {"grad.layers.1.attn.kNorm", Role::gradient, Storage::f32, 6513088, 0, 48, 23, 1 },
    {"grad.layers.2.attn.kNorm", Role::gradient, Storage::f32, 6513280, 0, 48, 23, 2 },
    {"grad.layers.0.attn.out", Role::gradient, Storage::f32, 6513664, 0, 16384, 24, 0 },
    {"grad.layers.1.attn.out", Role::gradient, Storage::f32, 6579200, 0, 16384, 24, 1 },
    {"grad.layers.2.attn.out", Role::gradient, Storage::f32, 6644736, 0, 16384, 24, 2 },
    {"grad.layers.0.ffnNorm", Role::gradient, Storage::f32, 6710272, 0, 128, 25, 0 },
    {"grad.layers.1.ffnNorm", Role::gradient, Storage::f32, 6710784, 0, 128, 25, 1 },
    {"grad.layers.2.ffnNorm", Role::gradient, Storage::f32, 6711296, 0, 128, 25, 2 },
    {"grad.layers.0.moe.router", Role::gradient, Storage::f32, 6711808, 0, 1024, 26, 0 },
    {"grad.layers.1.moe.router", Role::gradient, Storage::f32, 6715904, 0, 1024, 26, 1 },
    {"grad.layers.2.moe.router", Role::gradient, Storage::f32, 6720000, 0, 1024, 26, 2 },
    {"grad.layers.0.moe.gate", Role::gradient, Storage::f32, 6724096, 0, 65536, 27, 0 },
    {"grad.layers.1.moe.gate", Role::gradient, Storage::f32, 6986240, 0, 65536, 27, 1 },
    {"grad.layers.2.moe.gate", Role::gradient, Storage::f32, 7248384, 0, 65536, 27, 2 },
    {"grad.layers.0.moe.up", Role::gradient, Storage::f32, 7510528, 0, 65536, 28, 0 },
    {"grad.layers.1.moe.up", Role::gradient, Storage::f32, 7772672, 0, 65536, 28, 1 },
    {"grad.layers.2.moe.up", Role::gradient, Storage::f32, 8034816, 0, 65536, 28, 2 },
    {"grad.layers.0.moe.down", Role::gradient, Storage::f32, 8296960, 0, 65536, 29, 0 },
    {"grad.layers.1.moe.down", Role::gradient, Storage::f32, 8559104, 0, 65536, 29, 1 },
    {"grad.layers.2.moe.down", Role::gradient, Storage::f32, 8821248, 0, 65536, 29, 2 },
    {"grad.layers.0.moe.sharedGate", Role::gradient, Storage::f32, 9083392, 0, 16384, 30, 0 },
    {"grad.layers.1.moe.sharedGate", Role::gradient, Storage::f32, 9148928, 0, 16384, 30, 1 },
    {"grad.layers.2.moe.sharedGate", Role::gradient, Storage::f32, 9214464, 0, 16384, 30, 2 },
    {"grad.layers.0.moe.sharedUp", Role::gradient, Storage::f32, 9280000, 0, 16384, 31, 0 },
    {"grad.layers.1.moe.sharedUp", Role::gradient, Storage::f32, 9345536, 0, 16384, 31, 1 },
    {"grad.layers.2.moe.sharedUp", Role::gradient, Storage::f32, 9411072, 0, 16384, 31, 2 },
    {"grad.layers.0.moe.sharedDown", Role::gradient, Storage::f32, 9476608, 0, 16384, 32, 0 },
    {"grad.layers.1.moe.sharedDown", Role::gradient, Storage::f32, 9542144, 0, 16384, 32, 1 },
    {"grad.layers.2.moe.sharedDown", Role::gradient, Storage::f32, 9607680, 0, 16384, 32, 2 },
    {"grad.norm", Role::gradient, Storage::f32, 9673216, 0, 128, 33, 0 },
    {"grad.head", Role::gradient, Storage::f32, 9673728, 0, 32768, 34, 0 },
    {"load.layers", Role::load, Storage::i32, 9804800, 0, 24, -1, 0 },
    {"adamw.m.embed", Role::moment1, Storage::f32, 77212928, 0, 32768, 0, 0 },
    {"adamw.v.embed", Role::moment2, Storage::f32, 77344000, 0, 32768, 0, 0 },
    {"adamw.m.first.attnNorm", Role::moment1, Storage::f32, 77475072, 0, 128, 1, 0 },
    {"adamw.v.first.attnNorm", Role::moment2, Storage::f32, 77475584, 0, 128, 1, 0 },
    {"momentum.first.attn.q", Role::momentum, Storage::f32, 77476096, 0, 24576, 2, 0 },
    {"momentum.first.attn.kvDown", Role::momentum, Storage::f32, 77574400, 0, 8192, 3, 0 },
    {"momentum.first.attn.kRope", Role::momentum, Storage::f32, 77607168, 0, 2048, 4, 0 },
    {"adamw.m.first.attn.kvNorm", Role::moment1, Storage::f32, 77615360, 0, 64, 5, 0 },
    {"adamw.v.first.attn.kvNorm", Role::moment2, Storage::f32, 77615616, 0, 64, 5, 0 },
    {"momentum.first.attn.k", Role::momentum, Storage::f32, 77615872, 0, 8192, 6, 0 },
    {"momentum.first.attn.v", Role::momentum, Storage::f32, 77648640, 0, 8192, 7, 0 },
    {"adamw.m.first.attn.qNorm", Role::moment1, Storage::f32, 77681408, 0, 48, 8, 0 },
    {"adamw.v.first.attn.qNorm", Role::moment2, Storage::f32, 77681664, 0, 48, 8, 0 },
    {"adamw.m.first.attn.kNorm", Role::moment1, Storage::f32, 77681920, 0, 48, 9, 0 },
    {"adamw.v.first.attn.kNorm", Role::moment2, Storage::f32, 77682176, 0, 48, 9, 0 },
    {"momentum.first.attn.out", Role::momentum, Storage::f32, 77682432, 0, 16384, 10, 0 },
    {"adamw.m.first.ffnNorm", Role::moment1, Storage::f32, 77747968, 0, 128, 11, 0 },
    {"adamw.v.first.ffnNorm", Role::moment2, Storage::f32, 77748480, 0, 128, 11, 0 },
    {"momentum.first.ffn.gate", Role::momentum, Storage::f32, 77748992, 0, 49152, 12, 0 },
    {"momentum.first.ffn.up", Role::momentum, Storage::f32, 77945600, 0, 49152, 13, 0 },
    {"momentum.first.ffn.down", Role::momentum, Storage::f32, 78142208, 0, 49152, 14, 0 },
    {"adamw.m.layers.0.attnNorm", Role::moment1, Storage::f32, 78338816, 0, 128, 15, 0 },
    {"adamw.m.layers.1.attnNorm", Role::moment1, Storage::f32, 78339328, 0, 128, 15, 1 },
    {"adamw.m.layers.2.attnNorm", Role::moment1, Storage::f32, 78339840, 0, 128, 15, 2 },
    {"adamw.v.layers.0.attnNorm", Role::moment2, Storage::f32, 78340352, 0, 128, 15, 0 },
    {"adamw.v.layers.1.attnNorm", Role::moment2, Storage::f32, 78340864, 0, 128, 15, 1 },
    {"adamw.v.layers.2.attnNorm", Role::moment2, Storage::f32, 78341376, 0, 128, 15, 2 },
    {"momentum.layers.0.attn.q", Role::momentum, Storage::f32, 78341888, 0, 24576, 16, 0 },
    {"momentum.layers.1.attn.q", Role::momentum, Storage::f32, 78440192, 0, 24576, 16, 1 },
    {"momentum.layers.2.attn.q", Role::momentum, Storage::f32, 78538496, 0, 24576, 16, 2 },
    {"momentum.layers.0.attn.kvDown", Role::momentum, Storage::f32, 78636800, 0, 8192, 17, 0 },
    {"momentum.layers.1.attn.kvDown", Role::momentum, Storage::f32, 78669568, 0, 8192, 17, 1 },
    {"momentum.layers.2.attn.kvDown", Role::momentum, Storage::f32, 78702336, 0, 8192, 17, 2 },
    {"momentum.layers.0.attn.kRope", Role::momentum, Storage::f32, 78735104, 0, 2048, 18, 0 },
    {"momentum.layers.1.attn.kRope", Role::momentum, Storage::f32, 78743296, 0, 2048, 18, 1 },
    {"momentum.layers.2.attn.kRope", Role::momentum, Storage::f32, 78751488, 0, 2048, 18, 2 },
    {"adamw.m.layers.0.attn.kvNorm", Role::moment1, Storage::f32, 78759680, 0, 64, 19, 0 },
    {"adamw.m.layers.1.attn.kvNorm", Role::moment1, Storage::f32, 78759936, 0, 64, 19, 1 },
    {"adamw.m.layers.2.attn.kvNorm", Role::moment1, Storage::f32, 78760192, 0, 64, 19, 2 },
    {"adamw.v.layers.0.attn.kvNorm", Role::moment2, Storage::f32, 78760448, 0, 64, 19, 0 },
    {"adamw.v.layers.1.attn.kvNorm", Role::moment2, Storage::f32, 78760704, 0, 64, 19, 1 },
    {"adamw.v.layers.2.attn.kvNorm", Role::moment2, Storage::f32, 78760960, 0, 64, 19, 2 },
    {"momentum.layers.0.attn.k", Role::momentum, Storage::f32, 78761216, 0, 8192, 20, 0 },
    {"momentum.layers.1.attn.k", Role::momentum, Storage::f32, 78793984, 0, 8192, 20, 1 },
    {"momentum.layers.2.attn.k", Role::momentum, Storage::f32, 78826752, 0, 8192, 20, 2 },
    {"momentum.layers.0.attn.v", Role::momentum, Storage::f32, 78859520, 0, 8192, 21, 0 },
    {"momentum.layers.1.attn.v", Role::momentum, Storage::f32, 78892288, 0, 8192, 21, 1 },
    {"momentum.layers.2.attn.v", Role::momentum, Storage::f32, 78925056, 0, 8192, 21, 2 },
    {"adamw.m.layers.0.attn.qNorm", Role::moment1, Storage::f32, 78957824, 0, 48, 22, 0 },
    {"adamw.m.layers.1.attn.qNorm", Role::moment1, Storage::f32, 78958016, 0, 48, 22, 1 },
    {"adamw.m.layers.2.attn.qNorm", Role::moment1, Storage::f32, 78958208, 0, 48, 22, 2 },
    {"adamw.v.layers.0.attn.qNorm", Role::moment2, Storage::f32, 78958592, 0, 48, 22, 0 },
    {"adamw.v.layers.1.attn.qNorm", Role::moment2, Storage::f32, 78958784, 0, 48, 22, 1 },
    {"adamw.v.layers.2.attn.qNorm", Role::moment2, Storage::f32, 78958976, 0, 48, 22, 2 },
    {"adamw.m.layers.0.attn.kNorm", Role::moment1, Storage::f32, 78959360, 0, 48, 23, 0 },
    {"adamw.m.layers.1.attn.kNorm", Role::moment1, Storage::f32, 78959552, 0, 48, 23, 1 },
    {"adamw.m.layers.2.attn.kNorm", Role::moment1, Storage::f32, 78959744, 0, 48, 23, 2 },
    {"adamw.v.layers.0.attn.kNorm", Role::moment2, Storage::f32, 78960128, 0, 48, 23, 0 },
    {"adamw.v.layers.1.attn.kNorm", Role::moment2, Storage::f32, 78960320, 0, 48, 23, 1 },
    {"adamw.v.layers.2.attn.kNorm", Role::moment2, Storage::f32, 78960512, 0, 48, 23, 2 },
    {"momentum.layers.0.attn.out", Role::momentum, Storage::f32, 78960896, 0, 16384, 24, 0 },
    {"momentum.layers.1.attn.out", Role::momentum, Storage::f32, 79026432, 0, 16384, 24, 1 },
    {"momentum.layers.2.attn.out", Role::momentum, Storage::f32, 79091968, 0, 16384, 24, 2 },
    {"adamw.m.layers.0.ffnNorm", Role::moment1, Storage::f32, 79157504, 0, 128, 25, 0 },
    {"adamw.m.layers.1.ffnNorm", Role::moment1, Storage::f32, 79158016, 0, 128, 25, 1 },
    {"adamw.m.layers.2.ffnNorm", Role::moment1, Storage::f32, 79158528, 0, 128, 25, 2 },
    {"adamw.v.layers.0.ffnNorm", Role::moment2, Storage::f32, 79159040, 0, 128, 25, 0 },
    {"adamw.v.layers.1.ffnNorm", Role::moment2, Storage::f32, 79159552, 0, 128, 25, 1 },
    {"adamw.v.layers.2.ffnNorm", Role::moment2, Storage::f32, 79160064, 0, 128, 25, 2 },
    {"adamw.m.layers.0.moe.router", Role::moment1, Storage::f32, 79160576, 0, 1024, 26, 0 },
    {"adamw.m.layers.1.moe.router", Role::moment1, Storage::f32, 79164672, 0, 1024, 26, 1 },
    {"adamw.m.layers.2.moe.router", Role::moment1, Storage::f32, 79168768, 0, 1024, 26, 2 },
    {"adamw.v.layers.0.moe.router", Role::moment2, Storage::f32, 79172864, 0, 1024, 26, 0 },
    {"adamw.v.layers.1.moe.router", Role::moment2, Storage::f32, 79176960, 0, 1024, 26, 1 },
    {"adamw.v.layers.2.moe.router", Role::moment2, Storage::f32, 79181056, 0, 1024, 26, 2 },
    {"momentum.layers.0.moe.gate", Role::momentum, Storage::f32, 79185152, 0, 65536, 27, 0 },
    {"momentum.layers.1.moe.gate", Role::momentum, Storage::f32, 79447296, 0, 65536, 27, 1 },
    {"momentum.layers.2.moe.gate", Role::momentum, Storage::f32, 79709440, 0, 65536, 27, 2 },
    {"momentum.layers.0.moe.up", Role::momentum, Storage::f32, 79971584, 0, 65536, 28, 0 },
    {"momentum.layers.1.moe.up", Role::momentum, Storage::f32, 80233728, 0, 65536, 28, 1 },
    {"momentum.layers.2.moe.up", Role::momentum, Storage::f32, 80495872, 0, 65536, 28, 2 },
    {"momentum.layers.0.moe.down", Role::momentum, Storage::f32, 80758016, 0, 65536, 29, 0 },
    {"momentum.layers.1.moe.down", Role::momentum, Storage::f32, 81020160, 0, 65536, 29, 1 },
    {"momentum.layers.2.moe.down", Role::momentum, Storage::f32, 81282304, 0, 65536, 29, 2 },
    {"momentum.layers.0.moe.sharedGate", Role::momentum, Storage::f32, 81544448, 0, 16384, 30, 0 },
    {"momentum.layers.1.moe.sharedGate", Role::momentum, Storage::f32, 81609984, 0, 16384, 30, 1 },
    {"momentum.layers.2.moe.sharedGate", Role::momentum, Storage::f32, 81675520, 0, 16384, 30, 2 },
    {"momentum.layers.0.moe.sharedUp", Role::momentum, Storage::f32, 81741056, 0, 16384, 31, 0 },
    {"momentum.layers.1.moe.sharedUp", Role::momentum, Storage::f32, 81806592, 0, 16384, 31, 1 },
    {"momentum.layers.2.moe.sharedUp", Role::momentum, Storage::f32, 81872128, 0, 16384, 31, 2 },
    {"momentum.layers.0.moe.sharedDown", Role::momentum, Storage::f32, 81937664, 0, 16384, 32, 0 },
    {"momentum.layers.1.moe.sharedDown", Role::momentum, Storage::f32, 82003200, 0, 16384, 32, 1 },
    {"momentum.layers.2.moe.sharedDown", Role::momentum, Storage::f32, 82068736, 0, 16384, 32, 2 },
    {"adamw.m.norm", Role::moment1, Storage::f32, 82134272, 0, 128, 33, 0 },
    {"adamw.v.norm", Role::moment2, Storage::f32, 82134784, 0, 128, 33, 0 },
    {"adamw.m.head", Role::moment1, Storage::f32, 82135296, 0, 32768, 34, 0 },
    {"adamw.v.head", Role::moment2, Storage::f32, 82266368, 0, 32768, 34, 0 },
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
    {9854976, 2048, [](int64_t i) -> double { return std::cos(double(int64_t(i) / 8) * std::pow(double(10000), -2.0 * double(int64_t(i) % 8) / 16)); }},
    {9863168, 2048, [](int64_t i) -> double { return std::sin(double(int64_t(i) / 8) * std::pow(double(10000), -2.0 * double(int64_t(i) % 8) / 16)); }},
    {0, 0, nullptr},
};
const int64_t TABLE_COUNT = 2;

// What ranks share out: slices, units of a slice, numbers of a unit, moments of a number; places of weights and gradients.
const Trained TRAINED[] = {
    {1, 256, 128, 2, 0, 2455040, 4902400},  // embed
    {1, 1, 128, 2, 65536, -1, 5033472},  // first.attnNorm
    {1, 1, 24576, 1, 66048, 2520576, 5033984},  // first.attn.q
    {1, 1, 8192, 1, 115200, 2569728, 5132288},  // first.attn.kvDown
    {1, 1, 2048, 1, 131584, 2586112, 5165056},  // first.attn.kRope
    {1, 1, 64, 2, 135680, -1, 5173248},  // first.attn.kvNorm
    {1, 1, 8192, 1, 135936, 2590208, 5173504},  // first.attn.k
    {1, 1, 8192, 1, 152320, 2606592, 5206272},  // first.attn.v
    {1, 1, 48, 2, 168704, -1, 5239040},  // first.attn.qNorm
    {1, 1, 48, 2, 168960, -1, 5239296},  // first.attn.kNorm
    {1, 1, 16384, 1, 169216, 2622976, 5239552},  // first.attn.out
    {1, 1, 128, 2, 201984, -1, 5305088},  // first.ffnNorm
    {1, 1, 49152, 1, 202496, 2655744, 5305600},  // first.ffn.gate
    {1, 1, 49152, 1, 300800, 2754048, 5502208},  // first.ffn.up
    {1, 1, 49152, 1, 399104, 2852352, 5698816},  // first.ffn.down
    {3, 1, 128, 2, 497408, -1, 5895424},  // layers.attnNorm
    {3, 1, 24576, 1, 498944, 2950656, 5896960},  // layers.attn.q
    {3, 1, 8192, 1, 646400, 3098112, 6191872},  // layers.attn.kvDown
    {3, 1, 2048, 1, 695552, 3147264, 6290176},  // layers.attn.kRope
    {3, 1, 64, 2, 707840, -1, 6314752},  // layers.attn.kvNorm
    {3, 1, 8192, 1, 708608, 3159552, 6315520},  // layers.attn.k
    {3, 1, 8192, 1, 757760, 3208704, 6413824},  // layers.attn.v
    {3, 1, 48, 2, 806912, -1, 6512128},  // layers.attn.qNorm
    {3, 1, 48, 2, 807680, -1, 6512896},  // layers.attn.kNorm
    {3, 1, 16384, 1, 808448, 3257856, 6513664},  // layers.attn.out
    {3, 1, 128, 2, 906752, -1, 6710272},  // layers.ffnNorm
    {3, 128, 8, 2, 908288, 3356160, 6711808},  // layers.moe.router
    {3, 8, 8192, 1, 914432, 3362304, 6724096},  // layers.moe.gate
    {3, 8, 8192, 1, 1307648, 3755520, 7510528},  // layers.moe.up
    {3, 8, 8192, 1, 1700864, 4148736, 8296960},  // layers.moe.down
    {3, 1, 16384, 1, 2094080, 4541952, 9083392},  // layers.moe.sharedGate
    {3, 1, 16384, 1, 2192384, 4640256, 9280000},  // layers.moe.sharedUp
    {3, 1, 16384, 1, 2290688, 4738560, 9476608},  // layers.moe.sharedDown
    {1, 1, 128, 2, 2388992, -1, 9673216},  // norm
    {1, 256, 128, 2, 2389504, 4836864, 9673728},  // head
};
const int64_t TRAINED_COUNT = 35;
const int64_t STATE_ALIGNMENT = 256;

// Gradients that are final together: bucket, trained parameter, how many of its slices.
const BucketMember BUCKET_MEMBERS[] = {
    {0, 34, 1},  // head
    {0, 33, 1},  // norm
    {1, 32, 1},  // layers.moe.sharedDown
    {1, 29, 1},  // layers.moe.down
    {1, 25, 1},  // layers.ffnNorm
    {1, 31, 1},  // layers.moe.sharedUp
    {1, 30, 1},  // layers.moe.sharedGate
    {1, 28, 1},  // layers.moe.up
    {1, 27, 1},  // layers.moe.gate
    {1, 26, 1},  // layers.moe.router
    {1, 24, 1},  // layers.attn.out
    {1, 23, 1},  // layers.attn.kNorm
    {1, 21, 1},  // layers.attn.v
    {1, 20, 1},  // layers.attn.k
    {1, 22, 1},  // layers.attn.qNorm
    {1, 16, 1},  // layers.attn.q
    {1, 18, 1},  // layers.attn.kRope
    {1, 19, 1},  // layers.attn.kvNorm
    {1, 17, 1},  // layers.attn.kvDown
    {1, 15, 1},  // layers.attnNorm
    {2, 14, 1},  // first.ffn.down
    {2, 13, 1},  // first.ffn.up
    {2, 12, 1},  // first.ffn.gate
    {2, 11, 1},  // first.ffnNorm
    {2, 10, 1},  // first.attn.out
    {2, 9, 1},  // first.attn.kNorm
    {2, 7, 1},  // first.attn.v
    {2, 6, 1},  // first.attn.k
    {2, 8, 1},  // first.attn.qNorm
    {2, 2, 1},  // first.attn.q
    {2, 4, 1},  // first.attn.kRope
    {2, 5, 1},  // first.attn.kvNorm
    {2, 3, 1},  // first.attn.kvDown
    {2, 1, 1},  // first.attnNorm
    {2, 0, 1},  // embed
    {-1, 0, 0},  // so that there is one
};
const int64_t BUCKET_MEMBER_COUNT = 35;
const char* const BUCKET_NAMES[] = {"head norm", "a layer of layers: moe.sharedDown moe.down ffnNorm moe.sharedUp moe.sharedGate moe.up moe.gate moe.router attn.out attn.kNorm attn.v attn.k attn.qNorm attn.q attn.kRope attn.kvNorm attn.kvDown attnNorm", "first.ffn.down first.ffn.up first.ffn.gate first.ffnNorm first.attn.out first.attn.kNorm first.attn.v first.attn.k first.attn.qNorm first.attn.q first.attn.kRope first.attn.kvNorm first.attn.kvDown first.attnNorm embed", nullptr};

void micro_step(cudaStream_t stream, char* arena, [[maybe_unused]] Rank* rank) {
  const auto floats = [arena](int64_t byte) { return reinterpret_cast<float*>(arena + byte); };
  const auto halves = [arena](int64_t byte) { return reinterpret_cast<bf16*>(arena + byte); };
  const auto ints = [arena](int64_t byte) { return reinterpret_cast<int32_t*>(arena + byte); };
  [[maybe_unused]] const auto bytes = [arena](int64_t byte) { return arena + byte; };
  [[maybe_unused]] const int32_t *tokens = ints(TOKENS_AT), *targets = ints(TARGETS_AT);
  [[maybe_unused]] const float* lossScale = floats(LOSS_SCALE_AT);
  // What is final goes to its owner behind the kernels that follow; without ranks nothing is to be sent.
  [[maybe_unused]] const auto gradients_final = [rank](int64_t bucket, int64_t round) { if (rank) rank->gradients_final(bucket, round); };

  bf16* const embed = halves(0);  // [V D]
  bf16* const lookup_embed = halves(64530688);  // [B T D]
  fwd_01_lookup(stream, embed, tokens, lookup_embed);
  float* const attnNorm = floats(65536);  // [D]
  bf16* const rmsnorm_attnNorm = halves(11968512);  // [B T D]
  bf16* const rmsnorm_attnNorm_2 = halves(65579264);  // [B T D]
  fwd_02_rmsnorm(stream, lookup_embed, attnNorm, rmsnorm_attnNorm, rmsnorm_attnNorm_2);
  bf16* const kvDown = halves(115200);  // [D C]
  float* const kvNorm = floats(135680);  // [C]
  bf16* const linear_kvDown = halves(75016448);  // [B T C]
  bf16* const latent = halves(18259968);  // [B T C]
  fwd_03_linear_rmsnorm(stream, rmsnorm_attnNorm, kvDown, kvNorm, linear_kvDown, latent);
  bf16* const kRope = halves(131584);  // [D R]
  bf16* const linear_kRope = halves(13017088);  // [B T R]
  fwd_04_linear(stream, rmsnorm_attnNorm, kRope, linear_kRope, bytes(9871360));
  bf16* const q = halves(66048);  // [D H N+R]
  float* const qNorm = floats(168704);  // [N+R]
  bf16* const linear_q = halves(53520640);  // [B T H N+R]
  bf16* const rope = halves(14065664);  // [B T H N+R]
  fwd_05_linear_rmsnorm_rope(stream, rmsnorm_attnNorm, q, qNorm, linear_q, rope, floats(9854976), floats(9863168));
  bf16* const k_ = halves(135936);  // [C H N]
  float* const kNorm = floats(168960);  // [N+R]
  bf16* const rope_2 = halves(15638528);  // [B T H N+R]
  fwd_06_linear_expand_concat(stream, latent, k_, linear_kRope, kNorm, rope_2, floats(9854976), floats(9863168));
  bf16* const v = halves(152320);  // [C H U]
  bf16* const linear_v = halves(17211392);  // [B T H U]
  fwd_07_linear(stream, latent, v, linear_v, bytes(9871360));
  bf16* const mixed = halves(66627840);  // [B T H U]
  float* const lse = floats(77146368);  // [B T H]
  fwd_08_attention(stream, rope, rope_2, linear_v, mixed, lse);
  bf16* const out_ = halves(169216);  // [H U D]
  float* const ffnNorm = floats(201984);  // [D]
  bf16* const add = halves(67676416);  // [B T D]
  bf16* const rmsnorm_ffnNorm = halves(68724992);  // [B T D]
  fwd_09_linear_add_rmsnorm(stream, mixed, out_, lookup_embed, ffnNorm, add, rmsnorm_ffnNorm);
  bf16* const gate = halves(202496);  // [D W]
  bf16* const up = halves(300800);  // [D W]
  bf16* const linear_gate = halves(23111936);  // [B T W]
  bf16* const linear_up = halves(26257664);  // [B T W]
  bf16* const swiglu = halves(9871360);  // [B T W]
  bf16* const swiglu_2 = halves(29403392);  // [B T W]
  fwd_10_linear_swiglu(stream, rmsnorm_ffnNorm, gate, up, linear_gate, linear_up, swiglu, swiglu_2);
  bf16* const down = halves(399104);  // [W D]
  bf16* const x = halves(18917632);  // [B T D]
  fwd_11_linear_add(stream, swiglu, down, add, x);
  for (int64_t layer = 0; layer < 3; ++layer) {  // model.ts:57   for (const layer of p.layers) x = layer(x);
    bf16* const x_2 = halves(18917632 + layer * 1048576);  // [B T D]
    float* const attnNorm_2 = floats(497408 + layer * 512);  // [D]
    bf16* const rmsnorm_attnNorm_3 = halves(51423488);  // [B T D]
    fwd_12_rmsnorm(stream, x_2, attnNorm_2, rmsnorm_attnNorm_3);
    bf16* const kRope_2 = halves(695552 + layer * 4096);  // [D R]
    bf16* const linear_kRope_2 = halves(18784256);  // [B T R]
    fwd_04_linear(stream, rmsnorm_attnNorm_3, kRope_2, linear_kRope_2, bytes(14589952));
    bf16* const kvDown_2 = halves(646400 + layer * 16384);  // [D C]
    float* const kvNorm_2 = floats(707840 + layer * 256);  // [C]
    bf16* const linear_kvDown_2 = halves(55093504 + layer * 524288);  // [B T C]
    bf16* const latent_2 = halves(56666368);  // [B T C]
    fwd_03_linear_rmsnorm(stream, rmsnorm_attnNorm_3, kvDown_2, kvNorm_2, linear_kvDown_2, latent_2);
    bf16* const v_2 = halves(757760 + layer * 16384);  // [C H U]
    bf16* const linear_v_2 = halves(52472064);  // [B T H U]
    fwd_07_linear(stream, latent_2, v_2, linear_v_2, bytes(14589952));
    bf16* const k__2 = halves(708608 + layer * 16384);  // [C H N]
    float* const kNorm_2 = floats(807680 + layer * 192);  // [N+R]
    bf16* const rope_3 = halves(14589952);  // [B T H N+R]
    fwd_06_linear_expand_concat(stream, latent_2, k__2, linear_kRope_2, kNorm_2, rope_3, floats(9854976), floats(9863168));
    bf16* const q_2 = halves(498944 + layer * 49152);  // [D H N+R]
    float* const qNorm_2 = floats(806912 + layer * 192);  // [N+R]
    bf16* const linear_q_2 = halves(9871360 + layer * 1572864);  // [B T H N+R]
    bf16* const rope_4 = halves(16162816);  // [B T H N+R]
    fwd_05_linear_rmsnorm_rope(stream, rmsnorm_attnNorm_3, q_2, qNorm_2, linear_q_2, rope_4, floats(9854976), floats(9863168));
    bf16* const mixed_2 = halves(45132032 + layer * 1048576);  // [B T H U]
    float* const lse_2 = floats(76458240 + layer * 65536);  // [B T H]
    fwd_08_attention(stream, rope_4, rope_3, linear_v_2, mixed_2, lse_2);
    bf16* const out__2 = halves(808448 + layer * 32768);  // [H U D]
    float* const ffnNorm_2 = floats(906752 + layer * 512);  // [D]
    bf16* const linear_out = halves(48277760 + layer * 1048576);  // [B T D]
    bf16* const add_2 = halves(16687104);  // [B T D]
    bf16* const rmsnorm_ffnNorm_2 = halves(17735680);  // [B T D]
    fwd_13_linear_add_rmsnorm(stream, mixed_2, out__2, x_2, ffnNorm_2, linear_out, add_2, rmsnorm_ffnNorm_2);
    bf16* const router = halves(908288 + layer * 2048);  // [D E]
    float* const linear_router = floats(15638528);  // [B T E]
    fwd_14_linear(stream, rmsnorm_ffnNorm_2, router, linear_router, bytes(14589952));
    float* const gates = floats(76949760 + layer * 32768);  // [B T topK]
    int32_t* const choice = ints(77048064 + layer * 32768);  // [B T topK] i32
    int32_t* const slot = ints(76753152 + layer * 32768);  // [B T topK] i32
    int32_t* const source = ints(76654848 + layer * 32768);  // [rows] i32
    int32_t* const offsets = ints(77211904 + layer * 36);  // [E+1] i32
    int32_t* const load = ints(9804800 + layer * 32);  // [E] i32
    float* const probabilities = floats(76065024 + layer * 131072);  // [B T E]
    float* const balance = floats(18915328 + layer * 4);  // []
    fwd_15_route(stream, linear_router, gates, choice, slot, source, offsets, load, probabilities, balance, bytes(14589952));
    float* const pick = floats(76851456 + layer * 32768);  // [E rows]
    fwd_16_pick(stream, gates, source, pick);
    bf16* const gate_2 = halves(914432 + layer * 131072);  // [E D F]
    bf16* const up_2 = halves(1307648 + layer * 131072);  // [E D F]
    bf16* const linear_gate_2 = halves(38840576 + layer * 1048576);  // [E rows F]
    bf16* const linear_up_2 = halves(41986304 + layer * 1048576);  // [E rows F]
    bf16* const weigh = halves(51423488);  // [E rows F]
    fwd_17_linear_dispatch_swiglu(stream, rmsnorm_ffnNorm_2, source, gate_2, offsets, up_2, pick, linear_gate_2, linear_up_2, weigh);
    bf16* const down_2 = halves(1700864 + layer * 131072);  // [E F D]
    bf16* const routed = halves(14589952);  // [E rows D]
    fwd_18_linear(stream, weigh, down_2, offsets, routed);
    bf16* const combine = halves(51423488);  // [B T D]
    fwd_19_combine(stream, routed, slot, combine);
    bf16* const sharedGate = halves(2094080 + layer * 32768);  // [D S]
    bf16* const sharedUp = halves(2192384 + layer * 32768);  // [D S]
    bf16* const linear_sharedGate = halves(32549120 + layer * 1048576);  // [B T S]
    bf16* const linear_sharedUp = halves(35694848 + layer * 1048576);  // [B T S]
    bf16* const swiglu_3 = halves(14589952);  // [B T S]
    fwd_20_linear_swiglu(stream, rmsnorm_ffnNorm_2, sharedGate, sharedUp, linear_sharedGate, linear_sharedUp, swiglu_3);
    bf16* const sharedDown = halves(2290688 + layer * 32768);  // [S D]
    bf16* const x_3 = halves(18917632 + (layer + 1) * 1048576);  // [B T D]
    fwd_21_linear_add(stream, swiglu_3, sharedDown, combine, add_2, x_3);
  }
  bf16* const x_4 = halves(22063360);  // [B T D]
  float* const norm = floats(2388992);  // [D]
  bf16* const rmsnorm_norm = halves(16252928);  // [B T D]
  fwd_22_rmsnorm(stream, x_4, norm, rmsnorm_norm);
  bf16* const head = halves(2389504);  // [V D]
  float* const loss = floats(77212160);  // []
  bf16* const d_x = halves(17301504);  // [B T D]
  float* const d_head = floats(9673728);  // [V D]
  bwd_01_linearCrossEntropyTrain(stream, rmsnorm_norm, head, targets, lossScale, loss, d_x, d_head, bytes(14589952));
  float* const balance_2 = floats(18915328);  // [layers]
  float* const sumOver = floats(77212416);  // []
  bwd_02_sumOver(stream, balance_2, sumOver);
  float* const expand = floats(77212672);  // [layers]
  bwd_03_expand(stream, lossScale, expand);
  bf16* const d_x_2 = halves(51423488);  // [B T D]
  float* const d_norm = floats(9673216);  // [D]
  bwd_04_rmsnormGradX_rmsnormGradGain(stream, d_x, x_4, norm, d_x_2, d_norm, bytes(14589952));
  gradients_final(0, 0);  // head norm
  for (int64_t round = 0; round < 3; ++round) {  // model.ts:57   for (const layer of p.layers) x = layer(x);, from the last to the first
    const int64_t layer = 3 - 1 - round;
    bf16* const d_x_3 = halves(51423488 + (round % 2) * 1048576);  // [B T D]
    bf16* const sharedDown_2 = halves(2290688 + layer * 32768);  // [S D]
    bf16* const linear_sharedGate_2 = halves(32549120 + layer * 1048576);  // [B T S]
    bf16* const linear_sharedUp_2 = halves(35694848 + layer * 1048576);  // [B T S]
    bf16* const swiglu_4 = halves(14589952);  // [B T S]
    bf16* const swiglu_grad_gate = halves(56666368);  // [B T S]
    bf16* const swiglu_grad_up = halves(57714944);  // [B T S]
    bwd_05_linearGradX_swiglu_swigluGradGate(stream, d_x_3, sharedDown_2, linear_sharedGate_2, linear_sharedUp_2, swiglu_4, swiglu_grad_gate, swiglu_grad_up);
    float* const d_sharedDown = floats(9476608 + layer * 65536);  // [S D]
    bwd_06_linearGradW(stream, swiglu_4, d_x_3, d_sharedDown, bytes(15638528));
    int32_t* const source_2 = ints(76654848 + layer * 32768);  // [rows] i32
    bf16* const down_3 = halves(1700864 + layer * 131072);  // [E F D]
    int32_t* const offsets_2 = ints(77211904 + layer * 36);  // [E+1] i32
    bf16* const linear_gate_3 = halves(38840576 + layer * 1048576);  // [E rows F]
    bf16* const linear_up_3 = halves(41986304 + layer * 1048576);  // [E rows F]
    float* const pick_2 = floats(76851456 + layer * 32768);  // [E rows]
    bf16* const weigh_2 = halves(14589952);  // [E rows F]
    float* const dotOfRuns = floats(15638528);  // [E rows runs]
    bf16* const swiglu_grad_gate_2 = halves(58763520);  // [E rows F]
    bf16* const swiglu_grad_up_2 = halves(59812096);  // [E rows F]
    bwd_07_linearGradX_dispatch_swiglu(stream, d_x_3, source_2, down_3, offsets_2, linear_gate_3, linear_up_3, pick_2, weigh_2, dotOfRuns, swiglu_grad_gate_2, swiglu_grad_up_2);
    float* const d_down = floats(8296960 + layer * 262144);  // [E F D]
    bwd_08_linearGradW_dispatch(stream, d_x_3, source_2, weigh_2, offsets_2, d_down);
    float* const sumColumns = floats(14589952);  // [E rows]
    bwd_09_sumColumns(stream, dotOfRuns, sumColumns);
    int32_t* const slot_2 = ints(76753152 + layer * 32768);  // [B T topK] i32
    float* const pick_3 = floats(16687104);  // [B T topK]
    bwd_10_pick(stream, sumColumns, slot_2, pick_3);
    bf16* const up_3 = halves(1307648 + layer * 131072);  // [E D F]
    bf16* const gate_3 = halves(914432 + layer * 131072);  // [E D F]
    bf16* const add_3 = halves(14589952);  // [E rows D]
    bwd_11_linearGradX_add(stream, swiglu_grad_up_2, up_3, offsets_2, swiglu_grad_gate_2, gate_3, add_3);
    bf16* const combine_2 = halves(60860672);  // [B T D]
    bwd_12_combine(stream, add_3, slot_2, combine_2);
    float* const probabilities_2 = floats(76065024 + layer * 131072);  // [B T E]
    float* const gates_2 = floats(76949760 + layer * 32768);  // [B T topK]
    int32_t* const choice_2 = ints(77048064 + layer * 32768);  // [B T topK] i32
    int32_t* const load_2 = ints(9804800 + layer * 32);  // [E] i32
    float* const expand_2 = floats(77212672 + layer * 4);  // []
    bf16* const route_grad_ = halves(18784256);  // [B T E]
    bwd_13_routeGrad(stream, probabilities_2, gates_2, choice_2, load_2, pick_3, expand_2, route_grad_);
    bf16* const router_2 = halves(908288 + layer * 2048);  // [D E]
    bf16* const linear_grad_x_router = halves(61909248);  // [B T D]
    bwd_14_linearGradX(stream, route_grad_, router_2, linear_grad_x_router, bytes(14589952));
    bf16* const sharedUp_2 = halves(2192384 + layer * 32768);  // [D S]
    bf16* const sharedGate_2 = halves(2094080 + layer * 32768);  // [D S]
    bf16* const add_4 = halves(14589952);  // [B T D]
    bwd_15_linearGradX_add(stream, swiglu_grad_up, sharedUp_2, swiglu_grad_gate, sharedGate_2, combine_2, linear_grad_x_router, add_4);
    bf16* const x_5 = halves(18917632 + layer * 1048576);  // [B T D]
    bf16* const linear_out_2 = halves(48277760 + layer * 1048576);  // [B T D]
    float* const ffnNorm_3 = floats(906752 + layer * 512);  // [D]
    float* const attnNorm_3 = floats(497408 + layer * 512);  // [D]
    bf16* const rmsnorm_ffnNorm_3 = halves(15638528);  // [B T D]
    float* const d_ffnNorm = floats(6710272 + layer * 512);  // [D]
    bf16* const d_x_4 = halves(69773568);  // [B T D]
    bf16* const rmsnorm_attnNorm_4 = halves(70822144);  // [B T D]
    bwd_16_add_rmsnorm_rmsnormGradX(stream, x_5, linear_out_2, ffnNorm_3, add_4, d_x_3, attnNorm_3, rmsnorm_ffnNorm_3, d_ffnNorm, d_x_4, rmsnorm_attnNorm_4, bytes(16687104));
    float* const d_sharedUp = floats(9280000 + layer * 65536);  // [D S]
    float* const d_sharedGate = floats(9083392 + layer * 65536);  // [D S]
    bwd_17_linearGradW(stream, rmsnorm_ffnNorm_3, swiglu_grad_up, swiglu_grad_gate, d_sharedUp, d_sharedGate, bytes(14589952));
    float* const d_up = floats(7510528 + layer * 262144);  // [E D F]
    float* const d_gate = floats(6724096 + layer * 262144);  // [E D F]
    bwd_18_linearGradW_dispatch(stream, rmsnorm_ffnNorm_3, source_2, swiglu_grad_up_2, offsets_2, swiglu_grad_gate_2, d_up, d_gate);
    float* const d_router = floats(6711808 + layer * 4096);  // [D E]
    bwd_19_linearGradW(stream, rmsnorm_ffnNorm_3, route_grad_, d_router, bytes(14589952));
    bf16* const out__3 = halves(808448 + layer * 32768);  // [H U D]
    bf16* const d_mixed = halves(71870720);  // [B T H U]
    bwd_20_linearGradX(stream, d_x_4, out__3, d_mixed, bytes(14589952));
    bf16* const mixed_3 = halves(45132032 + layer * 1048576);  // [B T H U]
    float* const d_out = floats(6513664 + layer * 65536);  // [H U D]
    bwd_21_linearGradW(stream, mixed_3, d_x_4, d_out, bytes(14589952));
    bf16* const linear_kvDown_3 = halves(55093504 + layer * 524288);  // [B T C]
    float* const kvNorm_3 = floats(707840 + layer * 256);  // [C]
    bf16* const latent_3 = halves(75540736);  // [B T C]
    bwd_22_rmsnorm(stream, linear_kvDown_3, kvNorm_3, latent_3);
    bf16* const v_3 = halves(757760 + layer * 16384);  // [C H U]
    bf16* const linear_v_3 = halves(72919296);  // [B T H U]
    fwd_07_linear(stream, latent_3, v_3, linear_v_3, bytes(14589952));
    bf16* const kRope_3 = halves(695552 + layer * 4096);  // [D R]
    bf16* const linear_kRope_3 = halves(16687104);  // [B T R]
    fwd_04_linear(stream, rmsnorm_attnNorm_4, kRope_3, linear_kRope_3, bytes(14589952));
    bf16* const k__3 = halves(708608 + layer * 16384);  // [C H N]
    float* const kNorm_3 = floats(807680 + layer * 192);  // [N+R]
    bf16* const concat = halves(56666368);  // [B T H N+R]
    bf16* const rope_5 = halves(58239232);  // [B T H N+R]
    bwd_23_linear_expand_concat(stream, latent_3, k__3, linear_kRope_3, kNorm_3, concat, rope_5, floats(9854976), floats(9863168));
    bf16* const linear_q_3 = halves(9871360 + layer * 1572864);  // [B T H N+R]
    float* const qNorm_3 = floats(806912 + layer * 192);  // [N+R]
    bf16* const rope_6 = halves(59812096);  // [B T H N+R]
    bwd_24_rmsnorm_rope(stream, linear_q_3, qNorm_3, rope_6, floats(9854976), floats(9863168));
    float* const lse_3 = floats(76458240 + layer * 65536);  // [B T H]
    bf16* const d_q = halves(61384960);  // [B T H N+R]
    bf16* const d_k = halves(62957824);  // [B T H N+R]
    bf16* const d_v = halves(73967872);  // [B T H U]
    bwd_25_attentionGrad(stream, rope_6, rope_5, linear_v_3, mixed_3, lse_3, d_mixed, d_q, d_k, d_v, bytes(14589952));
    float* const d_kNorm = floats(6512896 + layer * 192);  // [N+R]
    bf16* const part = halves(14589952);  // [B T H N]
    bf16* const d_shared = halves(16949248);  // [B T H R]
    bwd_26_rope_rmsnormGradX_rmsnormGradGain(stream, d_k, concat, kNorm_3, d_kNorm, part, d_shared, floats(9854976), floats(9863168), bytes(15638528));
    bf16* const add_5 = halves(17473536);  // [B T C]
    bwd_27_linearGradX_add(stream, d_v, v_3, part, k__3, add_5);
    float* const d_v_2 = floats(6413824 + layer * 32768);  // [C H U]
    float* const d_k_2 = floats(6315520 + layer * 32768);  // [C H N]
    bwd_28_linearGradW(stream, latent_3, d_v, part, d_v_2, d_k_2, bytes(15638528));
    bf16* const rmsnorm_grad_x_qNorm = halves(14589952);  // [B T H N+R]
    float* const d_qNorm = floats(6512128 + layer * 192);  // [N+R]
    bwd_29_rope_rmsnormGradX_rmsnormGradGain(stream, d_q, linear_q_3, qNorm_3, rmsnorm_grad_x_qNorm, d_qNorm, floats(9854976), floats(9863168), bytes(16162816));
    float* const d_q_2 = floats(5896960 + layer * 98304);  // [D H N+R]
    bwd_30_linearGradW(stream, rmsnorm_attnNorm_4, rmsnorm_grad_x_qNorm, d_q_2, bytes(16162816));
    bf16* const sumOver_2 = halves(18522112);  // [B T R]
    bwd_31_sumOver(stream, d_shared, sumOver_2);
    float* const d_kRope = floats(6290176 + layer * 8192);  // [D R]
    bwd_32_linearGradW(stream, rmsnorm_attnNorm_4, sumOver_2, d_kRope, bytes(16162816));
    bf16* const rmsnorm_grad_x_kvNorm = halves(17997824);  // [B T C]
    float* const d_kvNorm = floats(6314752 + layer * 256);  // [C]
    bwd_33_rmsnormGradX_rmsnormGradGain(stream, add_5, linear_kvDown_3, kvNorm_3, rmsnorm_grad_x_kvNorm, d_kvNorm, bytes(16162816));
    bf16* const q_3 = halves(498944 + layer * 49152);  // [D H N+R]
    bf16* const kvDown_3 = halves(646400 + layer * 16384);  // [D C]
    bf16* const add_6 = halves(16162816);  // [B T D]
    bwd_34_linearGradX_add(stream, rmsnorm_grad_x_qNorm, q_3, sumOver_2, kRope_3, rmsnorm_grad_x_kvNorm, kvDown_3, add_6);
    float* const d_kvDown = floats(6191872 + layer * 32768);  // [D C]
    bwd_35_linearGradW(stream, rmsnorm_attnNorm_4, rmsnorm_grad_x_kvNorm, d_kvDown, bytes(14589952));
    float* const d_attnNorm = floats(5895424 + layer * 512);  // [D]
    bf16* const add_7 = halves(51423488 + ((round + 1) % 2) * 1048576);  // [B T D]
    bwd_36_rmsnormGradX_rmsnormGradGain_add(stream, add_6, x_5, attnNorm_3, d_x_4, d_attnNorm, add_7, bytes(14589952));
    gradients_final(1, layer);  // a layer of layers: moe.sharedDown moe.down ffnNorm moe.sharedUp moe.sharedGate moe.up moe.gate moe.router attn.out attn.kNorm attn.v attn.k attn.qNorm attn.q attn.kRope attn.kvNorm attn.kvDown attnNorm
  }
  bf16* const d_x_5 = halves(52472064);  // [B T D]
  bf16* const swiglu_grad_gate_3 = halves(9871360);  // [B T W]
  bf16* const swiglu_grad_up_3 = halves(13017088);  // [B T W]
  bwd_37_linearGradX_swigluGradGate_swigluGradUp(stream, d_x_5, down, linear_gate, linear_up, swiglu_grad_gate_3, swiglu_grad_up_3);
  float* const d_down_2 = floats(5698816);  // [W D]
  bwd_38_linearGradW(stream, swiglu_2, d_x_5, d_down_2, bytes(16162816));
  bf16* const add_8 = halves(17735680);  // [B T D]
  bwd_39_linearGradX_add(stream, swiglu_grad_up_3, up, swiglu_grad_gate_3, gate, add_8);
  float* const d_up_2 = floats(5502208);  // [D W]
  float* const d_gate_2 = floats(5305600);  // [D W]
  bwd_40_linearGradW(stream, rmsnorm_ffnNorm, swiglu_grad_up_3, swiglu_grad_gate_3, d_up_2, d_gate_2, bytes(16162816));
  float* const d_ffnNorm_2 = floats(5305088);  // [D]
  bf16* const add_9 = halves(22063360);  // [B T D]
  bwd_41_rmsnormGradX_rmsnormGradGain_add(stream, add_8, add, ffnNorm, d_x_5, d_ffnNorm_2, add_9, bytes(9871360));
  bf16* const d_mixed_2 = halves(23111936);  // [B T H U]
  bwd_42_linearGradX(stream, add_9, out_, d_mixed_2, bytes(9871360));
  float* const d_out_2 = floats(5239552);  // [H U D]
  bwd_43_linearGradW(stream, mixed, add_9, d_out_2, bytes(9871360));
  bf16* const latent_4 = halves(26257664);  // [B T C]
  bwd_22_rmsnorm(stream, linear_kvDown, kvNorm, latent_4);
  bf16* const linear_v_4 = halves(24160512);  // [B T H U]
  fwd_07_linear(stream, latent_4, v, linear_v_4, bytes(9871360));
  bf16* const linear_kRope_4 = halves(11968512);  // [B T R]
  fwd_04_linear(stream, rmsnorm_attnNorm_2, kRope, linear_kRope_4, bytes(9871360));
  bf16* const concat_2 = halves(14199040);  // [B T H N+R]
  bf16* const rope_7 = halves(15771904);  // [B T H N+R]
  bwd_23_linear_expand_concat(stream, latent_4, k_, linear_kRope_4, kNorm, concat_2, rope_7, floats(9854976), floats(9863168));
  bf16* const rope_8 = halves(17344768);  // [B T H N+R]
  bwd_24_rmsnorm_rope(stream, linear_q, qNorm, rope_8, floats(9854976), floats(9863168));
  bf16* const d_q_3 = halves(18917632);  // [B T H N+R]
  bf16* const d_k_3 = halves(20490496);  // [B T H N+R]
  bf16* const d_v_3 = halves(25209088);  // [B T H U]
  bwd_25_attentionGrad(stream, rope_8, rope_7, linear_v_4, mixed, lse, d_mixed_2, d_q_3, d_k_3, d_v_3, bytes(9871360));
  float* const d_kNorm_2 = floats(5239296);  // [N+R]
  bf16* const part_2 = halves(9871360);  // [B T H N]
  bf16* const d_shared_2 = halves(12230656);  // [B T H R]
  bwd_26_rope_rmsnormGradX_rmsnormGradGain(stream, d_k_3, concat_2, kNorm, d_kNorm_2, part_2, d_shared_2, floats(9854976), floats(9863168), bytes(10919936));
  bf16* const add_10 = halves(12754944);  // [B T C]
  bwd_27_linearGradX_add(stream, d_v_3, v, part_2, k_, add_10);
  float* const d_v_4 = floats(5206272);  // [C H U]
  float* const d_k_4 = floats(5173504);  // [C H N]
  bwd_28_linearGradW(stream, latent_4, d_v_3, part_2, d_v_4, d_k_4, bytes(10919936));
  bf16* const rmsnorm_grad_x_qNorm_2 = halves(9871360);  // [B T H N+R]
  float* const d_qNorm_2 = floats(5239040);  // [N+R]
  bwd_29_rope_rmsnormGradX_rmsnormGradGain(stream, d_q_3, linear_q, qNorm, rmsnorm_grad_x_qNorm_2, d_qNorm_2, floats(9854976), floats(9863168), bytes(11444224));
  float* const d_q_4 = floats(5033984);  // [D H N+R]
  bwd_30_linearGradW(stream, rmsnorm_attnNorm_2, rmsnorm_grad_x_qNorm_2, d_q_4, bytes(11444224));
  bf16* const sumOver_3 = halves(13803520);  // [B T R]
  bwd_31_sumOver(stream, d_shared_2, sumOver_3);
  float* const d_kRope_2 = floats(5165056);  // [D R]
  bwd_32_linearGradW(stream, rmsnorm_attnNorm_2, sumOver_3, d_kRope_2, bytes(11444224));
  bf16* const rmsnorm_grad_x_kvNorm_2 = halves(13279232);  // [B T C]
  float* const d_kvNorm_2 = floats(5173248);  // [C]
  bwd_33_rmsnormGradX_rmsnormGradGain(stream, add_10, linear_kvDown, kvNorm, rmsnorm_grad_x_kvNorm_2, d_kvNorm_2, bytes(11444224));
  bf16* const add_11 = halves(11444224);  // [B T D]
  bwd_34_linearGradX_add(stream, rmsnorm_grad_x_qNorm_2, q, sumOver_3, kRope, rmsnorm_grad_x_kvNorm_2, kvDown, add_11);
  float* const d_kvDown_2 = floats(5132288);  // [D C]
  bwd_35_linearGradW(stream, rmsnorm_attnNorm_2, rmsnorm_grad_x_kvNorm_2, d_kvDown_2, bytes(9871360));
  float* const d_attnNorm_2 = floats(5033472);  // [D]
  bf16* const add_12 = halves(9871360);  // [B T D]
  bwd_44_rmsnormGradX_rmsnormGradGain_add(stream, add_11, lookup_embed, attnNorm, add_9, d_attnNorm_2, add_12, bytes(12492800));
  float* const d_embed = floats(4902400);  // [V D]
  bwd_45_lookupGrad(stream, add_12, tokens, d_embed, bytes(10919936));
  gradients_final(2, 0);  // first.ffn.down first.ffn.up first.ffn.gate first.ffnNorm first.attn.out first.attn.kNorm first.attn.v first.attn.k first.attn.qNorm first.attn.q first.attn.kRope first.attn.kvNorm first.attn.kvDown first.attnNorm embed
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
  bf16* const lookup_embed = halves(17211392);  // [B T D]
  fwd_01_lookup(stream, embed, tokens, lookup_embed);
  float* const attnNorm = floats(65536);  // [D]
  bf16* const rmsnorm_attnNorm = halves(11968512);  // [B T D]
  eval_01_rmsnorm(stream, lookup_embed, attnNorm, rmsnorm_attnNorm);
  bf16* const kvDown = halves(115200);  // [D C]
  float* const kvNorm = floats(135680);  // [C]
  bf16* const latent = halves(19308544);  // [B T C]
  eval_02_linear_rmsnorm(stream, rmsnorm_attnNorm, kvDown, kvNorm, latent);
  bf16* const kRope = halves(131584);  // [D R]
  bf16* const linear_kRope = halves(13017088);  // [B T R]
  fwd_04_linear(stream, rmsnorm_attnNorm, kRope, linear_kRope, bytes(9871360));
  bf16* const q = halves(66048);  // [D H N+R]
  float* const qNorm = floats(168704);  // [N+R]
  bf16* const rope = halves(14065664);  // [B T H N+R]
  eval_03_linear_rmsnorm_rope(stream, rmsnorm_attnNorm, q, qNorm, rope, floats(9854976), floats(9863168));
  bf16* const k_ = halves(135936);  // [C H N]
  float* const kNorm = floats(168960);  // [N+R]
  bf16* const rope_2 = halves(15638528);  // [B T H N+R]
  fwd_06_linear_expand_concat(stream, latent, k_, linear_kRope, kNorm, rope_2, floats(9854976), floats(9863168));
  bf16* const v = halves(152320);  // [C H U]
  bf16* const linear_v = halves(18259968);  // [B T H U]
  fwd_07_linear(stream, latent, v, linear_v, bytes(9871360));
  bf16* const mixed = halves(9871360);  // [B T H U]
  float* const lse = floats(10919936);  // [B T H]
  fwd_08_attention(stream, rope, rope_2, linear_v, mixed, lse);
  bf16* const out_ = halves(169216);  // [H U D]
  float* const ffnNorm = floats(201984);  // [D]
  bf16* const add = halves(13017088);  // [B T D]
  bf16* const rmsnorm_ffnNorm = halves(14065664);  // [B T D]
  fwd_09_linear_add_rmsnorm(stream, mixed, out_, lookup_embed, ffnNorm, add, rmsnorm_ffnNorm);
  bf16* const gate = halves(202496);  // [D W]
  bf16* const up = halves(300800);  // [D W]
  bf16* const swiglu = halves(9871360);  // [B T W]
  eval_04_linear_swiglu(stream, rmsnorm_ffnNorm, gate, up, swiglu);
  bf16* const down = halves(399104);  // [W D]
  bf16* const x = halves(14065664);  // [B T D]
  fwd_11_linear_add(stream, swiglu, down, add, x);
  for (int64_t layer = 0; layer < 3; ++layer) {  // model.ts:57   for (const layer of p.layers) x = layer(x);
    bf16* const x_2 = halves(14065664 + (layer % 2) * 1048576);  // [B T D]
    float* const attnNorm_2 = floats(497408 + layer * 512);  // [D]
    bf16* const rmsnorm_attnNorm_2 = halves(11968512);  // [B T D]
    fwd_12_rmsnorm(stream, x_2, attnNorm_2, rmsnorm_attnNorm_2);
    bf16* const kvDown_2 = halves(646400 + layer * 16384);  // [D C]
    float* const kvNorm_2 = floats(707840 + layer * 256);  // [C]
    bf16* const latent_2 = halves(20357120);  // [B T C]
    eval_02_linear_rmsnorm(stream, rmsnorm_attnNorm_2, kvDown_2, kvNorm_2, latent_2);
    bf16* const kRope_2 = halves(695552 + layer * 4096);  // [D R]
    bf16* const linear_kRope_2 = halves(13017088);  // [B T R]
    fwd_04_linear(stream, rmsnorm_attnNorm_2, kRope_2, linear_kRope_2, bytes(9871360));
    bf16* const q_2 = halves(498944 + layer * 49152);  // [D H N+R]
    float* const qNorm_2 = floats(806912 + layer * 192);  // [N+R]
    bf16* const rope_3 = halves(16162816);  // [B T H N+R]
    eval_03_linear_rmsnorm_rope(stream, rmsnorm_attnNorm_2, q_2, qNorm_2, rope_3, floats(9854976), floats(9863168));
    bf16* const k__2 = halves(708608 + layer * 16384);  // [C H N]
    float* const kNorm_2 = floats(807680 + layer * 192);  // [N+R]
    bf16* const rope_4 = halves(17735680);  // [B T H N+R]
    fwd_06_linear_expand_concat(stream, latent_2, k__2, linear_kRope_2, kNorm_2, rope_4, floats(9854976), floats(9863168));
    bf16* const v_2 = halves(757760 + layer * 16384);  // [C H U]
    bf16* const linear_v_2 = halves(19308544);  // [B T H U]
    fwd_07_linear(stream, latent_2, v_2, linear_v_2, bytes(9871360));
    bf16* const mixed_2 = halves(9871360);  // [B T H U]
    float* const lse_2 = floats(10919936);  // [B T H]
    fwd_08_attention(stream, rope_3, rope_4, linear_v_2, mixed_2, lse_2);
    bf16* const out__2 = halves(808448 + layer * 32768);  // [H U D]
    float* const ffnNorm_2 = floats(906752 + layer * 512);  // [D]
    bf16* const add_2 = halves(11968512);  // [B T D]
    bf16* const rmsnorm_ffnNorm_2 = halves(13017088);  // [B T D]
    eval_05_linear_add_rmsnorm(stream, mixed_2, out__2, x_2, ffnNorm_2, add_2, rmsnorm_ffnNorm_2);
    bf16* const router = halves(908288 + layer * 2048);  // [D E]
    float* const linear_router = floats(10919936);  // [B T E]
    fwd_14_linear(stream, rmsnorm_ffnNorm_2, router, linear_router, bytes(9871360));
    float* const gates = floats(10002432);  // [B T topK]
    int32_t* const choice = ints(10035200);  // [B T topK] i32
    int32_t* const slot = ints(17211392);  // [B T topK] i32
    int32_t* const source = ints(10067968);  // [rows] i32
    int32_t* const offsets = ints(17244160);  // [E+1] i32
    int32_t* const load = ints(10104832);  // [E] i32
    float* const probabilities = floats(9871360);  // [B T E]
    float* const balance = floats(20881408 + layer * 4);  // []
    fwd_15_route(stream, linear_router, gates, choice, slot, source, offsets, load, probabilities, balance, bytes(10100736));
    float* const pick = floats(9871360);  // [E rows]
    fwd_16_pick(stream, gates, source, pick);
    bf16* const gate_2 = halves(914432 + layer * 131072);  // [E D F]
    bf16* const up_2 = halves(1307648 + layer * 131072);  // [E D F]
    bf16* const weigh = halves(16162816);  // [E rows F]
    eval_06_linear_dispatch_swiglu(stream, rmsnorm_ffnNorm_2, source, gate_2, offsets, up_2, pick, weigh);
    bf16* const down_2 = halves(1700864 + layer * 131072);  // [E F D]
    bf16* const routed = halves(9871360);  // [E rows D]
    fwd_18_linear(stream, weigh, down_2, offsets, routed);
    bf16* const sharedGate = halves(2094080 + layer * 32768);  // [D S]
    bf16* const sharedUp = halves(2192384 + layer * 32768);  // [D S]
    bf16* const swiglu_2 = halves(16162816);  // [B T S]
    eval_07_linear_swiglu(stream, rmsnorm_ffnNorm_2, sharedGate, sharedUp, swiglu_2);
    bf16* const combine = halves(13017088);  // [B T D]
    fwd_19_combine(stream, routed, slot, combine);
    bf16* const sharedDown = halves(2290688 + layer * 32768);  // [S D]
    bf16* const x_3 = halves(14065664 + ((layer + 1) % 2) * 1048576);  // [B T D]
    fwd_21_linear_add(stream, swiglu_2, sharedDown, combine, add_2, x_3);
  }
  bf16* const x_4 = halves(15114240);  // [B T D]
  float* const norm = floats(2388992);  // [D]
  bf16* const rmsnorm_norm = halves(9871360);  // [B T D]
  fwd_22_rmsnorm(stream, x_4, norm, rmsnorm_norm);
  bf16* const head = halves(2389504);  // [V D]
  float* const loss = floats(11100160);  // []
  float* const lse_3 = floats(11083776);  // [B T]
  eval_08_linearCrossEntropy(stream, rmsnorm_norm, head, targets, loss, lse_3, bytes(10919936));
  float* const balance_2 = floats(20881408);  // [layers]
  float* const sumOver = floats(9871360);  // []
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
  bf16* const lookup_embed = halves(17211392);  // [B T D]
  fwd_01_lookup(stream, embed, tokens, lookup_embed);
  float* const attnNorm = floats(65536);  // [D]
  bf16* const rmsnorm_attnNorm = halves(11968512);  // [B T D]
  eval_01_rmsnorm(stream, lookup_embed, attnNorm, rmsnorm_attnNorm);
  bf16* const kvDown = halves(115200);  // [D C]
  float* const kvNorm = floats(135680);  // [C]
  bf16* const latent = halves(19308544);  // [B T C]
  eval_02_linear_rmsnorm(stream, rmsnorm_attnNorm, kvDown, kvNorm, latent);
  bf16* const kRope = halves(131584);  // [D R]
  bf16* const linear_kRope = halves(13017088);  // [B T R]
  fwd_04_linear(stream, rmsnorm_attnNorm, kRope, linear_kRope, bytes(9871360));
  bf16* const q = halves(66048);  // [D H N+R]
  float* const qNorm = floats(168704);  // [N+R]
  bf16* const rope = halves(14065664);  // [B T H N+R]
  eval_03_linear_rmsnorm_rope(stream, rmsnorm_attnNorm, q, qNorm, rope, floats(9854976), floats(9863168));
  bf16* const k_ = halves(135936);  // [C H N]
  float* const kNorm = floats(168960);  // [N+R]
  bf16* const rope_2 = halves(15638528);  // [B T H N+R]
  fwd_06_linear_expand_concat(stream, latent, k_, linear_kRope, kNorm, rope_2, floats(9854976), floats(9863168));
  bf16* const v = halves(152320);  // [C H U]
  bf16* const linear_v = halves(18259968);  // [B T H U]
  fwd_07_linear(stream, latent, v, linear_v, bytes(9871360));
  bf16* const mixed = halves(9871360);  // [B T H U]
  float* const lse = floats(10919936);  // [B T H]
  fwd_08_attention(stream, rope, rope_2, linear_v, mixed, lse);
  bf16* const out_ = halves(169216);  // [H U D]
  float* const ffnNorm = floats(201984);  // [D]
  bf16* const add = halves(13017088);  // [B T D]
  bf16* const rmsnorm_ffnNorm = halves(14065664);  // [B T D]
  fwd_09_linear_add_rmsnorm(stream, mixed, out_, lookup_embed, ffnNorm, add, rmsnorm_ffnNorm);
  bf16* const gate = halves(202496);  // [D W]
  bf16* const up = halves(300800);  // [D W]
  bf16* const swiglu = halves(9871360);  // [B T W]
  eval_04_linear_swiglu(stream, rmsnorm_ffnNorm, gate, up, swiglu);
  bf16* const down = halves(399104);  // [W D]
  bf16* const x = halves(14065664);  // [B T D]
  fwd_11_linear_add(stream, swiglu, down, add, x);
  for (int64_t layer = 0; layer < 3; ++layer) {  // model.ts:57   for (const layer of p.layers) x = layer(x);
    bf16* const x_2 = halves(14065664 + (layer % 2) * 1048576);  // [B T D]
    float* const attnNorm_2 = floats(497408 + layer * 512);  // [D]
    bf16* const rmsnorm_attnNorm_2 = halves(11968512);  // [B T D]
    fwd_12_rmsnorm(stream, x_2, attnNorm_2, rmsnorm_attnNorm_2);
    bf16* const kvDown_2 = halves(646400 + layer * 16384);  // [D C]
    float* const kvNorm_2 = floats(707840 + layer * 256);  // [C]
    bf16* const latent_2 = halves(20357120);  // [B T C]
    eval_02_linear_rmsnorm(stream, rmsnorm_attnNorm_2, kvDown_2, kvNorm_2, latent_2);
    bf16* const kRope_2 = halves(695552 + layer * 4096);  // [D R]
    bf16* const linear_kRope_2 = halves(13017088);  // [B T R]
    fwd_04_linear(stream, rmsnorm_attnNorm_2, kRope_2, linear_kRope_2, bytes(9871360));
    bf16* const q_2 = halves(498944 + layer * 49152);  // [D H N+R]
    float* const qNorm_2 = floats(806912 + layer * 192);  // [N+R]
    bf16* const rope_3 = halves(16162816);  // [B T H N+R]
    eval_03_linear_rmsnorm_rope(stream, rmsnorm_attnNorm_2, q_2, qNorm_2, rope_3, floats(9854976), floats(9863168));
    bf16* const k__2 = halves(708608 + layer * 16384);  // [C H N]
    float* const kNorm_2 = floats(807680 + layer * 192);  // [N+R]
    bf16* const rope_4 = halves(17735680);  // [B T H N+R]
    fwd_06_linear_expand_concat(stream, latent_2, k__2, linear_kRope_2, kNorm_2, rope_4, floats(9854976), floats(9863168));
    bf16* const v_2 = halves(757760 + layer * 16384);  // [C H U]
    bf16* const linear_v_2 = halves(19308544);  // [B T H U]
    fwd_07_linear(stream, latent_2, v_2, linear_v_2, bytes(9871360));
    bf16* const mixed_2 = halves(9871360);  // [B T H U]
    float* const lse_2 = floats(10919936);  // [B T H]
    fwd_08_attention(stream, rope_3, rope_4, linear_v_2, mixed_2, lse_2);
    bf16* const out__2 = halves(808448 + layer * 32768);  // [H U D]
    float* const ffnNorm_2 = floats(906752 + layer * 512);  // [D]
    bf16* const add_2 = halves(11968512);  // [B T D]
    bf16* const rmsnorm_ffnNorm_2 = halves(13017088);  // [B T D]
    eval_05_linear_add_rmsnorm(stream, mixed_2, out__2, x_2, ffnNorm_2, add_2, rmsnorm_ffnNorm_2);
    bf16* const router = halves(908288 + layer * 2048);  // [D E]
    float* const linear_router = floats(10919936);  // [B T E]
    fwd_14_linear(stream, rmsnorm_ffnNorm_2, router, linear_router, bytes(9871360));
    float* const gates = floats(10002432);  // [B T topK]
    int32_t* const choice = ints(10035200);  // [B T topK] i32
    int32_t* const slot = ints(17211392);  // [B T topK] i32
    int32_t* const source = ints(10067968);  // [rows] i32
    int32_t* const offsets = ints(17244160);  // [E+1] i32
    int32_t* const load = ints(10104832);  // [E] i32
    float* const probabilities = floats(9871360);  // [B T E]
    float* const balance = floats(10105088);  // []
    fwd_15_route(stream, linear_router, gates, choice, slot, source, offsets, load, probabilities, balance, bytes(10100736));
    float* const pick = floats(9871360);  // [E rows]
    fwd_16_pick(stream, gates, source, pick);
    bf16* const gate_2 = halves(914432 + layer * 131072);  // [E D F]
    bf16* const up_2 = halves(1307648 + layer * 131072);  // [E D F]
    bf16* const weigh = halves(16162816);  // [E rows F]
    eval_06_linear_dispatch_swiglu(stream, rmsnorm_ffnNorm_2, source, gate_2, offsets, up_2, pick, weigh);
    bf16* const down_2 = halves(1700864 + layer * 131072);  // [E F D]
    bf16* const routed = halves(9871360);  // [E rows D]
    fwd_18_linear(stream, weigh, down_2, offsets, routed);
    bf16* const sharedGate = halves(2094080 + layer * 32768);  // [D S]
    bf16* const sharedUp = halves(2192384 + layer * 32768);  // [D S]
    bf16* const swiglu_2 = halves(16162816);  // [B T S]
    eval_07_linear_swiglu(stream, rmsnorm_ffnNorm_2, sharedGate, sharedUp, swiglu_2);
    bf16* const combine = halves(13017088);  // [B T D]
    fwd_19_combine(stream, routed, slot, combine);
    bf16* const sharedDown = halves(2290688 + layer * 32768);  // [S D]
    bf16* const x_3 = halves(14065664 + ((layer + 1) % 2) * 1048576);  // [B T D]
    fwd_21_linear_add(stream, swiglu_2, sharedDown, combine, add_2, x_3);
  }
  bf16* const x_4 = halves(15114240);  // [B T D]
  float* const norm = floats(2388992);  // [D]
  bf16* const rmsnorm_norm = halves(9871360);  // [B T D]
  fwd_22_rmsnorm(stream, x_4, norm, rmsnorm_norm);
  bf16* const head = halves(2389504);  // [V D]
  next_01_nextLogits(stream, rmsnorm_norm, head, at, logits);
}

}  // namespace mlac
