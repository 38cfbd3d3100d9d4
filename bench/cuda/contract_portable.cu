// The portable matrix product: every feature on small odd shapes, in both tile shapes, against a naive kernel in float64; timings on the
// models' shapes. An epilogue that looks at how it is called is part of each check.
#undef MLAC_HOPPER
#include "lib/contract.cuh"

#include <type_traits>

#include "check.cuh"

using namespace mlac;

namespace {

/// What an epilogue can see: the sums, how often each place was stored, the sums of each 64 columns (by lanes' exchange), calls out of order.
template <typename C>
struct Watching {
  float* out;    // [SUMS, rows of all groups, n]
  int* times;    // [rows of all groups, n]
  float* spans;  // [rows of all groups, ceil(n / 64)]
  int* wrong;    // [1]
  int64_t m, n, rows;

  template <typename Sums>
  __device__ void operator()(int group, int64_t row, int64_t column, int count, const Sums& sums) const {
    const int lane = int(threadIdx.x) % WARP;
    const int64_t place = (C::KIND == Kind::ragged_m ? 0 : group * m) + row;
    if (__shfl_sync(0xffffffffu, int(row), lane / 8 * 8) != int(row) || column % 64 != lane % 8 * 8 || (C::ALIGNED && count != 0 && count != RUN)) atomicAdd(wrong, 1);
    float total = 0;
    for (int s = 0; s < C::SUMS; ++s)
      for (int j = 0; j < RUN; ++j)
        if (j < count) total += sums[s][j];
    total = sum_of_lanes<8>(total);
    if (lane % 8 == 0 && count > 0) spans[place * ((n + 63) / 64) + column / 64] = total;
    for (int s = 0; s < C::SUMS; ++s) store<C::ALIGNED>(out + (s * rows + place) * n + column, sums[s], count);
    for (int j = 0; j < count; ++j) atomicAdd(times + place * n + column + j, 1);
  }
  template <typename Sums>
  __device__ void mirror(int group, int64_t row, int64_t column, int count, const Sums& sums) const {
    if (count > 0 && row < column + RUN) atomicAdd(wrong, 1);  // not below the diagonal
    (*this)(group, row, column, count, sums);
  }
};

template <Major MAJOR, bool GATHER>
__device__ double element(const Operand& from, int group, int64_t own, int64_t k) {
  const int64_t stored = MAJOR == Major::k ? own : k, column = MAJOR == Major::k ? k : own;
  return double(to_float(from.data[group * from.group_stride + (GATHER ? int64_t(from.index[stored] / from.divisor) : stored) * from.columns + column]));
}
template <typename C>
__global__ void reference(Extent extent, Product<C::SUMS> product, bool add, int64_t rows, float* out) {
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < C::SUMS * rows * extent.n; i += int64_t(gridDim.x) * blockDim.x) {
    const int64_t n = i % extent.n, row = i / extent.n % rows;
    const int s = int(i / extent.n / rows);
    int group = C::KIND == Kind::ragged_m ? 0 : int(row / extent.m);
    if (C::KIND == Kind::ragged_m)
      while (row >= extent.offsets[group + 1]) ++group;
    const int64_t m = C::KIND == Kind::ragged_m ? row : row % extent.m;
    const int64_t begin = C::KIND == Kind::ragged_k ? extent.offsets[group] : 0, end = C::KIND == Kind::ragged_k ? extent.offsets[group + 1] : product.k;
    double sum = add ? out[i] : 0.;
    for (int64_t k = begin; k < end; ++k) sum += element<C::A, C::GATHER_A>(product.a, group, m, k) * element<C::B, C::GATHER_B>(product.b[s], group, n, k);
    out[i] = float(sum);
  }
}

