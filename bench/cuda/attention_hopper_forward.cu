// Attention's forward pass on Hopper: against float64, against the portable kernel, run against run, and its speed.
#include "check.cuh"
#include "lib/attention.cuh"

using check::Device;
using mlac::bf16;

namespace {

struct Sizes {
  int64_t batch, length, heads, groups;
  int64_t rows() const { return batch * length * heads; }
  int64_t key_rows() const { return batch * length * groups; }
};

template <int A, int U>
struct Tensors {
  Device<bf16> q, k, v, out;
  Device<float> lse;
  explicit Tensors(const Sizes& s) : q(s.rows() * A), k(s.key_rows() * A), v(s.key_rows() * U), out(s.rows() * U), lse(s.rows()) {
    check::fill(q, 1, 3.f);
    check::fill(k, 2, 2.f);
    check::fill(v, 3);
  }
};

/// A block computes one query's row in float64, the plain way. `weights`: length numbers in shared memory, and two that wide loads may meet.
__global__ void reference(const bf16* q, const bf16* k, const bf16* v, double* out, double* lse, int length, int heads, int groups, int a, int u, bool causal, double scale) {
  extern __shared__ double weights[];
  __shared__ double partial[128];
  const int64_t row = blockIdx.x, head = row % heads, token = row / heads % length, first = row / heads / length * length, group = head / (heads / groups);
  const int seen = causal ? int(token) + 1 : length;
  const auto key_row = [&](int j) { return (first + j) * groups + group; };
  double top = -INFINITY, sum = 0;
  for (int j = threadIdx.x; j < seen; j += 128) {
    double score = 0;
    for (int c = 0; c < a; ++c) score += double(float(q[row * a + c])) * double(float(k[key_row(j) * a + c]));
    weights[j] = score * scale;
  }
  __syncthreads();
  for (int j = threadIdx.x; j < seen; j += 128) top = fmax(top, weights[j]);
  partial[threadIdx.x] = top;
  __syncthreads();
  for (int i = 0; i < 128; ++i) top = fmax(top, partial[i]);
  __syncthreads();
  for (int j = threadIdx.x; j < seen; j += 128) sum += weights[j] = ::exp(weights[j] - top);
  partial[threadIdx.x] = sum;
  __syncthreads();
  sum = 0;
  for (int i = 0; i < 128; ++i) sum += partial[i];
  for (int c = threadIdx.x; c < u; c += 128) {
    double x = 0;
    for (int j = 0; j < seen; ++j) x += weights[j] * double(float(v[key_row(j) * u + c]));
    out[row * u + c] = x / sum;
  }
  if (threadIdx.x == 0) lse[row] = top + ::log(sum);
}

template <int A, int U, bool CAUSAL, typename Kernel>
void run(const Kernel& kernel, Tensors<A, U>& x, const Sizes& s) {
  CUDA_OK(kernel(nullptr, s.batch, s.length, s.heads, s.groups, 1.f / std::sqrt(float(A)), x.q, x.k, x.v, x.out, x.lse));
}

/// Where the largest error lies.
template <typename T>
void worst(const std::vector<T>& got, const std::vector<double>& wanted, int64_t width, const Sizes& s) {
  size_t at = 0, wrong = 0;
  double most = -1;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const double error = std::fabs(double(float(got[i])) - wanted[i]);
    if (!(error < 0.05)) ++wrong;
    if (!(error <= most) && most == most) at = i, most = error;
  }
  const int64_t row = at / width;
  std::printf("     %zu of %zu far off; worst: sequence %ld token %ld head %ld column %ld: %g instead of %g\n", wrong, wanted.size(), long(row / s.heads / s.length),
              long(row / s.heads % s.length), long(row % s.heads), long(at % width), double(float(got[at])), wanted[at]);
}

