// Attention and its gradients the plain way, in float64, and how results are compared with it.
#pragma once

#include "check.cuh"

struct Sizes {
  int64_t batch, length, heads, groups;
  __host__ __device__ int64_t rows() const { return batch * length * heads; }
  __host__ __device__ int64_t key_rows() const { return batch * length * groups; }
};

// The plain way, in float64: all scores of all heads exist. One thread makes one number.
struct Reference {
  Sizes s;
  int a, u;
  bool causal;
  double scale;
  const mlac::bf16 *q, *k, *v, *dout;
  double *p, *ds;  // [batch heads length length]
  double *out, *lse, *dq, *dk, *dv;
};
inline __device__ double dot(const mlac::bf16* x, const mlac::bf16* y, int n) {
  double sum = 0;
  for (int i = 0; i < n; ++i) sum += double(float(x[i])) * double(float(y[i]));
  return sum;
}
static __global__ void reference_scores(Reference r) {
  const int64_t i = blockIdx.x * int64_t(256) + threadIdx.x, T = r.s.length, H = r.s.heads;
  if (i >= r.s.batch * H * T * T) return;
  const int64_t key = i % T, query = i / T % T, h = i / T / T % H, b = i / T / T / H, g = h / (H / r.s.groups);
  const bool counts = !r.causal || key <= query;
  const int64_t row = (b * T + query) * H + h, key_row = (b * T + key) * r.s.groups + g;
  r.p[i] = counts ? r.scale * dot(r.q + row * r.a, r.k + key_row * r.a, r.a) : -INFINITY;
  r.ds[i] = counts ? dot(r.dout + row * r.u, r.v + key_row * r.u, r.u) : 0.;
}
static __global__ void reference_rows(Reference r) {
  const int64_t i = blockIdx.x * int64_t(256) + threadIdx.x, T = r.s.length, H = r.s.heads;
  if (i >= r.s.batch * H * T) return;
  const int64_t query = i % T, h = i / T % H, b = i / T / H, row = (b * T + query) * H + h;
  double *p = r.p + i * T, *ds = r.ds + i * T, top = -INFINITY, sum = 0, d = 0;
  for (int64_t j = 0; j < T; ++j) top = fmax(top, p[j]);
  for (int64_t j = 0; j < T; ++j) sum += ::exp(p[j] - top);
  r.lse[row] = top + ::log(sum);
  for (int64_t j = 0; j < T; ++j) p[j] = ::exp(p[j] - r.lse[row]), d += p[j] * ds[j];
  for (int64_t j = 0; j < T; ++j) ds[j] = p[j] * (ds[j] - d) * r.scale;
}
static __global__ void reference_queries(Reference r) {  // out and dq
  const int64_t W = r.a + r.u, i = blockIdx.x * int64_t(256) + threadIdx.x, T = r.s.length, H = r.s.heads, G = r.s.groups;
  if (i >= r.s.rows() * W) return;
  const int64_t c = i % W, row = i / W, h = row % H, query = row / H % T, b = row / H / T, g = h / (H / G), of = ((b * H + h) * T + query) * T;
  double sum = 0;
  for (int64_t j = 0; j < T; ++j) {
    const int64_t key_row = (b * T + j) * G + g;
    sum += c < r.a ? r.ds[of + j] * double(float(r.k[key_row * r.a + c])) : r.p[of + j] * double(float(r.v[key_row * r.u + c - r.a]));
  }
  (c < r.a ? r.dq[row * r.a + c] : r.out[row * r.u + c - r.a]) = sum;
}
static __global__ void reference_keys(Reference r) {  // dk and dv
  const int64_t W = r.a + r.u, i = blockIdx.x * int64_t(256) + threadIdx.x, T = r.s.length, H = r.s.heads, G = r.s.groups;
  if (i >= r.s.key_rows() * W) return;
  const int64_t c = i % W, key_row = i / W, g = key_row % G, key = key_row / G % T, b = key_row / G / T;
  double sum = 0;
  for (int64_t h = g * (H / G); h < (g + 1) * (H / G); ++h)
    for (int64_t t = 0; t < T; ++t) {
      const int64_t row = (b * T + t) * H + h, of = ((b * H + h) * T + t) * T + key;
      sum += c < r.a ? r.ds[of] * double(float(r.q[row * r.a + c])) : r.p[of] * double(float(r.dout[row * r.u + c - r.a]));
    }
  (c < r.a ? r.dk[key_row * r.a + c] : r.dv[key_row * r.u + c - r.a]) = sum;
}

inline unsigned blocks(int64_t n) { return unsigned(mlac::ceil_div(n, 256)); }

/// All of a reference's numbers.
inline void run_reference(const Reference& r) {
  const Sizes& s = r.s;
  const int64_t scores = s.batch * s.heads * s.length * s.length;
  reference_scores<<<blocks(scores), 256>>>(r);
  reference_rows<<<blocks(s.rows()), 256>>>(r);
  reference_queries<<<blocks(s.rows() * (r.a + r.u)), 256>>>(r);
  reference_keys<<<blocks(s.key_rows() * (r.a + r.u)), 256>>>(r);
}

template <typename T>
double bits_differ(const std::vector<T>& a, const std::vector<T>& b) { return std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0 ? 0. : 1.; }

/// Where the error lies: the row, counted in tiles of 64 tokens, with the largest one.
template <typename T>
void worst(const std::vector<T>& got, const std::vector<double>& wanted, int64_t width, int64_t heads, int64_t length) {
  size_t at = 0;
  double most = -1;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const double error = std::fabs(double(float(got[i])) - wanted[i]);
    if (!(error <= most)) at = i, most = error;
    if (error != error) break;
  }
  const int64_t row = at / width, t = row / heads % length;
  std::printf("     worst: sequence %ld head %ld token %ld (tile %ld + %ld) column %ld: %g instead of %g\n", long(row / heads / length), long(row % heads), long(t), long(t / 64),
              long(t % 64), long(at % width), double(float(got[at])), wanted[at]);
}
