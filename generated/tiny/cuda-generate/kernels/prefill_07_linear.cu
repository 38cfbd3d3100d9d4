// prefill_07_linear: linear. Emitted by mlac: edit the model, not this file.
// model.ts:26   const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
// reads  latent [B T C], v [C H U]
// writes linear_v [B T H U]
// 2.1 MFLOP, 65.5 kB, 32 FLOP a byte
#include "../lib/kernel.cuh"
#include "../lib/range.cuh"
#include "../lib/contract.cuh"

namespace mlac {
namespace {

constexpr int64_t B = 1;
constexpr int64_t T = 128;
constexpr int64_t C = 64;
constexpr int64_t H = 4;
constexpr int64_t U = 32;

}  // namespace

namespace {

/// What becomes of eight neighbouring sums of a row.
struct Epilogue {
  bf16* linear_v;

  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[1]) const {
    if (count == 0) return;
    const int64_t at = m * (H * U) + n;
    Run linear_v_run;
    #pragma unroll
    for (int j = 0; j < RUN; ++j) {
      linear_v_run[j] = sums[0][j];
    }
    store<true>(linear_v + at, linear_v_run);
  }
};

using Shape = Contraction<Kind::dense, Major::k, Major::own, 1, 1, true, false, false>;

/// Which way it is computed, among those that there are for it.
Choice choice("prefill_07_linear", ways_of<Shape>(H * U, true));

}  // namespace

void prefill_07_linear(cudaStream_t stream, const bf16* latent, const bf16* v, bf16* linear_v, char* workspace) {
  const Range range(stream, "prefill_07_linear");
  const Product<1> products[] = {
      {C, {latent, B * T, C}, {{v, C, H * U}}},  // latent · v
  };
  const Extent extent{1, B * T, H * U, nullptr};
  const Epilogue epilogue{linear_v};
  const Bare<bf16, 1> bare{{linear_v}, false, workspace, 524288};
  launched(contract<Shape>(stream, extent, products, epilogue, choice, bare));
}

}  // namespace mlac