/// All lengths with these widths: a line for what is wrong, and one for the largest errors.
template <int A, int U, bool CAUSAL>
void check_widths() {
  double most_out = 0, most_lse = 0, most_portable = 0, differ = 0;
  const Sizes cases[] = {{2, 1, 2, 1}, {2, 7, 2, 2}, {1, 63, 3, 1}, {2, 64, 1, 1}, {2, 65, 4, 2}, {2, 127, 2, 2}, {2, 128, 2, 1}, {2, 129, 2, 2}, {3, 200, 2, 1}, {2, 333, 6, 3}, {1, 512, 2, 2}, {2, 1000, 4, 2}, {4, 1500, 16, 16}};
  for (const Sizes& s : cases) {
    if (s.rows() > 20000 && !(A == 192 && U == 128)) continue;
    Tensors<A, U> x(s);
    Device<double> out(s.rows() * U), lse(s.rows());
    reference<<<unsigned(s.rows()), 128, (s.length + 2) * sizeof(double)>>>(x.q, x.k, x.v, out, lse, int(s.length), int(s.heads), int(s.groups), A, U, CAUSAL, 1. / std::sqrt(double(A)));
    CUDA_OK(cudaGetLastError());
    const auto kernel = mlac::attention_forward<A, U, CAUSAL>;
    run<A, U, CAUSAL>(kernel, x, s);
    CUDA_OK(cudaDeviceSynchronize());
    const auto first_out = x.out.host();
    const auto first_lse = x.lse.host();
    const auto wanted_out = out.host(), wanted_lse = lse.host();
    const double error_out = check::relative_error(first_out, wanted_out), error_lse = check::relative_error(first_lse, wanted_lse);
    if (!(error_out <= 1e-2 && error_lse <= 1e-5)) {
      std::printf("wrong: A %d U %d %s B %ld T %ld H %ld G %ld: out %.2e lse %.2e\n", A, U, CAUSAL ? "causal" : "full", long(s.batch), long(s.length), long(s.heads), long(s.groups),
                  error_out, error_lse);
      worst(first_out, wanted_out, U, s);
      worst(first_lse, wanted_lse, 1, s);
    }
    most_out = std::max(most_out, error_out), most_lse = std::max(most_lse, error_lse);
    for (int round = 0; round < 3; ++round) {
      x.out.poison(), x.lse.poison();
      run<A, U, CAUSAL>(kernel, x, s);
      CUDA_OK(cudaDeviceSynchronize());
      const auto out_again = x.out.host();
      const auto lse_again = x.lse.host();
      differ += std::memcmp(out_again.data(), first_out.data(), first_out.size() * sizeof(bf16)) != 0;
      differ += std::memcmp(lse_again.data(), first_lse.data(), first_lse.size() * sizeof(float)) != 0;
    }
    if constexpr (A == 192 && U == 128) {
      run<A, U, CAUSAL>(mlac::flash::portable_forward<A, U, CAUSAL>, x, s);
      CUDA_OK(cudaDeviceSynchronize());
      most_portable = std::max(most_portable, check::relative_error(first_out, x.out.host()));
    }
  }
  char name[80];
  std::snprintf(name, sizeof name, "A %d U %d %s ", A, U, CAUSAL ? "causal" : "full");
  check::report(std::string(name) + "out", most_out, 1e-2);
  check::report(std::string(name) + "lse", most_lse, 1e-5);
  if (A == 192 && U == 128) check::report(std::string(name) + "out as the portable kernel's", most_portable, 1e-2);
  check::report(std::string(name) + "the same bits again", differ, 0);
  std::fflush(stdout);
}

/// FLOPs: 2·(A + U) for each pair of a query and a key that it sees; half the pairs where CAUSAL.
template <int A, int U, bool CAUSAL>
void time(const Sizes& s) {
  Tensors<A, U> x(s);
  const double flops = double(s.batch * s.heads) * s.length * s.length * 2 * (A + U) / (CAUSAL ? 2 : 1);
  std::printf("A %3d U %3d %-6s B %2ld H %2ld T %5ld:", A, U, CAUSAL ? "causal" : "full", long(s.batch), long(s.heads), long(s.length));
  const auto one = [&](const char* name, const auto& kernel) {
    const double ms = check::milliseconds([&] { run<A, U, CAUSAL>(kernel, x, s); }, 11);
    std::printf("  %s %7.3f ms %4.0f TFLOP/s", name, ms, flops / ms * 1e-9);
  };
  if constexpr (A == 192 && CAUSAL) one("portable", mlac::flash::portable_forward<A, U, CAUSAL>);
  one("in turns", mlac::flash::warpgroups::forward<A, U, CAUSAL, true>);
  one("free", mlac::flash::warpgroups::forward<A, U, CAUSAL, false>);
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (check::wants(argc, argv, "check")) {
    check_widths<192, 128, true>();
    check_widths<192, 128, false>();
    check_widths<128, 128, true>();
    check_widths<128, 128, false>();
    check_widths<128, 64, true>();
    check_widths<64, 64, true>();
    check_widths<64, 64, false>();
    check_widths<192, 64, true>();
    check_widths<64, 128, true>();
  }
  if (check::wants(argc, argv, "time")) {
    time<192, 128, true>({16, 1024, 16, 16});
    time<192, 128, true>({4, 4096, 16, 16});
    time<192, 128, true>({16, 2048, 6, 6});
    time<192, 128, true>({1, 32768, 16, 16});
    time<192, 128, false>({4, 4096, 16, 16});
    time<128, 128, true>({4, 4096, 16, 16});
    time<64, 64, true>({4, 4096, 16, 16});
  }
  return check::failures > 0;
}
