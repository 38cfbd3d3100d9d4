// Attention, forward and backward: against float64, run against run, and its speed.
#include "attention_reference.cuh"
#include "lib/attention.cuh"
#include "lib/attention_backward.cuh"

using check::Device;
using mlac::bf16;

namespace {

template <int A, int U>
struct Tensors {
  Device<bf16> q, k, v, out, dout, dq, dk, dv;
  Device<float> lse;
  Device<char> workspace;
  explicit Tensors(const Sizes& s)
      : q(s.rows() * A), k(s.key_rows() * A), v(s.key_rows() * U), out(s.rows() * U), dout(s.rows() * U), dq(s.rows() * A), dk(s.key_rows() * A), dv(s.key_rows() * U),
        lse(s.rows()), workspace(mlac::attention_backward_workspace(s.batch, s.length, s.heads, A)) {
    check::fill(q, 1, 3.f);
    check::fill(k, 2, 2.f);
    check::fill(v, 3);
    check::fill(dout, 4);
  }
  void poison() {
    out.poison(), dq.poison(), dk.poison(), dv.poison(), lse.poison(), workspace.poison();
  }
};

template <int A, int U, bool CAUSAL>
void forward(Tensors<A, U>& x, const Sizes& s, float scale) {
  CUDA_OK((mlac::attention_forward<A, U, CAUSAL>(nullptr, s.batch, s.length, s.heads, s.groups, scale, x.q, x.k, x.v, x.out, x.lse)));
}
template <int A, int U, bool CAUSAL>
void backward(Tensors<A, U>& x, const Sizes& s, float scale) {
  CUDA_OK((mlac::attention_backward<A, U, CAUSAL>(nullptr, s.batch, s.length, s.heads, s.groups, scale, x.q, x.k, x.v, x.out, x.lse, x.dout, x.dq, x.dk, x.dv, x.workspace)));
}

template <int A, int U, bool CAUSAL>
void check_case(const Sizes& s) {
  const float scale = 1.f / std::sqrt(float(A));
  Tensors<A, U> x(s);
  const int64_t scores = s.batch * s.heads * s.length * s.length;
  Device<double> p(scores), ds(scores), out(s.rows() * U), lse(s.rows()), dq(s.rows() * A), dk(s.key_rows() * A), dv(s.key_rows() * U);
  const Reference r{s, A, U, CAUSAL, scale, x.q, x.k, x.v, x.dout, p, ds, out, lse, dq, dk, dv};
  run_reference(r);
  CUDA_OK(cudaDeviceSynchronize());

  char name[160];
  std::snprintf(name, sizeof name, "A %d U %d %s B %ld T %ld H %ld G %ld", A, U, CAUSAL ? "causal" : "full", long(s.batch), long(s.length), long(s.heads), long(s.groups));
  forward<A, U, CAUSAL>(x, s, scale);
  CUDA_OK(cudaDeviceSynchronize());
  const auto one = [&](const char* what, const auto& got, const auto& wanted, int64_t width, int64_t heads, double limit) {
    const double error = check::relative_error(got, wanted);
    check::report(std::string(name) + " " + what, error, limit);
    if (!(error <= limit)) worst(got, wanted, width, heads, s.length);
  };
  const auto first_out = x.out.host();
  const auto first_lse = x.lse.host();
  one("out", first_out, out.host(), U, s.heads, 1e-2);
  one("lse", first_lse, lse.host(), 1, s.heads, 1e-4);
  backward<A, U, CAUSAL>(x, s, scale);
  CUDA_OK(cudaDeviceSynchronize());
  const auto first_dq = x.dq.host(), first_dk = x.dk.host(), first_dv = x.dv.host();
  if (s.length > 1) {  // of one token the probability is 1, and dq and dk are rounding errors
    one("dq", first_dq, dq.host(), A, s.heads, 1e-2);
    one("dk", first_dk, dk.host(), A, s.groups, 1e-2);
  }
  one("dv", first_dv, dv.host(), U, s.groups, 1e-2);

  double differ = 0;
  for (int round = 0; round < 3; ++round) {
    x.poison();
    forward<A, U, CAUSAL>(x, s, scale);
    backward<A, U, CAUSAL>(x, s, scale);
    CUDA_OK(cudaDeviceSynchronize());
    differ += bits_differ(x.out.host(), first_out) + bits_differ(x.lse.host(), first_lse) + bits_differ(x.dq.host(), first_dq) + bits_differ(x.dk.host(), first_dk) +
              bits_differ(x.dv.host(), first_dv);
  }
  check::report(std::string(name) + " the same bits again", differ, 0);
  std::fflush(stdout);
}

void checks(bool large) {
  check_case<24, 16, true>({2, 32, 2, 2});
  check_case<3, 5, true>({2, 3, 4, 2});
  check_case<2, 3, false>({1, 4, 3, 3});
  check_case<24, 16, true>({1, 1, 2, 1});
  check_case<3, 5, true>({2, 200, 4, 2});
  check_case<3, 5, false>({1, 131, 3, 1});
  check_case<192, 128, true>({1, 64, 1, 1});
  check_case<192, 128, true>({2, 128, 2, 2});
  check_case<192, 128, true>({1, 300, 2, 1});
  check_case<192, 128, false>({1, 300, 2, 2});
  check_case<128, 128, true>({1, 257, 4, 2});
  check_case<96, 96, true>({1, 190, 2, 2});
  check_case<191, 127, true>({1, 150, 2, 2});
  check_case<256, 256, true>({1, 200, 2, 1});
  check_case<64, 64, true>({1, 190, 2, 2});
  if (!large) return;
  for (int64_t length = 1; length <= 1000; length += 37) check_case<192, 128, true>({1, length, 2, 2});
  for (int64_t length = 75; length <= 1000; length += 185) check_case<128, 128, false>({1, length, 2, 1});
  check_case<192, 128, true>({2, 1100, 6, 6});
  check_case<192, 128, false>({1, 1500, 4, 2});
  check_case<192, 128, true>({16, 512, 16, 16});
  check_case<192, 128, true>({1, 4096, 2, 2});
  check_case<64, 64, true>({8, 640, 8, 2});
}

/// Causal, A = 192, U = 128. Half the pairs count: the forward pass 2·(A + U) for each, the backward pass 2·(3A + 2U), whatever is really computed.
void time(const char* name, const Sizes& s) {
  constexpr int A = 192, U = 128;
  const float scale = 1.f / std::sqrt(float(A));
  Tensors<A, U> x(s);
  const double pairs = double(s.batch * s.heads) * s.length * s.length / 2;
  const double ahead = check::milliseconds([&] { forward<A, U, true>(x, s, scale); }, 11);
  const double back = check::milliseconds([&] { backward<A, U, true>(x, s, scale); }, 11);
  std::printf("%-9s B %2ld T %5ld H %2ld: forward %7.3f ms %4.0f TFLOP/s, backward %7.3f ms %4.0f TFLOP/s\n", name, long(s.batch), long(s.length), long(s.heads), ahead,
              2 * pairs * (A + U) / ahead * 1e-9, back, 2 * pairs * (3 * A + 2 * U) / back * 1e-9);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (check::wants(argc, argv, "check")) checks(argc < 2);
  if (check::wants(argc, argv, "time")) {
    time("speedrun", {16, 2048, 6, 6});
    time("lite", {4, 4096, 16, 16});
    time("long", {1, 32768, 6, 6});
    time("short", {16, 1024, 16, 16});
    time("wide", {1, 32768, 16, 16});
    time("longest", {1, 131072, 6, 6});
  }
  return check::failures > 0;
}
