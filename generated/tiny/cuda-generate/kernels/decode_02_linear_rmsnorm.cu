// decode_02_linear_rmsnorm: rmsnorm, linear. Emitted by mlac: edit the model, not this file.
// model.ts:22   const latent = rmsnorm(linear(x, p.kvDown), p.kvNorm);
// model.ts:23   const shared = expand(linear(x, p.kRope), "H"); // one rotary key for all heads
// model.ts:24   const q = rmsnorm(linear(x, p.q), p.qNorm);
// model.ts:45   const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
// reads  lookup_embed [B D], attnNorm [D], kvDown [D C], kRope [D R], q [D H N+R]
// writes linear_kvDown [B C], linear_kRope [B R], linear_q [B H N+R]
// 561 kFLOP, 76.5 kB, 7.3 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"
#include "../lib/contract_few.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 8;
constexpr int64_t D = 128;
constexpr int64_t C = 64;
constexpr int64_t R = 16;
constexpr int64_t H = 4;
constexpr int64_t N_R = 48;  // N+R

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row of linear_kvDown.
struct Epilogue_linear_kvDown {
  bf16* linear_kvDown;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count == 0) return;
    const int64_t at = m * C + n;
    Run linear_kvDown_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      linear_kvDown_run[j] = sums[0][j];
    }
    store<true>(linear_kvDown + at, linear_kvDown_run);
  }
};

/// What becomes of eight neighbouring sums of a row of linear_kRope.
struct Epilogue_linear_kRope {
  bf16* linear_kRope;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count == 0) return;
    const int64_t at = m * R + n;
    Run linear_kRope_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      linear_kRope_run[j] = sums[0][j];
    }
    store<true>(linear_kRope + at, linear_kRope_run);
  }
};

/// What becomes of eight neighbouring sums of a row of linear_q.
struct Epilogue_linear_q {
  bf16* linear_q;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count == 0) return;
    const int64_t at = m * (H * N_R) + n;
    Run linear_q_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      linear_q_run[j] = sums[0][j];
    }
    store<true>(linear_q + at, linear_q_run);
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::own>;

}  // namespace

// lookup_embed · kvDown, lookup_embed · kRope, lookup_embed · q: each has blocks of its own.
void decode_02_linear_rmsnorm(cudaStream_t stream, const bf16* lookup_embed, const float* attnNorm, const bf16* kvDown, const bf16* kRope, const bf16* q, bf16* linear_kvDown, bf16* linear_kRope, bf16* linear_q) {
  const Range range(stream, "decode_02_linear_rmsnorm");
  const Operand left{lookup_embed, B, D};
  const few::Columns<Epilogue_linear_kvDown> columns_of_linear_kvDown{ {kvDown, D, C}, C, {linear_kvDown} };
  const few::Columns<Epilogue_linear_kRope> columns_of_linear_kRope{ {kRope, D, R}, R, {linear_kRope} };
  const few::Columns<Epilogue_linear_q> columns_of_linear_q{ {q, D, H * N_R}, H * N_R, {linear_q} };
  launched(contract_few_side_by_side<Shape, 8>(stream, B, D, left, few::Normed{attnNorm, float(0.000001)}, columns_of_linear_kvDown, columns_of_linear_kRope, columns_of_linear_q));
}

}  // namespace mlac