/// An operand with memory of its own: exactly as much as is needed, so that memcheck sees what lies beyond. Not aligned: begins 2 bytes late.
struct Owned {
  check::Device<bf16> data;
  check::Device<int32_t> index;
  Operand operand;
  Owned(bool aligned, bool gather, int64_t groups, int64_t rows, int64_t columns, uint64_t seed, float scale = 1.f)
      : data((aligned ? 0 : 1) + groups * (gather ? source_rows(rows) : rows) * columns), index(gather ? chosen(rows, seed) : std::vector<int32_t>(1)) {
    check::fill(data, seed, scale);
    operand = {data.data + (aligned ? 0 : 1), rows, columns, groups > 1 ? (gather ? source_rows(rows) : rows) * columns : 0};
    if (gather) operand.index = index, operand.divisor = DIVISOR, operand.source_rows = source_rows(rows);
  }
  static constexpr int DIVISOR = 3;
  static int64_t source_rows(int64_t rows) { return rows / 2 + 1; }
  static std::vector<int32_t> chosen(int64_t rows, uint64_t seed) {
    std::vector<int32_t> index(rows);
    for (int64_t r = 0; r < rows; ++r) index[r] = int32_t((check::uniform(seed + 99, r) * 0.5 + 0.5) * (source_rows(rows) * DIVISOR - 1));
    return index;
  }
};

/// One product's operands. For ragged kinds `extent.m` or `k` is of all groups together.
template <typename C>
struct Data {
  static constexpr bool SHARED_B = C::KIND == Kind::dense || C::KIND == Kind::ragged_k;
  Owned a;
  Owned b[2];
  Data(int64_t groups, int64_t m, int64_t n, int64_t k, uint64_t seed, float scale = 1.f)
      : a(C::ALIGNED, C::GATHER_A, C::KIND == Kind::batched ? groups : 1, C::A == Major::k ? m : k, C::A == Major::k ? k : m, seed, scale),
        b{{C::ALIGNED, C::GATHER_B, SHARED_B ? 1 : groups, C::B == Major::k ? n : k, C::B == Major::k ? k : n, seed + 1, scale},
          {C::ALIGNED, C::GATHER_B, SHARED_B ? 1 : groups, C::SUMS < 2 ? 1 : C::B == Major::k ? n : k, C::SUMS < 2 ? 8 : C::B == Major::k ? k : n, seed + 2, scale}} {}
  Product<C::SUMS> product(int64_t k) const {
    Product<C::SUMS> out{C::KIND == Kind::ragged_k ? 0 : k, a.operand, {}};
    for (int s = 0; s < C::SUMS; ++s) out.b[s] = C::SYMMETRIC ? a.operand : b[s].operand;
    return out;
  }
};

/// `groups` counts that sum to what they may, every third one 0, and the offsets of them.
std::vector<int32_t> ragged(int groups, int around) {
  std::vector<int32_t> offsets{0};
  for (int g = 0; g < groups; ++g) offsets.push_back(offsets.back() + (g % 3 == 1 ? 0 : int(around * (check::uniform(5, g) + 1.f)) + 1));
  return offsets;
}

