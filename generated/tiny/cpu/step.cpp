// The programs of tiny: which kernel runs when, on which part of the arena. Emitted by mlac.
#include "kernels.h"
#include "rank.h"

namespace mlac {

const int64_t ARENA_BYTES = 176206272;
const int64_t SEQUENCES = 16, LENGTH = 256, VOCABULARY = 256;

const Tensor TENSORS[] = {
    {"embed", Role::parameter, 0, 131072, 0, 0 },
    {"first.attnNorm", Role::parameter, 131072, 512, 1, 0 },
    {"first.attn.q", Role::parameter, 131584, 98304, 2, 0 },
    {"first.attn.kvDown", Role::parameter, 229888, 32768, 3, 0 },
    {"first.attn.kRope", Role::parameter, 262656, 8192, 4, 0 },
    {"first.attn.kvNorm", Role::parameter, 270848, 256, 5, 0 },
    {"first.attn.k", Role::parameter, 271104, 32768, 6, 0 },
    {"first.attn.v", Role::parameter, 303872, 32768, 7, 0 },
    {"first.attn.qNorm", Role::parameter, 336640, 192, 8, 0 },
    {"first.attn.kNorm", Role::parameter, 336832, 192, 9, 0 },
    {"first.attn.out", Role::parameter, 337024, 65536, 10, 0 },
    {"first.ffnNorm", Role::parameter, 402560, 512, 11, 0 },
    {"first.ffn.gate", Role::parameter, 403072, 196608, 12, 0 },
    {"first.ffn.up", Role::parameter, 599680, 196608, 13, 0 },
    {"first.ffn.down", Role::parameter, 796288, 196608, 14, 0 },
    {"layers.0.attnNorm", Role::parameter, 992896, 512, 15, 0 },
    {"layers.1.attnNorm", Role::parameter, 993408, 512, 15, 1 },
    {"layers.2.attnNorm", Role::parameter, 993920, 512, 15, 2 },
    {"layers.0.attn.q", Role::parameter, 994432, 98304, 16, 0 },
    {"layers.1.attn.q", Role::parameter, 1092736, 98304, 16, 1 },
    {"layers.2.attn.q", Role::parameter, 1191040, 98304, 16, 2 },
    {"layers.0.attn.kvDown", Role::parameter, 1289344, 32768, 17, 0 },
    {"layers.1.attn.kvDown", Role::parameter, 1322112, 32768, 17, 1 },
    {"layers.2.attn.kvDown", Role::parameter, 1354880, 32768, 17, 2 },
    {"layers.0.attn.kRope", Role::parameter, 1387648, 8192, 18, 0 },
    {"layers.1.attn.kRope", Role::parameter, 1395840, 8192, 18, 1 },
    {"layers.2.attn.kRope", Role::parameter, 1404032, 8192, 18, 2 },
    {"layers.0.attn.kvNorm", Role::parameter, 1412224, 256, 19, 0 },
    {"layers.1.attn.kvNorm", Role::parameter, 1412480, 256, 19, 1 },
    {"layers.2.attn.kvNorm", Role::parameter, 1412736, 256, 19, 2 },
    {"layers.0.attn.k", Role::parameter, 1412992, 32768, 20, 0 },
    {"layers.1.attn.k", Role::parameter, 1445760, 32768, 20, 1 },
    {"layers.2.attn.k", Role::parameter, 1478528, 32768, 20, 2 },
    {"layers.0.attn.v", Role::parameter, 1511296, 32768, 21, 0 },
    {"layers.1.attn.v", Role::parameter, 1544064, 32768, 21, 1 },
    {"layers.2.attn.v", Role::parameter, 1576832, 32768, 21, 2 },
    {"layers.0.attn.qNorm", Role::parameter, 1609600, 192, 22, 0 },
    {"layers.1.attn.qNorm", Role::parameter, 1609792, 192, 22, 1 },
    {"layers.2.attn.qNorm", Role::parameter, 1609984, 192, 22, 2 },
    {"layers.0.attn.kNorm", Role::parameter, 1610176, 192, 23, 0 },
    {"layers.1.attn.kNorm", Role::parameter, 1610368, 192, 23, 1 },
    {"layers.2.attn.kNorm", Role::parameter, 1610560, 192, 23, 2 },
    {"layers.0.attn.out", Role::parameter, 1610752, 65536, 24, 0 },
    {"layers.1.attn.out", Role::parameter, 1676288, 65536, 24, 1 },
    {"layers.2.attn.out", Role::parameter, 1741824, 65536, 24, 2 },
    {"layers.0.ffnNorm", Role::parameter, 1807360, 512, 25, 0 },
    {"layers.1.ffnNorm", Role::parameter, 1807872, 512, 25, 1 },
    {"layers.2.ffnNorm", Role::parameter, 1808384, 512, 25, 2 },
    {"layers.0.moe.router", Role::parameter, 1808896, 4096, 26, 0 },
    {"layers.1.moe.router", Role::parameter, 1812992, 4096, 26, 1 },
    {"layers.2.moe.router", Role::parameter, 1817088, 4096, 26, 2 },
    {"layers.0.moe.gate", Role::parameter, 1821184, 262144, 27, 0 },
    {"layers.1.moe.gate", Role::parameter, 2083328, 262144, 27, 1 },
    {"layers.2.moe.gate", Role::parameter, 2345472, 262144, 27, 2 },
    {"layers.0.moe.up", Role::parameter, 2607616, 262144, 28, 0 },
    {"layers.1.moe.up", Role::parameter, 2869760, 262144, 28, 1 },
    {"layers.2.moe.up", Role::parameter, 3131904, 262144, 28, 2 },
    {"layers.0.moe.down", Role::parameter, 3394048, 262144, 29, 0 },
    {"layers.1.moe.down", Role::parameter, 3656192, 262144, 29, 1 },
    {"layers.2.moe.down", Role::parameter, 3918336, 262144, 29, 2 },
    {"layers.0.moe.sharedGate", Role::parameter, 4180480, 65536, 30, 0 },
    {"layers.1.moe.sharedGate", Role::parameter, 4246016, 65536, 30, 1 },
    {"layers.2.moe.sharedGate", Role::parameter, 4311552, 65536, 30, 2 },
    {"layers.0.moe.sharedUp", Role::parameter, 4377088, 65536, 31, 0 },
    {"layers.1.moe.sharedUp", Role::parameter, 4442624, 65536, 31, 1 },
    {"layers.2.moe.sharedUp", Role::parameter, 4508160, 65536, 31, 2 },
    {"layers.0.moe.sharedDown", Role::parameter, 4573696, 65536, 32, 0 },
    {"layers.1.moe.sharedDown", Role::parameter, 4639232, 65536, 32, 1 },
    {"layers.2.moe.sharedDown", Role::parameter, 4704768, 65536, 32, 2 },
    {"norm", Role::parameter, 4770304, 512, 33, 0 },
    {"head", Role::parameter, 4770816, 131072, 34, 0 },
    {"grad.embed", Role::gradient, 4901888, 131072, 0, 0 },
    {"grad.first.attnNorm", Role::gradient, 5032960, 512, 1, 0 },
    {"grad.first.attn.q", Role::gradient, 5033472, 98304, 2, 0 },
    {"grad.first.attn.kvDown", Role::gradient, 5131776, 32768, 3, 0 },
    {"grad.first.attn.kRope", Role::gradient, 5164544, 8192, 4, 0 },
    {"grad.first.attn.kvNorm", Role::gradient, 5172736, 256, 5, 0 },
    {"grad.first.attn.k", Role::gradient, 5172992, 32768, 6, 0 },
    {"grad.first.attn.v", Role::gradient, 5205760, 32768, 7, 0 },
    {"grad.first.attn.qNorm", Role::gradient, 5238528, 192, 8, 0 },
    {"grad.first.attn.kNorm", Role::gradient, 5238720, 192, 9, 0 },
    {"grad.first.attn.out", Role::gradient, 5238912, 65536, 10, 0 },
    {"grad.first.ffnNorm", Role::gradient, 5304448, 512, 11, 0 },
    {"grad.first.ffn.gate", Role::gradient, 5304960, 196608, 12, 0 },
    {"grad.first.ffn.up", Role::gradient, 5501568, 196608, 13, 0 },
    {"grad.first.ffn.down", Role::gradient, 5698176, 196608, 14, 0 },
    {"grad.layers.0.attnNorm", Role::gradient, 5894784, 512, 15, 0 },
    {"grad.layers.1.attnNorm", Role::gradient, 5895296, 512, 15, 1 },
    {"grad.layers.2.attnNorm", Role::gradient, 5895808, 512, 15, 2 },
    {"grad.layers.0.attn.q", Role::gradient, 5896320, 98304, 16, 0 },
    {"grad.layers.1.attn.q", Role::gradient, 5994624, 98304, 16, 1 },
    {"grad.layers.2.attn.q", Role::gradient, 6092928, 98304, 16, 2 },
    {"grad.layers.0.attn.kvDown", Role::gradient, 6191232, 32768, 17, 0 },
    {"grad.layers.1.attn.kvDown", Role::gradient, 6224000, 32768, 17, 1 },
    {"grad.layers.2.attn.kvDown", Role::gradient, 6256768, 32768, 17, 2 },
    {"grad.layers.0.attn.kRope", Role::gradient, 6289536, 8192, 18, 0 },
    {"grad.layers.1.attn.kRope", Role::gradient, 6297728, 8192, 18, 1 },
    {"grad.layers.2.attn.kRope", Role::gradient, 6305920, 8192, 18, 2 },
    {"grad.layers.0.attn.kvNorm", Role::gradient, 6314112, 256, 19, 0 },
    {"grad.layers.1.attn.kvNorm", Role::gradient, 6314368, 256, 19, 1 },
    {"grad.layers.2.attn.kvNorm", Role::gradient, 6314624, 256, 19, 2 },
    {"grad.layers.0.attn.k", Role::gradient, 6314880, 32768, 20, 0 },
    {"grad.layers.1.attn.k", Role::gradient, 6347648, 32768, 20, 1 },
    {"grad.layers.2.attn.k", Role::gradient, 6380416, 32768, 20, 2 },
    {"grad.layers.0.attn.v", Role::gradient, 6413184, 32768, 21, 0 },
    {"grad.layers.1.attn.v", Role::gradient, 6445952, 32768, 21, 1 },
    {"grad.layers.2.attn.v", Role::gradient, 6478720, 32768, 21, 2 },
    {"grad.layers.0.attn.qNorm", Role::gradient, 6511488, 192, 22, 0 },
    {"grad.layers.1.attn.qNorm", Role::gradient, 6511680, 192, 22, 1 },
    {"grad.layers.2.attn.qNorm", Role::gradient, 6511872, 192, 22, 2 },
    {"grad.layers.0.attn.kNorm", Role::gradient, 6512064, 192, 23, 0 },
    {"grad.layers.1.attn.kNorm", Role::gradient, 6512256, 192, 23, 1 },
    {"grad.layers.2.attn.kNorm", Role::gradient, 6512448, 192, 23, 2 },
    {"grad.layers.0.attn.out", Role::gradient, 6512640, 65536, 24, 0 },
    {"grad.layers.1.attn.out", Role::gradient, 6578176, 65536, 24, 1 },
    {"grad.layers.2.attn.out", Role::gradient, 6643712, 65536, 24, 2 },
    {"grad.layers.0.ffnNorm", Role::gradient, 6709248, 512, 25, 0 },
    {"grad.layers.1.ffnNorm", Role::gradient, 6709760, 512, 25, 1 },
    {"grad.layers.2.ffnNorm", Role::gradient, 6710272, 512, 25, 2 },
    {"grad.layers.0.moe.router", Role::gradient, 6710784, 4096, 26, 0 },
    {"grad.layers.1.moe.router", Role::gradient, 6714880, 4096, 26, 1 },
    {"grad.layers.2.moe.router", Role::gradient, 6718976, 4096, 26, 2 },
    {"grad.layers.0.moe.gate", Role::gradient, 6723072, 262144, 27, 0 },
    {"grad.layers.1.moe.gate", Role::gradient, 6985216, 262144, 27, 1 },
    {"grad.layers.2.moe.gate", Role::gradient, 7247360, 262144, 27, 2 },
    {"grad.layers.0.moe.up", Role::gradient, 7509504, 262144, 28, 0 },
    {"grad.layers.1.moe.up", Role::gradient, 7771648, 262144, 28, 1 },
    {"grad.layers.2.moe.up", Role::gradient, 8033792, 262144, 28, 2 },
    {"grad.layers.0.moe.down", Role::gradient, 8295936, 262144, 29, 0 },
    {"grad.layers.1.moe.down", Role::gradient, 8558080, 262144, 29, 1 },
    {"grad.layers.2.moe.down", Role::gradient, 8820224, 262144, 29, 2 },
    {"grad.layers.0.moe.sharedGate", Role::gradient, 9082368, 65536, 30, 0 },
    {"grad.layers.1.moe.sharedGate", Role::gradient, 9147904, 65536, 30, 1 },
    {"grad.layers.2.moe.sharedGate", Role::gradient, 9213440, 65536, 30, 2 },
    {"grad.layers.0.moe.sharedUp", Role::gradient, 9278976, 65536, 31, 0 },
    {"grad.layers.1.moe.sharedUp", Role::gradient, 9344512, 65536, 31, 1 },
    {"grad.layers.2.moe.sharedUp", Role::gradient, 9410048, 65536, 31, 2 },
    {"grad.layers.0.moe.sharedDown", Role::gradient, 9475584, 65536, 32, 0 },
    {"grad.layers.1.moe.sharedDown", Role::gradient, 9541120, 65536, 32, 1 },
    {"grad.layers.2.moe.sharedDown", Role::gradient, 9606656, 65536, 32, 2 },
    {"grad.norm", Role::gradient, 9672192, 512, 33, 0 },
    {"grad.head", Role::gradient, 9672704, 131072, 34, 0 },
    {"load.layers", Role::load, 9803776, 96, -1, 0 },
    {"adamw.m.embed", Role::moment1, 171022784, 131072, 0, 0 },
    {"adamw.v.embed", Role::moment2, 171153856, 131072, 0, 0 },
    {"adamw.m.first.attnNorm", Role::moment1, 171284928, 512, 1, 0 },
    {"adamw.v.first.attnNorm", Role::moment2, 171285440, 512, 1, 0 },
    {"momentum.first.attn.q", Role::momentum, 171285952, 98304, 2, 0 },
    {"momentum.first.attn.kvDown", Role::momentum, 171384256, 32768, 3, 0 },
    {"momentum.first.attn.kRope", Role::momentum, 171417024, 8192, 4, 0 },
    {"adamw.m.first.attn.kvNorm", Role::moment1, 171425216, 256, 5, 0 },
    {"adamw.v.first.attn.kvNorm", Role::moment2, 171425472, 256, 5, 0 },
    {"momentum.first.attn.k", Role::momentum, 171425728, 32768, 6, 0 },
    {"momentum.first.attn.v", Role::momentum, 171458496, 32768, 7, 0 },
    {"adamw.m.first.attn.qNorm", Role::moment1, 171491264, 192, 8, 0 },
    {"adamw.v.first.attn.qNorm", Role::moment2, 171491456, 192, 8, 0 },
    {"adamw.m.first.attn.kNorm", Role::moment1, 171491648, 192, 9, 0 },
    {"adamw.v.first.attn.kNorm", Role::moment2, 171491840, 192, 9, 0 },
    {"momentum.first.attn.out", Role::momentum, 171492032, 65536, 10, 0 },
    {"adamw.m.first.ffnNorm", Role::moment1, 171557568, 512, 11, 0 },
    {"adamw.v.first.ffnNorm", Role::moment2, 171558080, 512, 11, 0 },
    {"momentum.first.ffn.gate", Role::momentum, 171558592, 196608, 12, 0 },
    {"momentum.first.ffn.up", Role::momentum, 171755200, 196608, 13, 0 },
    {"momentum.first.ffn.down", Role::momentum, 171951808, 196608, 14, 0 },
    {"adamw.m.layers.0.attnNorm", Role::moment1, 172148416, 512, 15, 0 },
    {"adamw.m.layers.1.attnNorm", Role::moment1, 172148928, 512, 15, 1 },
    {"adamw.m.layers.2.attnNorm", Role::moment1, 172149440, 512, 15, 2 },
    {"adamw.v.layers.0.attnNorm", Role::moment2, 172149952, 512, 15, 0 },
    {"adamw.v.layers.1.attnNorm", Role::moment2, 172150464, 512, 15, 1 },
    {"adamw.v.layers.2.attnNorm", Role::moment2, 172150976, 512, 15, 2 },
    {"momentum.layers.0.attn.q", Role::momentum, 172151488, 98304, 16, 0 },
    {"momentum.layers.1.attn.q", Role::momentum, 172249792, 98304, 16, 1 },
    {"momentum.layers.2.attn.q", Role::momentum, 172348096, 98304, 16, 2 },
    {"momentum.layers.0.attn.kvDown", Role::momentum, 172446400, 32768, 17, 0 },
    {"momentum.layers.1.attn.kvDown", Role::momentum, 172479168, 32768, 17, 1 },
    {"momentum.layers.2.attn.kvDown", Role::momentum, 172511936, 32768, 17, 2 },
    {"momentum.layers.0.attn.kRope", Role::momentum, 172544704, 8192, 18, 0 },
    {"momentum.layers.1.attn.kRope", Role::momentum, 172552896, 8192, 18, 1 },
    {"momentum.layers.2.attn.kRope", Role::momentum, 172561088, 8192, 18, 2 },
    {"adamw.m.layers.0.attn.kvNorm", Role::moment1, 172569280, 256, 19, 0 },
    {"adamw.m.layers.1.attn.kvNorm", Role::moment1, 172569536, 256, 19, 1 },
    {"adamw.m.layers.2.attn.kvNorm", Role::moment1, 172569792, 256, 19, 2 },
    {"adamw.v.layers.0.attn.kvNorm", Role::moment2, 172570048, 256, 19, 0 },
    {"adamw.v.layers.1.attn.kvNorm", Role::moment2, 172570304, 256, 19, 1 },
    {"adamw.v.layers.2.attn.kvNorm", Role::moment2, 172570560, 256, 19, 2 },
    {"momentum.layers.0.attn.k", Role::momentum, 172570816, 32768, 20, 0 },
    {"momentum.layers.1.attn.k", Role::momentum, 172603584, 32768, 20, 1 },
    {"momentum.layers.2.attn.k", Role::momentum, 172636352, 32768, 20, 2 },
    {"momentum.layers.0.attn.v", Role::momentum, 172669120, 32768, 21, 0 },
    {"momentum.layers.1.attn.v", Role::momentum, 172701888, 32768, 21, 1 },
    {"momentum.layers.2.attn.v", Role::momentum, 172734656, 32768, 21, 2 },
    {"adamw.m.layers.0.attn.qNorm", Role::moment1, 172767424, 192, 22, 0 },
    {"adamw.m.layers.1.attn.qNorm", Role::moment1, 172767616, 192, 22, 1 },
    {"adamw.m.layers.2.attn.qNorm", Role::moment1, 172767808, 192, 22, 2 },
    {"adamw.v.layers.0.attn.qNorm", Role::moment2, 172768000, 192, 22, 0 },
    {"adamw.v.layers.1.attn.qNorm", Role::moment2, 172768192, 192, 22, 1 },
    {"adamw.v.layers.2.attn.qNorm", Role::moment2, 172768384, 192, 22, 2 },
    {"adamw.m.layers.0.attn.kNorm", Role::moment1, 172768576, 192, 23, 0 },
    {"adamw.m.layers.1.attn.kNorm", Role::moment1, 172768768, 192, 23, 1 },
    {"adamw.m.layers.2.attn.kNorm", Role::moment1, 172768960, 192, 23, 2 },
    {"adamw.v.layers.0.attn.kNorm", Role::moment2, 172769152, 192, 23, 0 },
    {"adamw.v.layers.1.attn.kNorm", Role::moment2, 172769344, 192, 23, 1 },
    {"adamw.v.layers.2.attn.kNorm", Role::moment2, 172769536, 192, 23, 2 },
    {"momentum.layers.0.attn.out", Role::momentum, 172769728, 65536, 24, 0 },
    {"momentum.layers.1.attn.out", Role::momentum, 172835264, 65536, 24, 1 },
    {"momentum.layers.2.attn.out", Role::momentum, 172900800, 65536, 24, 2 },
    {"adamw.m.layers.0.ffnNorm", Role::moment1, 172966336, 512, 25, 0 },
    {"adamw.m.layers.1.ffnNorm", Role::moment1, 172966848, 512, 25, 1 },
    {"adamw.m.layers.2.ffnNorm", Role::moment1, 172967360, 512, 25, 2 },
    {"adamw.v.layers.0.ffnNorm", Role::moment2, 172967872, 512, 25, 0 },
    {"adamw.v.layers.1.ffnNorm", Role::moment2, 172968384, 512, 25, 1 },
    {"adamw.v.layers.2.ffnNorm", Role::moment2, 172968896, 512, 25, 2 },
    {"adamw.m.layers.0.moe.router", Role::moment1, 172969408, 4096, 26, 0 },
    {"adamw.m.layers.1.moe.router", Role::moment1, 172973504, 4096, 26, 1 },
    {"adamw.m.layers.2.moe.router", Role::moment1, 172977600, 4096, 26, 2 },
    {"adamw.v.layers.0.moe.router", Role::moment2, 172981696, 4096, 26, 0 },
    {"adamw.v.layers.1.moe.router", Role::moment2, 172985792, 4096, 26, 1 },
    {"adamw.v.layers.2.moe.router", Role::moment2, 172989888, 4096, 26, 2 },
    {"momentum.layers.0.moe.gate", Role::momentum, 172993984, 262144, 27, 0 },
    {"momentum.layers.1.moe.gate", Role::momentum, 173256128, 262144, 27, 1 },
    {"momentum.layers.2.moe.gate", Role::momentum, 173518272, 262144, 27, 2 },
    {"momentum.layers.0.moe.up", Role::momentum, 173780416, 262144, 28, 0 },
    {"momentum.layers.1.moe.up", Role::momentum, 174042560, 262144, 28, 1 },
    {"momentum.layers.2.moe.up", Role::momentum, 174304704, 262144, 28, 2 },
    {"momentum.layers.0.moe.down", Role::momentum, 174566848, 262144, 29, 0 },
    {"momentum.layers.1.moe.down", Role::momentum, 174828992, 262144, 29, 1 },
    {"momentum.layers.2.moe.down", Role::momentum, 175091136, 262144, 29, 2 },
    {"momentum.layers.0.moe.sharedGate", Role::momentum, 175353280, 65536, 30, 0 },
    {"momentum.layers.1.moe.sharedGate", Role::momentum, 175418816, 65536, 30, 1 },
    {"momentum.layers.2.moe.sharedGate", Role::momentum, 175484352, 65536, 30, 2 },
    {"momentum.layers.0.moe.sharedUp", Role::momentum, 175549888, 65536, 31, 0 },
    {"momentum.layers.1.moe.sharedUp", Role::momentum, 175615424, 65536, 31, 1 },
    {"momentum.layers.2.moe.sharedUp", Role::momentum, 175680960, 65536, 31, 2 },
    {"momentum.layers.0.moe.sharedDown", Role::momentum, 175746496, 65536, 32, 0 },
    {"momentum.layers.1.moe.sharedDown", Role::momentum, 175812032, 65536, 32, 1 },
    {"momentum.layers.2.moe.sharedDown", Role::momentum, 175877568, 65536, 32, 2 },
    {"adamw.m.norm", Role::moment1, 175943104, 512, 33, 0 },
    {"adamw.v.norm", Role::moment2, 175943616, 512, 33, 0 },
    {"adamw.m.head", Role::moment1, 175944128, 131072, 34, 0 },
    {"adamw.v.head", Role::moment2, 176075200, 131072, 34, 0 },
};
const int64_t TENSOR_COUNT = 240;

const Start STARTS[] = {
    {0, 32768, 0.02, 0},  // embed
    {131072, 128, 0, 1},  // first.attnNorm
    {131584, 24576, 0.08838834764831843, 0},  // first.attn.q
    {229888, 8192, 0.08838834764831843, 0},  // first.attn.kvDown
    {262656, 2048, 0.08838834764831843, 0},  // first.attn.kRope
    {270848, 64, 0, 1},  // first.attn.kvNorm
    {271104, 8192, 0.125, 0},  // first.attn.k
    {303872, 8192, 0.125, 0},  // first.attn.v
    {336640, 48, 0, 1},  // first.attn.qNorm
    {336832, 48, 0, 1},  // first.attn.kNorm
    {337024, 16384, 0.08838834764831843, 0},  // first.attn.out
    {402560, 128, 0, 1},  // first.ffnNorm
    {403072, 49152, 0.08838834764831843, 0},  // first.ffn.gate
    {599680, 49152, 0.08838834764831843, 0},  // first.ffn.up
    {796288, 49152, 0.051031036307982884, 0},  // first.ffn.down
    {992896, 384, 0, 1},  // layers.attnNorm
    {994432, 73728, 0.08838834764831843, 0},  // layers.attn.q
    {1289344, 24576, 0.08838834764831843, 0},  // layers.attn.kvDown
    {1387648, 6144, 0.08838834764831843, 0},  // layers.attn.kRope
    {1412224, 192, 0, 1},  // layers.attn.kvNorm
    {1412992, 24576, 0.125, 0},  // layers.attn.k
    {1511296, 24576, 0.125, 0},  // layers.attn.v
    {1609600, 144, 0, 1},  // layers.attn.qNorm
    {1610176, 144, 0, 1},  // layers.attn.kNorm
    {1610752, 49152, 0.08838834764831843, 0},  // layers.attn.out
    {1807360, 384, 0, 1},  // layers.ffnNorm
    {1808896, 3072, 0.02, 0},  // layers.moe.router
    {1821184, 196608, 0.08838834764831843, 0},  // layers.moe.gate
    {2607616, 196608, 0.08838834764831843, 0},  // layers.moe.up
    {3394048, 196608, 0.125, 0},  // layers.moe.down
    {4180480, 49152, 0.08838834764831843, 0},  // layers.moe.sharedGate
    {4377088, 49152, 0.08838834764831843, 0},  // layers.moe.sharedUp
    {4573696, 49152, 0.08838834764831843, 0},  // layers.moe.sharedDown
    {4770304, 128, 0, 1},  // norm
    {4770816, 32768, 0.02, 0},  // head
};
const int64_t START_COUNT = 35;

// What ranks share out: slices, units of a slice, numbers of a unit, moments of a number; places of weights and gradients.
const Trained TRAINED[] = {
    {1, 256, 128, 2, 0, -1, 4901888},  // embed
    {1, 1, 128, 2, 131072, -1, 5032960},  // first.attnNorm
    {1, 1, 24576, 1, 131584, -1, 5033472},  // first.attn.q
    {1, 1, 8192, 1, 229888, -1, 5131776},  // first.attn.kvDown
    {1, 1, 2048, 1, 262656, -1, 5164544},  // first.attn.kRope
    {1, 1, 64, 2, 270848, -1, 5172736},  // first.attn.kvNorm
    {1, 1, 8192, 1, 271104, -1, 5172992},  // first.attn.k
    {1, 1, 8192, 1, 303872, -1, 5205760},  // first.attn.v
    {1, 1, 48, 2, 336640, -1, 5238528},  // first.attn.qNorm
    {1, 1, 48, 2, 336832, -1, 5238720},  // first.attn.kNorm
    {1, 1, 16384, 1, 337024, -1, 5238912},  // first.attn.out
    {1, 1, 128, 2, 402560, -1, 5304448},  // first.ffnNorm
    {1, 1, 49152, 1, 403072, -1, 5304960},  // first.ffn.gate
    {1, 1, 49152, 1, 599680, -1, 5501568},  // first.ffn.up
    {1, 1, 49152, 1, 796288, -1, 5698176},  // first.ffn.down
    {3, 1, 128, 2, 992896, -1, 5894784},  // layers.attnNorm
    {3, 1, 24576, 1, 994432, -1, 5896320},  // layers.attn.q
    {3, 1, 8192, 1, 1289344, -1, 6191232},  // layers.attn.kvDown
    {3, 1, 2048, 1, 1387648, -1, 6289536},  // layers.attn.kRope
    {3, 1, 64, 2, 1412224, -1, 6314112},  // layers.attn.kvNorm
    {3, 1, 8192, 1, 1412992, -1, 6314880},  // layers.attn.k
    {3, 1, 8192, 1, 1511296, -1, 6413184},  // layers.attn.v
    {3, 1, 48, 2, 1609600, -1, 6511488},  // layers.attn.qNorm
    {3, 1, 48, 2, 1610176, -1, 6512064},  // layers.attn.kNorm
    {3, 1, 16384, 1, 1610752, -1, 6512640},  // layers.attn.out
    {3, 1, 128, 2, 1807360, -1, 6709248},  // layers.ffnNorm
    {3, 128, 8, 2, 1808896, -1, 6710784},  // layers.moe.router
    {3, 8, 8192, 1, 1821184, -1, 6723072},  // layers.moe.gate
    {3, 8, 8192, 1, 2607616, -1, 7509504},  // layers.moe.up
    {3, 8, 8192, 1, 3394048, -1, 8295936},  // layers.moe.down
    {3, 1, 16384, 1, 4180480, -1, 9082368},  // layers.moe.sharedGate
    {3, 1, 16384, 1, 4377088, -1, 9278976},  // layers.moe.sharedUp
    {3, 1, 16384, 1, 4573696, -1, 9475584},  // layers.moe.sharedDown
    {1, 1, 128, 2, 4770304, -1, 9672192},  // norm
    {1, 256, 128, 2, 4770816, -1, 9672704},  // head
};
const int64_t TRAINED_COUNT = 35;
const int64_t STATE_ALIGNMENT = 64;

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
    {1, 19, 1},  // layers.attn.kvNorm
    {1, 21, 1},  // layers.attn.v
    {1, 20, 1},  // layers.attn.k
    {1, 22, 1},  // layers.attn.qNorm
    {1, 16, 1},  // layers.attn.q
    {1, 18, 1},  // layers.attn.kRope
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
const char* const BUCKET_NAMES[] = {"head norm", "a layer of layers: moe.sharedDown moe.down ffnNorm moe.sharedUp moe.sharedGate moe.up moe.gate moe.router attn.out attn.kNorm attn.kvNorm attn.v attn.k attn.qNorm attn.q attn.kRope attn.kvDown attnNorm", "first.ffn.down first.ffn.up first.ffn.gate first.ffnNorm first.attn.out first.attn.kNorm first.attn.v first.attn.k first.attn.qNorm first.attn.q first.attn.kRope first.attn.kvNorm first.attn.kvDown first.attnNorm embed", nullptr};

void micro_step(char* arena, [[maybe_unused]] const int32_t* tokens, [[maybe_unused]] const int32_t* targets, double loss_scale, bool first, [[maybe_unused]] Rank* rank, double* report) {
  const auto reals = [arena](int64_t byte) { return reinterpret_cast<real*>(arena + byte); };
  [[maybe_unused]] const auto ints = [arena](int64_t byte) { return reinterpret_cast<int32_t*>(arena + byte); };
  const real scale = real(loss_scale);
  [[maybe_unused]] const real* lossScale = &scale;
  // What is final goes to its owner behind the kernels that follow; without ranks nothing is to be sent.
  [[maybe_unused]] const auto gradients_final = [rank](int64_t bucket, int64_t round) { if (rank) rank->gradients_final(bucket, round); };
  report[0] = report[1] = 0;
  // Gradients are added to what is there, so the first micro-step of an accumulation starts from zero.
  if (first) std::memset(arena + 4901888, 0, 4901888);

  real* const embed = reals(0);  // [V D]
  real* const lookup_embed = reals(146118784);  // [B T D]
  fwd_01_lookup(embed, tokens, lookup_embed);
  real* const attnNorm = reals(131072);  // [D]
  real* const rmsnorm_attnNorm = reals(148215936);  // [B T D]
  fwd_02_rmsnorm(lookup_embed, attnNorm, rmsnorm_attnNorm);
  real* const kvDown = reals(229888);  // [D C]
  real* const linear_kvDown = reals(167090304);  // [B T C]
  fwd_03_linear(rmsnorm_attnNorm, kvDown, linear_kvDown);
  real* const kvNorm = reals(270848);  // [C]
  real* const latent = reals(168138880);  // [B T C]
  fwd_04_rmsnorm(linear_kvDown, kvNorm, latent);
  real* const kRope = reals(262656);  // [D R]
  real* const linear_kRope = reals(11901056);  // [B T R]
  fwd_05_linear(rmsnorm_attnNorm, kRope, linear_kRope);
  real* const q = reals(131584);  // [D H N+R]
  real* const linear_q = reals(117807232);  // [B T H N+R]
  fwd_06_linear(rmsnorm_attnNorm, q, linear_q);
  real* const qNorm = reals(336640);  // [N+R]
  real* const rope = reals(120952960);  // [B T H N+R]
  fwd_07_rmsnorm_rope(linear_q, qNorm, rope);
  real* const k_ = reals(271104);  // [C H N]
  real* const v = reals(303872);  // [C H U]
  real* const linear_k = reals(9803904);  // [B T H N]
  real* const linear_v = reals(150313088);  // [B T H U]
  fwd_08_linear(latent, k_, v, linear_k, linear_v);
  real* const kNorm = reals(336832);  // [N+R]
  real* const concat = reals(124098688);  // [B T H N+R]
  real* const rope_2 = reals(127244416);  // [B T H N+R]
  fwd_09_expand_concat_rmsnorm(linear_kRope, linear_k, kNorm, concat, rope_2);
  real* const mixed = reals(152410240);  // [B T H U]
  real* const lse = reals(170956928);  // [B T H]
  fwd_10_attention(rope, rope_2, linear_v, mixed, lse);
  real* const out_ = reals(337024);  // [H U D]
  real* const add = reals(154507392);  // [B T D]
  fwd_11_linear_add(mixed, out_, lookup_embed, add);
  real* const ffnNorm = reals(402560);  // [D]
  real* const rmsnorm_ffnNorm = reals(156604544);  // [B T D]
  fwd_12_rmsnorm(add, ffnNorm, rmsnorm_ffnNorm);
  real* const gate = reals(403072);  // [D W]
  real* const up = reals(599680);  // [D W]
  real* const linear_gate = reals(40212608);  // [B T W]
  real* const linear_up = reals(46504064);  // [B T W]
  real* const swiglu = reals(52795520);  // [B T W]
  fwd_13_linear_swiglu(rmsnorm_ffnNorm, gate, up, linear_gate, linear_up, swiglu);
  real* const down = reals(796288);  // [W D]
  real* const x = reals(31824000);  // [B T D]
  fwd_14_linear_add(swiglu, down, add, x);
  for (int64_t layer = 0; layer < 3; ++layer) {  // model.ts:57   for (const layer of p.layers) x = layer(x);
    real* const x_2 = reals(31824000 + layer * 2097152);  // [B T D]
    real* const attnNorm_2 = reals(992896 + layer * 512);  // [D]
    real* const rmsnorm_attnNorm_2 = reals(109418624);  // [B T D]
    fwd_15_rmsnorm(x_2, attnNorm_2, rmsnorm_attnNorm_2);
    real* const kvDown_2 = reals(1289344 + layer * 32768);  // [D C]
    real* const linear_kvDown_2 = reals(130390144 + layer * 1048576);  // [B T C]
    fwd_03_linear(rmsnorm_attnNorm_2, kvDown_2, linear_kvDown_2);
    real* const kvNorm_2 = reals(1412224 + layer * 256);  // [C]
    real* const latent_2 = reals(112564352);  // [B T C]
    fwd_04_rmsnorm(linear_kvDown_2, kvNorm_2, latent_2);
    real* const kRope_2 = reals(1387648 + layer * 8192);  // [D R]
    real* const linear_kRope_2 = reals(169187456 + layer * 262144);  // [B T R]
    fwd_05_linear(rmsnorm_attnNorm_2, kRope_2, linear_kRope_2);
    real* const q_2 = reals(994432 + layer * 98304);  // [D H N+R]
    real* const linear_q_2 = reals(22386816 + layer * 3145728);  // [B T H N+R]
    fwd_06_linear(rmsnorm_attnNorm_2, q_2, linear_q_2);
    real* const qNorm_2 = reals(1609600 + layer * 192);  // [N+R]
    real* const rope_3 = reals(109418624);  // [B T H N+R]
    fwd_07_rmsnorm_rope(linear_q_2, qNorm_2, rope_3);
    real* const k__2 = reals(1412992 + layer * 32768);  // [C H N]
    real* const v_2 = reals(1511296 + layer * 32768);  // [C H U]
    real* const linear_k_2 = reals(96835712 + layer * 2097152);  // [B T H N]
    real* const linear_v_2 = reals(90544256 + layer * 2097152);  // [B T H U]
    fwd_08_linear(latent_2, k__2, v_2, linear_k_2, linear_v_2);
    real* const kNorm_2 = reals(1610176 + layer * 192);  // [N+R]
    real* const rope_4 = reals(112564352);  // [B T H N+R]
    fwd_16_expand_concat_rmsnorm(linear_kRope_2, linear_k_2, kNorm_2, rope_4);
    real* const mixed_2 = reals(84252800 + layer * 2097152);  // [B T H U]
    real* const lse_2 = reals(170367104 + layer * 65536);  // [B T H]
    fwd_10_attention(rope_3, rope_4, linear_v_2, mixed_2, lse_2);
    real* const out__2 = reals(1610752 + layer * 65536);  // [H U D]
    real* const linear_out = reals(103127168 + layer * 2097152);  // [B T D]
    real* const add_2 = reals(109418624);  // [B T D]
    fwd_17_linear_add(mixed_2, out__2, x_2, linear_out, add_2);
    real* const ffnNorm_2 = reals(1807360 + layer * 512);  // [D]
    real* const rmsnorm_ffnNorm_2 = reals(111515776);  // [B T D]
    fwd_12_rmsnorm(add_2, ffnNorm_2, rmsnorm_ffnNorm_2);
    real* const router = reals(1808896 + layer * 4096);  // [D E]
    real* const linear_router = reals(113612928);  // [B T E]
    fwd_18_linear(rmsnorm_ffnNorm_2, router, linear_router);
    real* const gates = reals(170760320 + layer * 32768);  // [B T topK]
    int32_t* const choice = ints(170858624 + layer * 32768);  // [B T topK] i32
    int32_t* const slot = ints(170662016 + layer * 32768);  // [B T topK] i32
    int32_t* const source = ints(170563712 + layer * 32768);  // [rows] i32
    int32_t* const offsets = ints(171022464 + layer * 36);  // [E+1] i32
    int32_t* const load = ints(9803776 + layer * 32);  // [E] i32
    real* const probabilities = reals(169973888 + layer * 131072);  // [B T E]
    real* const balance = reals(115710080 + layer * 4);  // []
    fwd_19_route(linear_router, gates, choice, slot, source, offsets, load, probabilities, balance);
    real* const gate_2 = reals(1821184 + layer * 262144);  // [E D F]
    real* const up_2 = reals(2607616 + layer * 262144);  // [E D F]
    real* const linear_gate_2 = reals(71669888 + layer * 2097152);  // [E rows F]
    real* const linear_up_2 = reals(77961344 + layer * 2097152);  // [E rows F]
    fwd_20_linear_dispatch(rmsnorm_ffnNorm_2, source, gate_2, offsets, up_2, linear_gate_2, linear_up_2);
    real* const down_2 = reals(3394048 + layer * 262144);  // [E F D]
    real* const routed = reals(9803904 + layer * 4194304);  // [E rows D]
    fwd_21_linear_swiglu(linear_gate_2, linear_up_2, down_2, offsets, routed);
    real* const sharedGate = reals(4180480 + layer * 65536);  // [D S]
    real* const sharedUp = reals(4377088 + layer * 65536);  // [D S]
    real* const linear_sharedGate = reals(59086976 + layer * 2097152);  // [B T S]
    real* const linear_sharedUp = reals(65378432 + layer * 2097152);  // [B T S]
    fwd_22_linear(rmsnorm_ffnNorm_2, sharedGate, sharedUp, linear_sharedGate, linear_sharedUp);
    real* const combine = reals(111515776);  // [B T D]
    fwd_23_combine(routed, slot, gates, combine);
    real* const sharedDown = reals(4573696 + layer * 65536);  // [S D]
    real* const x_3 = reals(31824000 + (layer + 1) * 2097152);  // [B T D]
    fwd_24_linear_swiglu_add(linear_sharedGate, linear_sharedUp, sharedDown, combine, add_2, x_3);
  }
  real* const x_4 = reals(38115456);  // [B T D]
  real* const norm = reals(4770304);  // [D]
  real* const rmsnorm_norm = reals(109418624);  // [B T D]
  fwd_25_rmsnorm(x_4, norm, rmsnorm_norm);
  real* const head = reals(4770816);  // [V D]
  real* const loss = reals(171022592);  // []
  real* const d_x = reals(113612928);  // [B T D]
  real* const d_head = reals(9672704);  // [V D]
  bwd_01_linearCrossEntropyTrain(rmsnorm_norm, head, targets, lossScale, loss, d_x, d_head, reals(111515776));
  real* const balance_2 = reals(115710080);  // [layers]
  real* const sumOver = reals(171022656);  // []
  bwd_02_sumOver(balance_2, sumOver);
  real* const expand = reals(171022720);  // [layers]
  bwd_03_expand(lossScale, expand);
  real* const d_x_2 = reals(109418624);  // [B T D]
  real* const d_norm = reals(9672192);  // [D]
  bwd_04_rmsnormGradX_rmsnormGradGain(d_x, x_4, norm, d_x_2, d_norm, reals(115710080));
  gradients_final(0, 0);  // head norm
  for (int64_t round = 0; round < 3; ++round) {  // model.ts:57   for (const layer of p.layers) x = layer(x);, from the last to the first
    const int64_t layer = 3 - 1 - round;
    real* const d_x_3 = reals(109418624 + (round % 2) * 2097152);  // [B T D]
    real* const routed_2 = reals(9803904 + layer * 4194304);  // [E rows D]
    int32_t* const slot_2 = ints(170662016 + layer * 32768);  // [B T topK] i32
    real* const combine_grad_gates = reals(144152704);  // [B T topK]
    bwd_05_combineGradGates(d_x_3, routed_2, slot_2, combine_grad_gates);
    real* const sharedDown_2 = reals(4573696 + layer * 65536);  // [S D]
    real* const linear_sharedGate_2 = reals(59086976 + layer * 2097152);  // [B T S]
    real* const linear_sharedUp_2 = reals(65378432 + layer * 2097152);  // [B T S]
    real* const swiglu_grad_gate = reals(133535872);  // [B T S]
    real* const swiglu_grad_up = reals(135633024);  // [B T S]
    bwd_06_linearGradX_swigluGradGate_swigluGradUp(d_x_3, sharedDown_2, linear_sharedGate_2, linear_sharedUp_2, swiglu_grad_gate, swiglu_grad_up);
    real* const d_sharedDown = reals(9475584 + layer * 65536);  // [S D]
    bwd_07_linearGradW_swiglu(linear_sharedGate_2, linear_sharedUp_2, d_x_3, d_sharedDown);
    int32_t* const source_2 = ints(170563712 + layer * 32768);  // [rows] i32
    real* const gates_2 = reals(170760320 + layer * 32768);  // [B T topK]
    real* const down_3 = reals(3394048 + layer * 262144);  // [E F D]
    int32_t* const offsets_2 = ints(171022464 + layer * 36);  // [E+1] i32
    real* const linear_gate_3 = reals(71669888 + layer * 2097152);  // [E rows F]
    real* const linear_up_3 = reals(77961344 + layer * 2097152);  // [E rows F]
    real* const swiglu_grad_gate_2 = reals(137730176);  // [E rows F]
    real* const swiglu_grad_up_2 = reals(139827328);  // [E rows F]
    bwd_08_linearGradX_dispatch_swigluGradGate(d_x_3, source_2, gates_2, down_3, offsets_2, linear_gate_3, linear_up_3, swiglu_grad_gate_2, swiglu_grad_up_2);
    real* const d_down = reals(8295936 + layer * 262144);  // [E F D]
    bwd_09_linearGradW_swiglu_dispatch(linear_gate_3, linear_up_3, d_x_3, source_2, gates_2, offsets_2, d_down);
    real* const up_3 = reals(2607616 + layer * 262144);  // [E D F]
    real* const gate_3 = reals(1821184 + layer * 262144);  // [E D F]
    real* const add_3 = reals(113612928);  // [E rows D]
    bwd_10_linearGradX_add(swiglu_grad_up_2, up_3, offsets_2, swiglu_grad_gate_2, gate_3, add_3);
    real* const combine_2 = reals(141924480);  // [B T D]
    bwd_11_combine(add_3, slot_2, combine_2);
    real* const probabilities_2 = reals(169973888 + layer * 131072);  // [B T E]
    int32_t* const choice_2 = ints(170858624 + layer * 32768);  // [B T topK] i32
    int32_t* const load_2 = ints(9803776 + layer * 32);  // [E] i32
    real* const expand_2 = reals(171022720 + layer * 4);  // []
    real* const route_grad_ = reals(144021632);  // [B T E]
    bwd_12_routeGrad(probabilities_2, gates_2, choice_2, load_2, combine_grad_gates, expand_2, route_grad_);
    real* const sharedUp_2 = reals(4377088 + layer * 65536);  // [D S]
    real* const sharedGate_2 = reals(4180480 + layer * 65536);  // [D S]
    real* const router_2 = reals(1808896 + layer * 4096);  // [D E]
    real* const add_4 = reals(113612928);  // [B T D]
    bwd_13_linearGradX_add(swiglu_grad_up, sharedUp_2, swiglu_grad_gate, sharedGate_2, combine_2, route_grad_, router_2, add_4);
    real* const x_5 = reals(31824000 + layer * 2097152);  // [B T D]
    real* const linear_out_2 = reals(103127168 + layer * 2097152);  // [B T D]
    real* const ffnNorm_3 = reals(1807360 + layer * 512);  // [D]
    real* const attnNorm_3 = reals(992896 + layer * 512);  // [D]
    real* const rmsnorm_ffnNorm_3 = reals(115710080);  // [B T D]
    real* const d_ffnNorm = reals(6709248 + layer * 512);  // [D]
    real* const d_x_4 = reals(158701696);  // [B T D]
    real* const rmsnorm_attnNorm_3 = reals(160798848);  // [B T D]
    bwd_14_add_rmsnorm_rmsnormGradX(x_5, linear_out_2, ffnNorm_3, add_4, d_x_3, attnNorm_3, rmsnorm_ffnNorm_3, d_ffnNorm, d_x_4, rmsnorm_attnNorm_3, reals(141924480));
    real* const d_sharedUp = reals(9278976 + layer * 65536);  // [D S]
    real* const d_sharedGate = reals(9082368 + layer * 65536);  // [D S]
    bwd_15_linearGradW(rmsnorm_ffnNorm_3, swiglu_grad_up, swiglu_grad_gate, d_sharedUp, d_sharedGate);
    real* const d_up = reals(7509504 + layer * 262144);  // [E D F]
    real* const d_gate = reals(6723072 + layer * 262144);  // [E D F]
    bwd_16_linearGradW_dispatch(rmsnorm_ffnNorm_3, source_2, swiglu_grad_up_2, offsets_2, swiglu_grad_gate_2, d_up, d_gate);
    real* const d_router = reals(6710784 + layer * 4096);  // [D E]
    bwd_17_linearGradW(rmsnorm_ffnNorm_3, route_grad_, d_router);
    real* const out__3 = reals(1610752 + layer * 65536);  // [H U D]
    real* const d_mixed = reals(162896000);  // [B T H U]
    bwd_18_linearGradX(d_x_4, out__3, d_mixed);
    real* const mixed_3 = reals(84252800 + layer * 2097152);  // [B T H U]
    real* const d_out = reals(6512640 + layer * 65536);  // [H U D]
    bwd_19_linearGradW(mixed_3, d_x_4, d_out);
    real* const linear_kRope_3 = reals(169187456 + layer * 262144);  // [B T R]
    real* const linear_k_3 = reals(96835712 + layer * 2097152);  // [B T H N]
    real* const kNorm_3 = reals(1610176 + layer * 192);  // [N+R]
    real* const concat_2 = reals(113612928);  // [B T H N+R]
    real* const rope_5 = reals(133535872);  // [B T H N+R]
    fwd_09_expand_concat_rmsnorm(linear_kRope_3, linear_k_3, kNorm_3, concat_2, rope_5);
    real* const linear_q_3 = reals(22386816 + layer * 3145728);  // [B T H N+R]
    real* const qNorm_3 = reals(1609600 + layer * 192);  // [N+R]
    real* const rope_6 = reals(136681600);  // [B T H N+R]
    fwd_07_rmsnorm_rope(linear_q_3, qNorm_3, rope_6);
    real* const linear_v_3 = reals(90544256 + layer * 2097152);  // [B T H U]
    real* const lse_3 = reals(170367104 + layer * 65536);  // [B T H]
    real* const d_q = reals(139827328);  // [B T H N+R]
    real* const d_k = reals(142973056);  // [B T H N+R]
    real* const d_v = reals(164993152);  // [B T H U]
    bwd_20_attentionGrad(rope_6, rope_5, linear_v_3, mixed_3, lse_3, d_mixed, d_q, d_k, d_v);
    real* const d_kNorm = reals(6512064 + layer * 192);  // [N+R]
    real* const part = reals(133535872);  // [B T H N]
    real* const d_shared = reals(116758656);  // [B T H R]
    bwd_21_rope_rmsnormGradX_rmsnormGradGain(d_k, concat_2, kNorm_3, d_kNorm, part, d_shared, reals(135633024));
    real* const v_3 = reals(1511296 + layer * 32768);  // [C H U]
    real* const k__3 = reals(1412992 + layer * 32768);  // [C H N]
    real* const add_5 = reals(113612928);  // [B T C]
    bwd_22_linearGradX_add(d_v, v_3, part, k__3, add_5);
    real* const linear_kvDown_3 = reals(130390144 + layer * 1048576);  // [B T C]
    real* const kvNorm_3 = reals(1412224 + layer * 256);  // [C]
    real* const latent_3 = reals(114661504);  // [B T C]
    real* const rmsnorm_grad_x_kvNorm = reals(135633024);  // [B T C]
    real* const d_kvNorm = reals(6314112 + layer * 256);  // [C]
    bwd_23_rmsnorm_rmsnormGradX_rmsnormGradGain(linear_kvDown_3, kvNorm_3, add_5, latent_3, rmsnorm_grad_x_kvNorm, d_kvNorm, reals(115710080));
    real* const d_v_2 = reals(6413184 + layer * 32768);  // [C H U]
    real* const d_k_2 = reals(6314880 + layer * 32768);  // [C H N]
    bwd_24_linearGradW(latent_3, d_v, part, d_v_2, d_k_2);
    real* const rmsnorm_grad_x_qNorm = reals(113612928);  // [B T H N+R]
    real* const d_qNorm = reals(6511488 + layer * 192);  // [N+R]
    bwd_25_rope_rmsnormGradX_rmsnormGradGain(d_q, linear_q_3, qNorm_3, rmsnorm_grad_x_qNorm, d_qNorm, reals(133535872));
    real* const d_q_2 = reals(5896320 + layer * 98304);  // [D H N+R]
    bwd_26_linearGradW(rmsnorm_attnNorm_3, rmsnorm_grad_x_qNorm, d_q_2);
    real* const sumOver_2 = reals(136681600);  // [B T R]
    bwd_27_sumOver(d_shared, sumOver_2);
    real* const q_3 = reals(994432 + layer * 98304);  // [D H N+R]
    real* const kRope_3 = reals(1387648 + layer * 8192);  // [D R]
    real* const kvDown_3 = reals(1289344 + layer * 32768);  // [D C]
    real* const add_6 = reals(133535872);  // [B T D]
    bwd_28_linearGradX_add(rmsnorm_grad_x_qNorm, q_3, sumOver_2, kRope_3, rmsnorm_grad_x_kvNorm, kvDown_3, add_6);
    real* const d_kRope = reals(6289536 + layer * 8192);  // [D R]
    bwd_29_linearGradW(rmsnorm_attnNorm_3, sumOver_2, d_kRope);
    real* const d_kvDown = reals(6191232 + layer * 32768);  // [D C]
    bwd_30_linearGradW(rmsnorm_attnNorm_3, rmsnorm_grad_x_kvNorm, d_kvDown);
    real* const d_attnNorm = reals(5894784 + layer * 512);  // [D]
    real* const add_7 = reals(109418624 + ((round + 1) % 2) * 2097152);  // [B T D]
    bwd_31_rmsnormGradX_rmsnormGradGain_add(add_6, x_5, attnNorm_3, d_x_4, d_attnNorm, add_7, reals(113612928));
    gradients_final(1, layer);  // a layer of layers: moe.sharedDown moe.down ffnNorm moe.sharedUp moe.sharedGate moe.up moe.gate moe.router attn.out attn.kNorm attn.kvNorm attn.v attn.k attn.qNorm attn.q attn.kRope attn.kvDown attnNorm
  }
  real* const d_x_5 = reals(111515776);  // [B T D]
  real* const swiglu_grad_gate_3 = reals(9803904);  // [B T W]
  real* const swiglu_grad_up_3 = reals(16095360);  // [B T W]
  bwd_32_linearGradX_swigluGradGate_swigluGradUp(d_x_5, down, linear_gate, linear_up, swiglu_grad_gate_3, swiglu_grad_up_3);
  real* const d_down_2 = reals(5698176);  // [W D]
  bwd_33_linearGradW(swiglu, d_x_5, d_down_2);
  real* const add_8 = reals(22386816);  // [B T D]
  bwd_34_linearGradX_add(swiglu_grad_up_3, up, swiglu_grad_gate_3, gate, add_8);
  real* const d_up_2 = reals(5501568);  // [D W]
  real* const d_gate_2 = reals(5304960);  // [D W]
  bwd_35_linearGradW(rmsnorm_ffnNorm, swiglu_grad_up_3, swiglu_grad_gate_3, d_up_2, d_gate_2);
  real* const d_ffnNorm_2 = reals(5304448);  // [D]
  real* const add_9 = reals(16095360);  // [B T D]
  bwd_36_rmsnormGradX_rmsnormGradGain_add(add_8, add, ffnNorm, d_x_5, d_ffnNorm_2, add_9, reals(9803904));
  real* const d_mixed_2 = reals(18192512);  // [B T H U]
  bwd_37_linearGradX(add_9, out_, d_mixed_2);
  real* const d_out_2 = reals(5238912);  // [H U D]
  bwd_38_linearGradW(mixed, add_9, d_out_2);
  real* const d_q_3 = reals(9803904);  // [B T H N+R]
  real* const d_k_3 = reals(12949632);  // [B T H N+R]
  real* const d_v_3 = reals(20289664);  // [B T H U]
  bwd_20_attentionGrad(rope, rope_2, linear_v, mixed, lse, d_mixed_2, d_q_3, d_k_3, d_v_3);
  real* const d_kNorm_2 = reals(5238720);  // [N+R]
  real* const part_2 = reals(18192512);  // [B T H N]
  real* const d_shared_2 = reals(22386816);  // [B T H R]
  bwd_21_rope_rmsnormGradX_rmsnormGradGain(d_k_3, concat, kNorm, d_kNorm_2, part_2, d_shared_2, reals(23435392));
  real* const add_10 = reals(23435392);  // [B T C]
  bwd_22_linearGradX_add(d_v_3, v, part_2, k_, add_10);
  real* const d_v_4 = reals(5205760);  // [C H U]
  real* const d_k_4 = reals(5172992);  // [C H N]
  bwd_24_linearGradW(latent, d_v_3, part_2, d_v_4, d_k_4);
  real* const rmsnorm_grad_x_qNorm_2 = reals(12949632);  // [B T H N+R]
  real* const d_qNorm_2 = reals(5238528);  // [N+R]
  bwd_25_rope_rmsnormGradX_rmsnormGradGain(d_q_3, linear_q, qNorm, rmsnorm_grad_x_qNorm_2, d_qNorm_2, reals(18192512));
  real* const d_q_4 = reals(5033472);  // [D H N+R]
  bwd_26_linearGradW(rmsnorm_attnNorm, rmsnorm_grad_x_qNorm_2, d_q_4);
  real* const sumOver_3 = reals(18192512);  // [B T R]
  bwd_27_sumOver(d_shared_2, sumOver_3);
  real* const d_kRope_2 = reals(5164544);  // [D R]
  bwd_29_linearGradW(rmsnorm_attnNorm, sumOver_3, d_kRope_2);
  real* const rmsnorm_grad_x_kvNorm_2 = reals(11901056);  // [B T C]
  real* const d_kvNorm_2 = reals(5172736);  // [C]
  bwd_39_rmsnormGradX_rmsnormGradGain(add_10, linear_kvDown, kvNorm, rmsnorm_grad_x_kvNorm_2, d_kvNorm_2, reals(9803904));
  real* const add_11 = reals(9803904);  // [B T D]
  bwd_28_linearGradX_add(rmsnorm_grad_x_qNorm_2, q, sumOver_3, kRope, rmsnorm_grad_x_kvNorm_2, kvDown, add_11);
  real* const d_kvDown_2 = reals(5131776);  // [D C]
  bwd_30_linearGradW(rmsnorm_attnNorm, rmsnorm_grad_x_kvNorm_2, d_kvDown_2);
  real* const d_attnNorm_2 = reals(5032960);  // [D]
  real* const add_12 = reals(11901056);  // [B T D]
  bwd_40_rmsnormGradX_rmsnormGradGain_add(add_11, lookup_embed, attnNorm, add_9, d_attnNorm_2, add_12, reals(13998208));
  real* const d_embed = reals(4901888);  // [V D]
  bwd_41_lookupGrad(add_12, tokens, d_embed);
  gradients_final(2, 0);  // first.ffn.down first.ffn.up first.ffn.gate first.ffnNorm first.attn.out first.attn.kNorm first.attn.v first.attn.k first.attn.qNorm first.attn.q first.attn.kRope first.attn.kvNorm first.attn.kvDown first.attnNorm embed
  report[0] = *loss;
  report[1] = *sumOver;
}

void evaluate(char* arena, [[maybe_unused]] const int32_t* tokens, [[maybe_unused]] const int32_t* targets, double* report) {
  const auto reals = [arena](int64_t byte) { return reinterpret_cast<real*>(arena + byte); };
  [[maybe_unused]] const auto ints = [arena](int64_t byte) { return reinterpret_cast<int32_t*>(arena + byte); };
  report[0] = report[1] = 0;

  real* const embed = reals(0);  // [V D]
  real* const lookup_embed = reals(16095360);  // [B T D]
  fwd_01_lookup(embed, tokens, lookup_embed);
  real* const attnNorm = reals(131072);  // [D]
  real* const rmsnorm_attnNorm = reals(12949632);  // [B T D]
  fwd_02_rmsnorm(lookup_embed, attnNorm, rmsnorm_attnNorm);
  real* const kvDown = reals(229888);  // [D C]
  real* const linear_kvDown = reals(9803904);  // [B T C]
  fwd_03_linear(rmsnorm_attnNorm, kvDown, linear_kvDown);
  real* const kvNorm = reals(270848);  // [C]
  real* const latent = reals(22386816);  // [B T C]
  fwd_04_rmsnorm(linear_kvDown, kvNorm, latent);
  real* const kRope = reals(262656);  // [D R]
  real* const linear_kRope = reals(23435392);  // [B T R]
  fwd_05_linear(rmsnorm_attnNorm, kRope, linear_kRope);
  real* const q = reals(131584);  // [D H N+R]
  real* const linear_q = reals(9803904);  // [B T H N+R]
  fwd_06_linear(rmsnorm_attnNorm, q, linear_q);
  real* const qNorm = reals(336640);  // [N+R]
  real* const rope = reals(12949632);  // [B T H N+R]
  fwd_07_rmsnorm_rope(linear_q, qNorm, rope);
  real* const k_ = reals(271104);  // [C H N]
  real* const v = reals(303872);  // [C H U]
  real* const linear_k = reals(18192512);  // [B T H N]
  real* const linear_v = reals(20289664);  // [B T H U]
  fwd_08_linear(latent, k_, v, linear_k, linear_v);
  real* const kNorm = reals(336832);  // [N+R]
  real* const rope_2 = reals(9803904);  // [B T H N+R]
  fwd_16_expand_concat_rmsnorm(linear_kRope, linear_k, kNorm, rope_2);
  real* const mixed = reals(18192512);  // [B T H U]
  real* const lse = reals(22386816);  // [B T H]
  fwd_10_attention(rope, rope_2, linear_v, mixed, lse);
  real* const out_ = reals(337024);  // [H U D]
  real* const add = reals(26581120);  // [B T D]
  fwd_11_linear_add(mixed, out_, lookup_embed, add);
  real* const ffnNorm = reals(402560);  // [D]
  real* const rmsnorm_ffnNorm = reals(22386816);  // [B T D]
  fwd_12_rmsnorm(add, ffnNorm, rmsnorm_ffnNorm);
  real* const gate = reals(403072);  // [D W]
  real* const up = reals(599680);  // [D W]
  real* const linear_gate = reals(9803904);  // [B T W]
  real* const linear_up = reals(16095360);  // [B T W]
  eval_01_linear(rmsnorm_ffnNorm, gate, up, linear_gate, linear_up);
  real* const down = reals(796288);  // [W D]
  real* const x = reals(22386816);  // [B T D]
  eval_02_linear_swiglu_add(linear_gate, linear_up, down, add, x);
  for (int64_t layer = 0; layer < 3; ++layer) {  // model.ts:57   for (const layer of p.layers) x = layer(x);
    real* const x_2 = reals(22386816 + (layer % 2) * 2097152);  // [B T D]
    real* const attnNorm_2 = reals(992896 + layer * 512);  // [D]
    real* const rmsnorm_attnNorm_2 = reals(12949632);  // [B T D]
    fwd_15_rmsnorm(x_2, attnNorm_2, rmsnorm_attnNorm_2);
    real* const kvDown_2 = reals(1289344 + layer * 32768);  // [D C]
    real* const linear_kvDown_2 = reals(9803904);  // [B T C]
    fwd_03_linear(rmsnorm_attnNorm_2, kvDown_2, linear_kvDown_2);
    real* const kvNorm_2 = reals(1412224 + layer * 256);  // [C]
    real* const latent_2 = reals(20289664);  // [B T C]
    fwd_04_rmsnorm(linear_kvDown_2, kvNorm_2, latent_2);
    real* const kRope_2 = reals(1387648 + layer * 8192);  // [D R]
    real* const linear_kRope_2 = reals(21338240);  // [B T R]
    fwd_05_linear(rmsnorm_attnNorm_2, kRope_2, linear_kRope_2);
    real* const q_2 = reals(994432 + layer * 98304);  // [D H N+R]
    real* const linear_q_2 = reals(9803904);  // [B T H N+R]
    fwd_06_linear(rmsnorm_attnNorm_2, q_2, linear_q_2);
    real* const qNorm_2 = reals(1609600 + layer * 192);  // [N+R]
    real* const rope_3 = reals(12949632);  // [B T H N+R]
    fwd_07_rmsnorm_rope(linear_q_2, qNorm_2, rope_3);
    real* const k__2 = reals(1412992 + layer * 32768);  // [C H N]
    real* const v_2 = reals(1511296 + layer * 32768);  // [C H U]
    real* const linear_k_2 = reals(16095360);  // [B T H N]
    real* const linear_v_2 = reals(18192512);  // [B T H U]
    fwd_08_linear(latent_2, k__2, v_2, linear_k_2, linear_v_2);
    real* const kNorm_2 = reals(1610176 + layer * 192);  // [N+R]
    real* const rope_4 = reals(9803904);  // [B T H N+R]
    fwd_16_expand_concat_rmsnorm(linear_kRope_2, linear_k_2, kNorm_2, rope_4);
    real* const mixed_2 = reals(16095360);  // [B T H U]
    real* const lse_2 = reals(20289664);  // [B T H]
    fwd_10_attention(rope_3, rope_4, linear_v_2, mixed_2, lse_2);
    real* const out__2 = reals(1610752 + layer * 65536);  // [H U D]
    real* const add_2 = reals(13998208);  // [B T D]
    eval_03_linear_add(mixed_2, out__2, x_2, add_2);
    real* const ffnNorm_2 = reals(1807360 + layer * 512);  // [D]
    real* const rmsnorm_ffnNorm_2 = reals(16095360);  // [B T D]
    fwd_12_rmsnorm(add_2, ffnNorm_2, rmsnorm_ffnNorm_2);
    real* const router = reals(1808896 + layer * 4096);  // [D E]
    real* const linear_router = reals(9803904);  // [B T E]
    fwd_18_linear(rmsnorm_ffnNorm_2, router, linear_router);
    real* const gates = reals(26581120);  // [B T topK]
    int32_t* const choice = ints(10066048);  // [B T topK] i32
    int32_t* const slot = ints(26613888);  // [B T topK] i32
    int32_t* const source = ints(10098816);  // [rows] i32
    int32_t* const offsets = ints(26646720);  // [E+1] i32
    int32_t* const load = ints(10131584);  // [E] i32
    real* const probabilities = reals(9934976);  // [B T E]
    real* const balance = reals(26646656 + layer * 4);  // []
    fwd_19_route(linear_router, gates, choice, slot, source, offsets, load, probabilities, balance);
    real* const gate_2 = reals(1821184 + layer * 262144);  // [E D F]
    real* const up_2 = reals(2607616 + layer * 262144);  // [E D F]
    real* const linear_gate_2 = reals(18192512);  // [E rows F]
    real* const linear_up_2 = reals(20289664);  // [E rows F]
    fwd_20_linear_dispatch(rmsnorm_ffnNorm_2, source, gate_2, offsets, up_2, linear_gate_2, linear_up_2);
    real* const down_2 = reals(3394048 + layer * 262144);  // [E F D]
    real* const routed = reals(9803904);  // [E rows D]
    fwd_21_linear_swiglu(linear_gate_2, linear_up_2, down_2, offsets, routed);
    real* const sharedGate = reals(4180480 + layer * 65536);  // [D S]
    real* const sharedUp = reals(4377088 + layer * 65536);  // [D S]
    real* const linear_sharedGate = reals(18192512);  // [B T S]
    real* const linear_sharedUp = reals(20289664);  // [B T S]
    fwd_22_linear(rmsnorm_ffnNorm_2, sharedGate, sharedUp, linear_sharedGate, linear_sharedUp);
    real* const combine = reals(16095360);  // [B T D]
    fwd_23_combine(routed, slot, gates, combine);
    real* const sharedDown = reals(4573696 + layer * 65536);  // [S D]
    real* const x_3 = reals(22386816 + ((layer + 1) % 2) * 2097152);  // [B T D]
    fwd_24_linear_swiglu_add(linear_sharedGate, linear_sharedUp, sharedDown, combine, add_2, x_3);
  }
  real* const x_4 = reals(24483968);  // [B T D]
  real* const norm = reals(4770304);  // [D]
  real* const rmsnorm_norm = reals(9803904);  // [B T D]
  fwd_25_rmsnorm(x_4, norm, rmsnorm_norm);
  real* const head = reals(4770816);  // [V D]
  real* const loss = reals(12049536);  // []
  real* const lse_3 = reals(12033152);  // [B T]
  eval_04_linearCrossEntropy(rmsnorm_norm, head, targets, loss, lse_3, reals(11901056));
  real* const balance_2 = reals(26646656);  // [layers]
  real* const sumOver = reals(9803904);  // []
  bwd_02_sumOver(balance_2, sumOver);
  report[0] = *loss;
  report[1] = *sumOver;
}

void predict(char* arena, [[maybe_unused]] const int32_t* tokens, const int32_t* at, real* logits) {
  const auto reals = [arena](int64_t byte) { return reinterpret_cast<real*>(arena + byte); };
  [[maybe_unused]] const auto ints = [arena](int64_t byte) { return reinterpret_cast<int32_t*>(arena + byte); };

  real* const embed = reals(0);  // [V D]
  real* const lookup_embed = reals(16095360);  // [B T D]
  fwd_01_lookup(embed, tokens, lookup_embed);
  real* const attnNorm = reals(131072);  // [D]
  real* const rmsnorm_attnNorm = reals(12949632);  // [B T D]
  fwd_02_rmsnorm(lookup_embed, attnNorm, rmsnorm_attnNorm);
  real* const kvDown = reals(229888);  // [D C]
  real* const linear_kvDown = reals(9803904);  // [B T C]
  fwd_03_linear(rmsnorm_attnNorm, kvDown, linear_kvDown);
  real* const kvNorm = reals(270848);  // [C]
  real* const latent = reals(22386816);  // [B T C]
  fwd_04_rmsnorm(linear_kvDown, kvNorm, latent);
  real* const kRope = reals(262656);  // [D R]
  real* const linear_kRope = reals(23435392);  // [B T R]
  fwd_05_linear(rmsnorm_attnNorm, kRope, linear_kRope);
  real* const q = reals(131584);  // [D H N+R]
  real* const linear_q = reals(9803904);  // [B T H N+R]
  fwd_06_linear(rmsnorm_attnNorm, q, linear_q);
  real* const qNorm = reals(336640);  // [N+R]
  real* const rope = reals(12949632);  // [B T H N+R]
  fwd_07_rmsnorm_rope(linear_q, qNorm, rope);
  real* const k_ = reals(271104);  // [C H N]
  real* const v = reals(303872);  // [C H U]
  real* const linear_k = reals(18192512);  // [B T H N]
  real* const linear_v = reals(20289664);  // [B T H U]
  fwd_08_linear(latent, k_, v, linear_k, linear_v);
  real* const kNorm = reals(336832);  // [N+R]
  real* const rope_2 = reals(9803904);  // [B T H N+R]
  fwd_16_expand_concat_rmsnorm(linear_kRope, linear_k, kNorm, rope_2);
  real* const mixed = reals(18192512);  // [B T H U]
  real* const lse = reals(22386816);  // [B T H]
  fwd_10_attention(rope, rope_2, linear_v, mixed, lse);
  real* const out_ = reals(337024);  // [H U D]
  real* const add = reals(26581120);  // [B T D]
  fwd_11_linear_add(mixed, out_, lookup_embed, add);
  real* const ffnNorm = reals(402560);  // [D]
  real* const rmsnorm_ffnNorm = reals(22386816);  // [B T D]
  fwd_12_rmsnorm(add, ffnNorm, rmsnorm_ffnNorm);
  real* const gate = reals(403072);  // [D W]
  real* const up = reals(599680);  // [D W]
  real* const linear_gate = reals(9803904);  // [B T W]
  real* const linear_up = reals(16095360);  // [B T W]
  eval_01_linear(rmsnorm_ffnNorm, gate, up, linear_gate, linear_up);
  real* const down = reals(796288);  // [W D]
  real* const x = reals(22386816);  // [B T D]
  eval_02_linear_swiglu_add(linear_gate, linear_up, down, add, x);
  for (int64_t layer = 0; layer < 3; ++layer) {  // model.ts:57   for (const layer of p.layers) x = layer(x);
    real* const x_2 = reals(22386816 + (layer % 2) * 2097152);  // [B T D]
    real* const attnNorm_2 = reals(992896 + layer * 512);  // [D]
    real* const rmsnorm_attnNorm_2 = reals(12949632);  // [B T D]
    fwd_15_rmsnorm(x_2, attnNorm_2, rmsnorm_attnNorm_2);
    real* const kvDown_2 = reals(1289344 + layer * 32768);  // [D C]
    real* const linear_kvDown_2 = reals(9803904);  // [B T C]
    fwd_03_linear(rmsnorm_attnNorm_2, kvDown_2, linear_kvDown_2);
    real* const kvNorm_2 = reals(1412224 + layer * 256);  // [C]
    real* const latent_2 = reals(20289664);  // [B T C]
    fwd_04_rmsnorm(linear_kvDown_2, kvNorm_2, latent_2);
    real* const kRope_2 = reals(1387648 + layer * 8192);  // [D R]
    real* const linear_kRope_2 = reals(21338240);  // [B T R]
    fwd_05_linear(rmsnorm_attnNorm_2, kRope_2, linear_kRope_2);
    real* const q_2 = reals(994432 + layer * 98304);  // [D H N+R]
    real* const linear_q_2 = reals(9803904);  // [B T H N+R]
    fwd_06_linear(rmsnorm_attnNorm_2, q_2, linear_q_2);
    real* const qNorm_2 = reals(1609600 + layer * 192);  // [N+R]
    real* const rope_3 = reals(12949632);  // [B T H N+R]
    fwd_07_rmsnorm_rope(linear_q_2, qNorm_2, rope_3);
    real* const k__2 = reals(1412992 + layer * 32768);  // [C H N]
    real* const v_2 = reals(1511296 + layer * 32768);  // [C H U]
    real* const linear_k_2 = reals(16095360);  // [B T H N]
    real* const linear_v_2 = reals(18192512);  // [B T H U]
    fwd_08_linear(latent_2, k__2, v_2, linear_k_2, linear_v_2);
    real* const kNorm_2 = reals(1610176 + layer * 192);  // [N+R]
    real* const rope_4 = reals(9803904);  // [B T H N+R]
    fwd_16_expand_concat_rmsnorm(linear_kRope_2, linear_k_2, kNorm_2, rope_4);
    real* const mixed_2 = reals(16095360);  // [B T H U]
    real* const lse_2 = reals(20289664);  // [B T H]
    fwd_10_attention(rope_3, rope_4, linear_v_2, mixed_2, lse_2);
    real* const out__2 = reals(1610752 + layer * 65536);  // [H U D]
    real* const add_2 = reals(13998208);  // [B T D]
    eval_03_linear_add(mixed_2, out__2, x_2, add_2);
    real* const ffnNorm_2 = reals(1807360 + layer * 512);  // [D]
    real* const rmsnorm_ffnNorm_2 = reals(16095360);  // [B T D]
    fwd_12_rmsnorm(add_2, ffnNorm_2, rmsnorm_ffnNorm_2);
    real* const router = reals(1808896 + layer * 4096);  // [D E]
    real* const linear_router = reals(9803904);  // [B T E]
    fwd_18_linear(rmsnorm_ffnNorm_2, router, linear_router);
    real* const gates = reals(26581120);  // [B T topK]
    int32_t* const choice = ints(10066048);  // [B T topK] i32
    int32_t* const slot = ints(26613888);  // [B T topK] i32
    int32_t* const source = ints(10098816);  // [rows] i32
    int32_t* const offsets = ints(26646656);  // [E+1] i32
    int32_t* const load = ints(10131584);  // [E] i32
    real* const probabilities = reals(9934976);  // [B T E]
    real* const balance = reals(10131648);  // []
    fwd_19_route(linear_router, gates, choice, slot, source, offsets, load, probabilities, balance);
    real* const gate_2 = reals(1821184 + layer * 262144);  // [E D F]
    real* const up_2 = reals(2607616 + layer * 262144);  // [E D F]
    real* const linear_gate_2 = reals(18192512);  // [E rows F]
    real* const linear_up_2 = reals(20289664);  // [E rows F]
    fwd_20_linear_dispatch(rmsnorm_ffnNorm_2, source, gate_2, offsets, up_2, linear_gate_2, linear_up_2);
    real* const down_2 = reals(3394048 + layer * 262144);  // [E F D]
    real* const routed = reals(9803904);  // [E rows D]
    fwd_21_linear_swiglu(linear_gate_2, linear_up_2, down_2, offsets, routed);
    real* const sharedGate = reals(4180480 + layer * 65536);  // [D S]
    real* const sharedUp = reals(4377088 + layer * 65536);  // [D S]
    real* const linear_sharedGate = reals(18192512);  // [B T S]
    real* const linear_sharedUp = reals(20289664);  // [B T S]
    fwd_22_linear(rmsnorm_ffnNorm_2, sharedGate, sharedUp, linear_sharedGate, linear_sharedUp);
    real* const combine = reals(16095360);  // [B T D]
    fwd_23_combine(routed, slot, gates, combine);
    real* const sharedDown = reals(4573696 + layer * 65536);  // [S D]
    real* const x_3 = reals(22386816 + ((layer + 1) % 2) * 2097152);  // [B T D]
    fwd_24_linear_swiglu_add(linear_sharedGate, linear_sharedUp, sharedDown, combine, add_2, x_3);
  }
  real* const x_4 = reals(24483968);  // [B T D]
  real* const norm = reals(4770304);  // [D]
  real* const rmsnorm_norm = reals(9803904);  // [B T D]
  fwd_25_rmsnorm(x_4, norm, rmsnorm_norm);
  real* const head = reals(4770816);  // [V D]
  next_01_nextLogits(rmsnorm_norm, head, at, logits);
}

}  // namespace mlac
