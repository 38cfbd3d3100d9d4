// Attention from a latent, and its gradients: against float64, run against run, and their time beside those of stored keys and values.
#include "attention_reference.cuh"
#include "lib/attention.cuh"
#include "lib/attention_backward.cuh"
#include "lib/attention_hopper_latent_backward.cuh"
#include "lib/attention_hopper_latent_forward.cuh"

using check::Device;
using mlac::bf16;

namespace {

constexpr int R = 64;
constexpr float EPS = 1e-6f;

/// What keys and values are made from, and all that is made of it.
template <int N, int U>
struct Tensors {
  static constexpr int A = N + R;
  Sizes s;
  int64_t rank;
  Device<bf16> latent, k_weight, v_weight, rotary, q, k, v, out, dout, dq, d_plain, d_rotary, dv, dk;
  Device<float> gain, cosine, sine, lse, d_gain;
  Device<char> workspace;
  Tensors(const Sizes& s, int64_t rank)
      : s(s), rank(rank), latent(s.batch * s.length * rank), k_weight(rank * s.groups * N), v_weight(rank * s.groups * U), rotary(s.batch * s.length * R), q(s.rows() * A),
        k(s.key_rows() * A), v(s.key_rows() * U), out(s.rows() * U), dout(s.rows() * U), dq(s.rows() * A), d_plain(s.key_rows() * N), d_rotary(s.key_rows() * R),
        dv(s.key_rows() * U), dk(s.key_rows() * A), gain(A), cosine(s.length * R / 2), sine(s.length * R / 2), lse(s.rows()), d_gain(A),
        workspace(mlac::latent_attention_workspace(s.batch, s.length, s.heads, s.groups, A)) {
    check::fill(latent, 1, 1.f);
    check::fill(k_weight, 2, .1f);
    check::fill(v_weight, 3, .1f);
    check::fill(rotary, 4, 1.f);
    check::fill(q, 5, 2.f);
    check::fill(dout, 6, 1.f);
    std::vector<float> gains(A), cosines(s.length * R / 2), sines(s.length * R / 2);
    for (int i = 0; i < A; ++i) gains[i] = 1.f + .5f * float(std::sin(double(i)));
    for (int64_t i = 0; i < s.length * R / 2; ++i) {
      const double angle = double(i / (R / 2)) * std::pow(10000., -2. * double(i % (R / 2)) / R);
      cosines[i] = float(std::cos(angle)), sines[i] = float(std::sin(angle));
    }
    gain.set(gains), cosine.set(cosines), sine.set(sines);
  }
  mlac::LatentSource source() {
    return {latent, k_weight, v_weight, rotary, gain, cosine, sine, int(rank), EPS};
  }
  mlac::LatentGradients gradients() { return {d_plain, d_rotary, dv}; }
  float scale() const { return 1.f / std::sqrt(float(A)); }
  void poison() { dq.poison(), d_plain.poison(), d_rotary.poison(), dv.poison(), d_gain.poison(), workspace.poison(); }
};

/// The keys before their norm (bf16, as the forward pass rounds them) in float64, keys and values. One block makes a row.
__global__ void expand_rows(Sizes s, int64_t rank, int n, int u, const bf16* latent, const bf16* k_weight, const bf16* v_weight, const bf16* rotary, const float* gain,
                            const float* cosine, const float* sine, double* x, double* rstd, bf16* k, bf16* v) {
  const int64_t row = blockIdx.x, token = row / s.groups, group = row % s.groups;
  const int a = n + R;
  __shared__ double own[256], total;
  for (int c = threadIdx.x; c < n + u; c += blockDim.x) {
    double sum = 0;
    const bf16* const weight = c < n ? k_weight + group * n + c : v_weight + group * u + c - n;
    for (int64_t i = 0; i < rank; ++i) sum += double(float(latent[token * rank + i])) * double(float(weight[i * s.groups * (c < n ? n : u)]));
    if (c < n) own[c] = float(bf16(float(sum)));
    else v[row * u + c - n] = bf16(float(sum));
  }
  for (int c = threadIdx.x; c < R; c += blockDim.x) own[n + c] = float(rotary[token * R + c]);
  __syncthreads();
  if (threadIdx.x == 0) {
    total = 0;
    for (int c = 0; c < a; ++c) total += own[c] * own[c];
    rstd[row] = 1 / ::sqrt(total / a + double(EPS));
  }
  __syncthreads();
  for (int c = threadIdx.x; c < a; c += blockDim.x) {
    x[row * a + c] = own[c];
    double y = own[c] * rstd[row] * double(gain[c]);
    if (c >= n) {
      const int i = c - n, first = i % (R / 2);
      const int64_t at = token % s.length * (R / 2) + first;
      const double p = own[n + first] * rstd[row] * double(gain[n + first]), w = own[n + first + R / 2] * rstd[row] * double(gain[n + first + R / 2]);
      y = i < R / 2 ? p * double(cosine[at]) - w * double(sine[at]) : w * double(cosine[at]) + p * double(sine[at]);
    }
    k[row * a + c] = bf16(float(y));
  }
}

/// dk [key_rows A] goes back through turn and norm; its place takes the gradient of x. gain_terms: each row's share of the gain's gradient.
__global__ void reduce_rows(Sizes s, int n, const float* gain, const float* cosine, const float* sine, const double* x, const double* rstd, double* dk, double* gain_terms) {
  const int64_t row = blockIdx.x * int64_t(256) + threadIdx.x, token = row / s.groups;
  if (row >= s.key_rows()) return;
  const int a = n + R;
  double* const d = dk + row * a;
  for (int i = 0; i < R / 2; ++i) {
    const int64_t at = token % s.length * (R / 2) + i;
    const double p = d[n + i], w = d[n + i + R / 2], c = cosine[at], e = sine[at];
    d[n + i] = p * c + w * e, d[n + i + R / 2] = w * c - p * e;
  }
  double along = 0;
  for (int c = 0; c < a; ++c) along += d[c] * gain[c] * x[row * a + c] * rstd[row];
  for (int c = 0; c < a; ++c) {
    const double normal = x[row * a + c] * rstd[row];
    gain_terms[row * a + c] = d[c] * normal;
    d[c] = rstd[row] * (d[c] * gain[c] - normal * along / a);
  }
}

template <int N, int U, bool CAUSAL>
void backward(Tensors<N, U>& x) {
  CUDA_OK((mlac::latent_attention_backward<N, R, U, CAUSAL>(nullptr, x.s.batch, x.s.length, x.s.heads, x.s.groups, x.scale(), x.q, x.source(), x.out, x.lse, x.dout, x.dq,
                                                           x.gradients(), x.d_gain, false, x.workspace)));
}
template <int N, int U, bool CAUSAL>
void forward(Tensors<N, U>& x) {
  CUDA_OK((mlac::latent_attention_forward<N, R, U, CAUSAL>(nullptr, x.s.batch, x.s.length, x.s.heads, x.s.groups, x.scale(), x.q, x.source(), x.out, x.lse)));
}
template <int N, int U>
void expand(Tensors<N, U>& x, double* before, double* rstd) {
  expand_rows<<<unsigned(x.s.key_rows()), 256>>>(x.s, x.rank, N, U, x.latent, x.k_weight, x.v_weight, x.rotary, x.gain, x.cosine, x.sine, before, rstd, x.k, x.v);
}

template <int N, int U, bool CAUSAL>
void check_case(const Sizes& s, int64_t rank, bool vanishing = false) {
  constexpr int A = N + R;
  Tensors<N, U> x(s, rank);
  if (vanishing) {
    std::vector<float> gains = x.gain.host();
    gains[3] = 0.f, gains[N + 5] = 0.f;
    x.gain.set(gains);
  }
  const int64_t scores = s.batch * s.heads * s.length * s.length;
  Device<double> before(s.key_rows() * A), rstd(s.key_rows()), p(scores), ds(scores), out(s.rows() * U), lse(s.rows()), dq(s.rows() * A), dk(s.key_rows() * A),
      dv(s.key_rows() * U), terms(s.key_rows() * A);
  expand(x, before, rstd);
  const Reference r{s, A, U, CAUSAL, x.scale(), x.q, x.k, x.v, x.dout, p, ds, out, lse, dq, dk, dv};
  run_reference(r);
  reduce_rows<<<blocks(s.key_rows()), 256>>>(s, N, x.gain, x.cosine, x.sine, before, rstd, dk, terms);
  forward<N, U, CAUSAL>(x);
  CUDA_OK(cudaDeviceSynchronize());
  const auto first_out = x.out.host();
  const auto first_lse = x.lse.host();
  const auto gradient = dk.host(), shares = terms.host();
  std::vector<double> plain, turned, gains(A);
  for (int64_t row = 0; row < s.key_rows(); ++row)
    for (int c = 0; c < A; ++c) {
      (c < N ? plain : turned).push_back(gradient[row * A + c]);
      gains[c] += shares[row * A + c];
    }

  char name[160];
  std::snprintf(name, sizeof name, "latent N %d U %d C %ld %s B %ld T %ld H %ld G %ld%s", N, U, long(rank), CAUSAL ? "causal" : "full", long(s.batch), long(s.length),
                long(s.heads), long(s.groups), vanishing ? " vanishing gains" : "");
  x.poison();
  backward<N, U, CAUSAL>(x);
  CUDA_OK(cudaDeviceSynchronize());
  const auto first_dq = x.dq.host(), first_plain = x.d_plain.host(), first_rotary = x.d_rotary.host(), first_dv = x.dv.host();
  const auto first_gain = x.d_gain.host();
  const auto one = [&](const char* what, const auto& got, const auto& wanted, int64_t width, int64_t heads) {
    const double error = check::relative_error(got, wanted);
    check::report(std::string(name) + " " + what, error, 1e-2);
    if (!(error <= 1e-2)) worst(got, wanted, width, heads, s.length);
  };
  one("out", first_out, out.host(), U, s.heads);
  one("lse", first_lse, lse.host(), 1, s.heads);
  if (s.length > 1) {  // of one token the probability is 1, and but for dv all is rounding errors
    one("dq", first_dq, dq.host(), A, s.heads);
    one("d_plain", first_plain, plain, N, s.groups);
    one("d_rotary", first_rotary, turned, R, s.groups);
    one("d_gain", first_gain, gains, A, 1);
  }
  one("dv", first_dv, dv.host(), U, s.groups);
  double differ = 0;
  for (int round = 0; round < 3; ++round) {
    x.poison(), x.out.poison(), x.lse.poison();
    forward<N, U, CAUSAL>(x);
    backward<N, U, CAUSAL>(x);
    CUDA_OK(cudaDeviceSynchronize());
    differ += bits_differ(x.out.host(), first_out) + bits_differ(x.lse.host(), first_lse) + bits_differ(x.dq.host(), first_dq) + bits_differ(x.d_plain.host(), first_plain) + bits_differ(x.d_rotary.host(), first_rotary) +
              bits_differ(x.dv.host(), first_dv) + bits_differ(x.d_gain.host(), first_gain);
  }
  check::report(std::string(name) + " the same bits again", differ, 0);
  std::fflush(stdout);
}

void checks(bool large) {
  check_case<128, 128, true>({1, 64, 1, 1}, 64);
  check_case<128, 128, true>({2, 128, 2, 2}, 256);
  check_case<128, 128, true>({1, 300, 2, 1}, 512);
  check_case<128, 128, false>({1, 300, 2, 2}, 128);
  check_case<64, 64, true>({1, 190, 2, 2}, 192);
  check_case<128, 64, true>({1, 257, 2, 2}, 320);
  check_case<64, 128, true>({1, 200, 2, 2}, 448);
  check_case<128, 128, true>({1, 200, 2, 2}, 128, true);
  if (!large) return;
  for (int64_t length = 1; length <= 1000; length += 37) check_case<128, 128, true>({1, length, 2, 2}, 128);
  check_case<128, 128, true>({4, 1024, 6, 6}, 256);
  check_case<128, 128, true>({1, 4096, 2, 2}, 512);
}

/// The same gradients of stored keys and values, which take a product, norms and their gradients beside.
void time(const char* name, const Sizes& s, int64_t rank) {
  constexpr int N = 128, U = 128, A = N + R;
  Tensors<N, U> x(s, rank);
  Device<double> before(s.key_rows() * A), rstd(s.key_rows());
  expand(x, before, rstd);
  const auto ahead = [&] {
    CUDA_OK((mlac::attention_forward<A, U, true>(nullptr, s.batch, s.length, s.heads, s.groups, x.scale(), x.q, x.k, x.v, x.out, x.lse)));
  };
  const auto back = [&] {
    CUDA_OK((mlac::attention_backward<A, U, true>(nullptr, s.batch, s.length, s.heads, s.groups, x.scale(), x.q, x.k, x.v, x.out, x.lse, x.dout, x.dq, x.dk, x.dv,
                                                 x.workspace)));
  };
  const double times[] = {check::milliseconds(ahead, 11), check::milliseconds([&] { forward<N, U, true>(x); }, 11), check::milliseconds(back, 11),
                          check::milliseconds([&] { backward<N, U, true>(x); }, 11)};
  std::printf("%-9s B %2ld T %5ld H %2ld C %3ld: forward of stored keys %7.3f ms, of the latent %7.3f ms; backward %7.3f ms and %7.3f ms\n", name, long(s.batch),
              long(s.length), long(s.heads), long(rank), times[0], times[1], times[2], times[3]);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (check::wants(argc, argv, "check")) checks(argc < 2);
  if (check::wants(argc, argv, "time")) {
    time("speedrun", {16, 2048, 6, 6}, 256);
    time("lite", {4, 4096, 16, 16}, 512);
    time("short", {16, 1024, 16, 16}, 512);
    time("long", {1, 32768, 6, 6}, 256);
  }
  return check::failures > 0;
}