/// m or k is about the mean of a group where that is ragged. `k2`: of the second product.
template <typename C>
void compare(const char* name, int groups, int64_t m, int64_t n, int64_t k, int64_t k2 = 0) {
  const std::vector<int32_t> offsets = ragged(groups, int(C::KIND == Kind::ragged_m ? m : k));
  const check::Device<int32_t> on_device(offsets);
  if (C::KIND == Kind::ragged_m) m = offsets.back();
  if (C::KIND == Kind::ragged_k) k = k2 = offsets.back();
  const Data<C> data(groups, m, n, k, 7);
  const Data<C> more(groups, m, n, C::PRODUCTS > 1 ? k2 : 8, 77);
  const Extent extent{groups, m, n, on_device};
  const int64_t rows = C::KIND == Kind::ragged_m ? m : m * groups;
  check::Device<float> wanted(C::SUMS * rows * n);
  portable::Job<C, Watching<C>> job{extent, {}, {}};
  for (int p = 0; p < C::PRODUCTS; ++p) {
    job.products[p] = p == 0 ? data.product(k) : more.product(k2);
    reference<C><<<1024, 128>>>(extent, job.products[p], p > 0, rows, wanted);
    CUDA_OK(cudaGetLastError());
  }
  const std::vector<float> right = wanted.host();
  for (int shape = 0; shape < 2; ++shape) {
    const int64_t across = (n + 63) / 64;
    check::Device<float> out(C::SUMS * rows * n), spans(rows * across);
    check::Device<int> times(rows * n), wrong(1);
    times.zero(), wrong.zero();
    job.epilogue = {out, times, spans, wrong, m, n, rows};
    CUDA_OK(shape ? portable::launch<true>(0, job) : portable::launch<false>(0, job));
    CUDA_OK(cudaDeviceSynchronize());
    char title[160];
    std::snprintf(title, sizeof title, "%s %s groups %d m %lld n %lld k %lld", name, shape ? "large" : "small", groups, (long long)m, (long long)n, (long long)k);
    const std::vector<float> got = out.host();
    check::report(title, check::relative_error(got, right), 1e-5);
    int64_t not_once = 0, first = -1, bad = 0, first_bad = -1;
    const std::vector<int> stored = times.host();
    for (size_t i = 0; i < stored.size(); ++i)
      if (stored[i] != 1 && ++not_once == 1) first = int64_t(i);
    for (size_t i = 0; i < right.size(); ++i)
      if (!(std::fabs(got[i] - right[i]) <= 1e-3f * (1.f + std::fabs(right[i]))) && ++bad == 1) first_bad = int64_t(i);
    if (bad) std::printf("     %lld of %zu differ, the first at sum %lld row %lld column %lld: %g, wanted %g\n", (long long)bad, right.size(), (long long)(first_bad / n / rows), (long long)(first_bad / n % rows), (long long)(first_bad % n), got[first_bad], right[first_bad]);
    std::vector<double> sums(rows * across, 0.);
    for (int s = 0; s < C::SUMS; ++s)
      for (int64_t i = 0; i < rows * n; ++i) sums[i / n * across + i % n / 64] += double(right[s * rows * n + i]);
    check::report(std::string(title) + " lanes", check::relative_error(spans.host(), sums), 1e-4);
    const int calls = wrong.host()[0];
    if (not_once || calls) {
      ++check::failures;
      std::printf("FAIL %s: %lld places not stored once (first: row %lld column %lld, %d times), %d wrong calls\n", title, (long long)not_once, (long long)(first / n), (long long)(first % n), first < 0 ? 1 : stored[first], calls);
    }
  }
}

constexpr Major K = Major::k, OWN = Major::own;
constexpr Kind DENSE = Kind::dense, BATCHED = Kind::batched, RAGGED_M = Kind::ragged_m, RAGGED_K = Kind::ragged_k;

template <Major A, Major B>
void compare_layout(const char* name) {
  using C = Contraction<DENSE, A, B>;
  compare<C>(name, 1, 8, 8, 8);
  compare<C>(name, 1, 128, 128, 96);
  compare<C>(name, 1, 200, 328, 72);
  compare<C>(name, 1, 1352, 264, 520);  // more than a band of tiles
  using Odd = Contraction<DENSE, A, B, 1, 1, false>;
  const std::string odd = std::string(name) + " odd";
  compare<Odd>(odd.c_str(), 1, 1, 1, 1);
  compare<Odd>(odd.c_str(), 1, 133, 201, 39);
}

