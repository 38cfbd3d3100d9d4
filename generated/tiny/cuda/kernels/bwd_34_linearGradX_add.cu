// bwd_34_linearGradX_add: linearGradX, add. Emitted by mlac: edit the model, not this file.
// model.ts:22   const latent = rmsnorm(linear(x, p.kvDown), p.kvNorm);
// model.ts:23   const shared = expand(linear(x, p.kRope), "H"); // one rotary key for all heads
// model.ts:24   const q = rmsnorm(linear(x, p.q), p.qNorm);
// reads  rmsnorm_grad_x_qNorm [B T H N+R], q [D H N+R], sumOver [B T R], kRope [D R], rmsnorm_grad_x_kvNorm [B T C], kvDown [D C]
// writes add [B T D]
// 286 MFLOP, 3.3 MB, 86 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 16;
constexpr int64_t T = 256;
constexpr int64_t H = 4;
constexpr int64_t N_R = 48;  // N+R
constexpr int64_t D = 128;
constexpr int64_t R = 16;
constexpr int64_t C = 64;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  bf16* add;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count == 0) return;
    const int64_t at = m * D + n;
    Run add_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      add_run[j] = sums[0][j];
    }
    store<true>(add + at, add_run);
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::k, 1, 3, true, false, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("bwd_34_linearGradX_add", ways_of<Shape>(D, false));

}  // namespace

void bwd_34_linearGradX_add(cudaStream_t stream, const bf16* rmsnorm_grad_x_qNorm, const bf16* q, const bf16* sumOver, const bf16* kRope, const bf16* rmsnorm_grad_x_kvNorm, const bf16* kvDown, bf16* add) {
  const Range range(stream, "bwd_34_linearGradX_add");
  const Product<1> products[] = {
      {H * N_R, {rmsnorm_grad_x_qNorm, B * T, H * N_R}, {{q, D, H * N_R}}},  // rmsnorm_grad_x_qNorm · q
      {R, {sumOver, B * T, R}, {{kRope, D, R}}},  // sumOver · kRope
      {C, {rmsnorm_grad_x_kvNorm, B * T, C}, {{kvDown, D, C}}},  // rmsnorm_grad_x_kvNorm · kvDown
  };
  const Extent extent{1, B * T, D, nullptr};
  const Epilogue epilogue{add};
  launched(contract<Shape>(stream, extent, products, epilogue, choice));
}

}  // namespace mlac