void compare_all() {
  compare_layout<K, K>("dense k k");
  compare_layout<K, OWN>("dense k own");
  compare_layout<OWN, K>("dense own k");
  compare_layout<OWN, OWN>("dense own own");
  compare<Contraction<DENSE, K, OWN>>("dense without k", 1, 72, 40, 0);

  compare<Contraction<DENSE, K, K, 2>>("two sums k k", 1, 200, 136, 72);
  compare<Contraction<DENSE, K, OWN, 2>>("two sums k own", 1, 300, 72, 136);
  compare<Contraction<DENSE, OWN, OWN, 2, 1, false>>("two sums own own odd", 1, 77, 131, 37);
  compare<Contraction<DENSE, K, K, 1, 2>>("two products k k", 1, 200, 136, 72, 104);
  compare<Contraction<DENSE, K, K, 1, 2>>("two products, the first empty", 1, 200, 136, 0, 40);
  compare<Contraction<DENSE, K, K, 1, 2>>("two products, the second empty", 1, 200, 136, 40, 0);
  compare<Contraction<RAGGED_M, K, OWN, 2, 2, true, true>>("two products of two sums, ragged m, gathered", 7, 90, 136, 72, 104);
  compare<Contraction<DENSE, OWN, OWN, 1, 2, true, true, true>>("two products own own gathered", 1, 136, 200, 70, 101);

  compare<Contraction<BATCHED, K, OWN>>("batched k own", 3, 133, 136, 72);
  compare<Contraction<BATCHED, OWN, K, 2, 1, false>>("batched own k two sums odd", 3, 67, 70, 45);

  compare<Contraction<RAGGED_M, K, OWN>>("ragged m k own", 40, 50, 136, 72);
  compare<Contraction<RAGGED_M, K, K, 2, 1, true, true>>("ragged m k k two sums gathered", 6, 150, 200, 72);
  compare<Contraction<RAGGED_M, K, K, 1, 1, false, true>>("ragged m k k gathered odd", 5, 30, 77, 51);
  compare<Contraction<RAGGED_M, OWN, OWN>>("ragged m own own", 5, 60, 72, 40);

  compare<Contraction<RAGGED_K, OWN, OWN>>("ragged k own own", 7, 136, 200, 90);
  compare<Contraction<RAGGED_K, OWN, OWN, 2, 1, true, true>>("ragged k two sums, a gathered", 7, 136, 72, 50);
  compare<Contraction<RAGGED_K, OWN, OWN, 1, 1, true, false, true>>("ragged k, b gathered", 7, 136, 200, 50);
  compare<Contraction<RAGGED_K, OWN, OWN, 1, 1, false, true>>("ragged k odd, a gathered", 5, 31, 45, 21);
  compare<Contraction<RAGGED_K, K, K>>("ragged k k k", 4, 136, 72, 44);

  compare<Contraction<DENSE, K, K, 1, 1, true, true, true>>("dense k k gathered", 1, 200, 136, 72);
  compare<Contraction<DENSE, OWN, OWN, 1, 1, true, true, true>>("dense own own gathered", 1, 200, 136, 77);

  compare<Contraction<DENSE, K, K, 1, 1, true, false, false, true>>("symmetric k k", 1, 8, 8, 8);
  compare<Contraction<DENSE, K, K, 1, 1, true, false, false, true>>("symmetric k k", 1, 456, 456, 72);
  compare<Contraction<BATCHED, OWN, OWN, 1, 1, true, false, false, true>>("symmetric own own batched", 3, 328, 328, 104);
  compare<Contraction<DENSE, K, K, 1, 1, false, false, false, true>>("symmetric k k odd", 1, 301, 301, 39);

  // The choice of a shape, and nothing to do.
  using C = Contraction<DENSE, K, K>;
  const Data<C> data(1, 128, 64, 64, 3);
  const Product<1> products[1] = {data.product(64)};
  check::Device<float> out(128 * 64), spans(128);
  check::Device<int> times(128 * 64), wrong(1);
  times.zero(), wrong.zero();
  const Watching<C> epilogue{out, times, spans, wrong, 128, 64, 128};
  CUDA_OK(contract<C>(0, Extent{1, 0, 64, nullptr}, products, epilogue));
  CUDA_OK(contract<C>(0, Extent{1, 128, 64, nullptr}, products, epilogue));
  CUDA_OK(cudaDeviceSynchronize());
  int64_t once = 0;
  for (const int t : times.host()) once += t == 1;
  check::report("contract()", once == 128 * 64 ? 0. : 1., 0.);
}

struct Storing {
  bf16* out;
  int64_t m, n;
  bool ragged;
  template <typename Sums>
  __device__ void operator()(int group, int64_t row, int64_t column, int count, const Sums& sums) const {
    Run x = sums[0];
    if constexpr (std::extent_v<Sums> == 2)
      for (int j = 0; j < RUN; ++j) x[j] = silu(x[j]) * sums[1][j];
    store<true>(out + ((ragged ? 0 : group * m) + row) * n + column, x, count);
  }
  template <typename Sums>
  __device__ void mirror(int group, int64_t row, int64_t column, int count, const Sums& sums) const {
    (*this)(group, row, column, count, sums);
  }
};

/// m or k of all groups together where ragged; groups are of equal size then.
template <typename C>
void time(const char* name, int groups, int64_t m, int64_t n, int64_t k) {
  std::vector<int32_t> offsets{0};
  for (int g = 1; g <= groups; ++g) offsets.push_back(int32_t((C::KIND == RAGGED_M ? m : k) * g / groups));
  const check::Device<int32_t> on_device(offsets);
  const Data<C> data(groups, m, n, k, 11);
  const int64_t all = C::KIND == RAGGED_M ? m : m * groups;
  check::Device<bf16> out(all * n);
  const Product<C::SUMS> products[1] = {data.product(k)};
  const Extent extent{groups, m, n, on_device};
  const double ms = check::milliseconds([&] { CUDA_OK(contract<C>(0, extent, products, Storing{out, m, n, C::KIND == RAGGED_M})); }, 11);
  const double products_of_all = 2. * m * n * k * C::SUMS * (C::KIND == BATCHED ? groups : 1);
  std::printf("TIME %-44s groups %3d m %6lld n %6lld k %6lld: %8.3f ms %6.1f TFLOP/s\n", name, groups, (long long)m, (long long)n, (long long)k, ms, products_of_all / ms / 1e9);
}

void time_all() {
  time<Contraction<DENSE, K, OWN>>("dense k own", 1, 8192, 8192, 8192);
  time<Contraction<DENSE, K, K>>("dense k k", 1, 8192, 8192, 8192);
  time<Contraction<DENSE, OWN, OWN>>("dense own own", 1, 8192, 8192, 8192);
  time<Contraction<DENSE, K, OWN>>("speedrun: projection", 1, 32768, 1152, 768);
  time<Contraction<DENSE, K, OWN, 2>>("speedrun: gate and up, dense layer", 1, 32768, 2560, 768);
  time<Contraction<DENSE, OWN, OWN>>("speedrun: gradient of down", 1, 2560, 768, 32768);
  time<Contraction<DENSE, K, OWN>>("speedrun: router", 1, 32768, 32, 768);
  time<Contraction<DENSE, K, K>>("speedrun: logits", 1, 8192, 131072, 768);
  time<Contraction<RAGGED_M, K, OWN, 2, 1, true, true>>("speedrun: experts' gate and up, gathered", 32, 131072, 512, 768);
  time<Contraction<RAGGED_M, K, OWN>>("speedrun: experts' down", 32, 131072, 768, 512);
  time<Contraction<RAGGED_K, OWN, OWN, 1, 1, true, true>>("speedrun: experts' gradient of gate, gathered", 32, 768, 512, 131072);
  time<Contraction<DENSE, K, K, 1, 1, true, false, false, true>>("speedrun: muon, symmetric (of the full count)", 1, 768, 768, 2560);
  time<Contraction<BATCHED, K, K, 1, 1, true, false, false, true>>("lite: muon of experts, symmetric (full count)", 64, 1408, 1408, 2048);
  time<Contraction<DENSE, K, OWN>>("lite: projection", 1, 16384, 3072, 2048);
}

}  // namespace

int main(int argc, char** argv) {
  if (check::wants(argc, argv, "check")) compare_all();
  if (check::wants(argc, argv, "time")) time_all();
  std::printf(check::failures ? "%d FAILED\n" : "all passed\n", check::failures);
  return check::failures ? 1 : 0;
}
