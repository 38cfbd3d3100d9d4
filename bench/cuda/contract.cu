// Checks and timings of matrix products through mlac::contract; with -DMLAC_HOPPER also of each shape of Hopper's tiles on its own.
// Every case prints its name before it runs, and a case that does not end within ten seconds ends the program.
#include "lib/contract.cuh"

#include <chrono>

#include "check.cuh"

using namespace mlac;
using check::Device;

// ---------------------------------------------------------------------------------------------------------------- epilogues

/// Sum s of C[group, m, n] is written as bf16, rows of `columns`, groups `group_rows` rows apart.
template <int SUMS, bool ALIGNED>
struct Write {
  bf16* to[SUMS];
  int64_t columns, group_rows;
  __device__ void operator()(int group, int64_t m, int64_t n, int count, const Run (&sums)[SUMS]) const {
#pragma unroll
    for (int s = 0; s < SUMS; ++s) store<ALIGNED>(to[s] + (group * group_rows + m) * columns + n, sums[s], count);
  }
  __device__ void mirror(int group, int64_t m, int64_t n, int count, const Run (&sums)[SUMS]) const { (*this)(group, m, n, count, sums); }
};
/// Added to float32.
template <int SUMS, bool ALIGNED>
struct Add {
  float* to[SUMS];
  int64_t columns, group_rows;
  __device__ void operator()(int group, int64_t m, int64_t n, int count, const Run (&sums)[SUMS]) const {
#pragma unroll
    for (int s = 0; s < SUMS; ++s) {
      float* at = to[s] + (group * group_rows + m) * columns + n;
      Run x = load<ALIGNED>(at, count);
#pragma unroll
      for (int j = 0; j < RUN; ++j) x[j] += sums[s][j];
      store<ALIGNED>(at, x, count);
    }
  }
  __device__ void mirror(int group, int64_t m, int64_t n, int count, const Run (&sums)[SUMS]) const { (*this)(group, m, n, count, sums); }
};
/// The same, read ahead.
struct AddFetched : Add<1, true> {
  __device__ Run fetch(int group, int64_t m, int64_t n, int count) const { return load<true>(to[0] + (group * group_rows + m) * columns + n, count); }
  using Add<1, true>::operator();
  __device__ void operator()(int group, int64_t m, int64_t n, int count, const Run (&sums)[1], Run x) const {
#pragma unroll
    for (int j = 0; j < RUN; ++j) x[j] += sums[0][j];
    store<true>(to[0] + (group * group_rows + m) * columns + n, x, count);
  }
};
/// Two sums to a SwiGLU's hidden row, as a feed-forward's first kernel does it.
struct Gated {
  bf16 *gate, *up, *hidden;
  int64_t columns;
  __device__ void operator()(int, int64_t m, int64_t n, int count, const Run (&sums)[2]) const {
    Run y;
#pragma unroll
    for (int j = 0; j < RUN; ++j) y[j] = silu(sums[0][j]) * sums[1][j];
    store<true>(gate + m * columns + n, sums[0], count);
    store<true>(up + m * columns + n, sums[1], count);
    store<true>(hidden + m * columns + n, y, count);
  }
};

/// Whole rows of ROW_ sums, each divided by its length.
template <int ROW_>
struct Normed {
  static constexpr int ROW = ROW_, ROOM = 1;
  static constexpr bool ROUNDED = false;
  float* to;
  int64_t columns;
  __device__ void row(int64_t m, int64_t head, float* sums, float* room, int lane) const {
    float squares = 0;
    for (int i = lane; i < ROW; i += 8) squares += sums[i] * sums[i];
    squares = sum_of_lanes<8>(squares);
    if (lane == 0) room[0] = rsqrtf(squares);
    __syncwarp();
    for (int i = lane; i < ROW; i += 8) to[m * columns + head * ROW + i] = sums[i] * room[0];
  }
};

// ----------------------------------------------------------------------------------------------------------------- problems

struct Sizes {
  int groups;
  int64_t m, n;
  std::vector<int64_t> k;     // of each product; ragged: ignored
  std::vector<int> ragged{};  // rows of each group
};

template <typename C>
struct Problem {
  static constexpr bool RAGGED_M = C::KIND == Kind::ragged_m, RAGGED_K = C::KIND == Kind::ragged_k;
  Sizes sizes;
  Extent extent;
  Product<C::SUMS> products[C::PRODUCTS];
  std::vector<Device<bf16>*> memory;
  std::vector<Device<int32_t>*> indices;
  Device<int32_t>* offsets = nullptr;
  int64_t total = 0;  // ragged rows
  int64_t out_rows = 0;

  explicit Problem(const Sizes& s) : sizes(s) {
    std::vector<int32_t> begin{0};
    for (int rows : s.ragged) begin.push_back(begin.back() + rows);
    total = begin.back();
    if (RAGGED_M || RAGGED_K) offsets = new Device<int32_t>(begin);
    extent = {s.groups, RAGGED_M ? total : s.m, s.n, offsets ? offsets->data : nullptr};
    out_rows = RAGGED_M ? total : s.groups * s.m;
    for (int p = 0; p < C::PRODUCTS; ++p) {
      Product<C::SUMS>& product = products[p];
      product.k = RAGGED_K ? 0 : s.k[p];
      const int64_t k = RAGGED_K ? total : s.k[p];
      const bool shared = RAGGED_K || C::KIND == Kind::dense;
      const float scale = 1.f / std::sqrt(float(std::max<int64_t>(1, RAGGED_K ? total / s.groups : k)));
      product.a = operand(100 + p, C::A == Major::k ? extent.m : k, C::A == Major::k ? k : extent.m, shared || RAGGED_M, C::GATHER_A, scale, RAGGED_K);
      for (int i = 0; i < C::SUMS; ++i)
        product.b[i] = operand(200 + 10 * p + i, C::B == Major::k ? s.n : k, C::B == Major::k ? k : s.n, shared, C::GATHER_B, 1.f, RAGGED_K);
      if (C::SYMMETRIC) product.b[0] = product.a;
    }
  }
  Problem(const Problem&) = delete;
  ~Problem() {
    for (auto* x : memory) delete x;
    for (auto* x : indices) delete x;
    delete offsets;
  }
  /// 40 more rows of NaN lie behind an operand whose k is ragged: nobody may count them.
  Operand operand(int seed, int64_t rows, int64_t columns, bool shared, bool gathered, float scale, bool more) {
    const int divisor = gathered ? 3 : 1;
    const int64_t source_rows = gathered ? rows / divisor + 5 : rows, extra = more && !gathered ? 40 : 0;
    const int64_t count = (shared ? 1 : sizes.groups) * source_rows * columns;
    memory.push_back(new Device<bf16>(count + extra * columns));
    check::fill_kernel<<<1024, 256>>>(memory.back()->data, count, seed, scale);
    Operand x{memory.back()->data, rows + extra, columns, shared ? 0 : rows * columns};
    if (gathered) {
      std::vector<int32_t> index(rows);
      for (int64_t r = 0; r < rows; ++r) index[r] = int32_t(uint64_t(r * 7919 + seed) % uint64_t(source_rows * divisor));
      indices.push_back(new Device<int32_t>(index));
      x.index = indices.back()->data;
      x.divisor = divisor;
      x.source_rows = source_rows;
    }
    return x;
  }
  double flops() const {
    double each = 0;
    for (int p = 0; p < C::PRODUCTS; ++p) each += RAGGED_K ? double(total) * sizes.m : double(out_rows) * products[p].k;
    return 2. * each * sizes.n * C::SUMS;
  }
};

__device__ float element(const Operand& x, bool k_major, int group, int64_t own, int64_t k) {
  int64_t row = k_major ? own : k;
  const int64_t column = k_major ? k : own;
  if (x.index) row = x.index[row] / x.divisor;
  return to_float(x.data[group * x.group_stride + row * x.columns + column]);
}
/// One element of every sum for each thread, in float64.
template <typename C>
__global__ void reference(Extent extent, Product<C::SUMS> product, int64_t group_rows, int64_t out_rows, double* out) {
  const int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
  if (i >= out_rows * extent.n) return;
  const int64_t row = i / extent.n, n = i % extent.n;
  int group = 0;
  int64_t m = row, begin = 0, end = product.k;
  if (C::KIND == Kind::ragged_m) {
    while (extent.offsets[group + 1] <= row) ++group;
  } else {
    group = int(row / group_rows);
    m = row % group_rows;
  }
  if (C::KIND == Kind::ragged_k) begin = extent.offsets[group], end = extent.offsets[group + 1];
  for (int s = 0; s < C::SUMS; ++s) {
    double sum = 0;
    for (int64_t k = begin; k < end; ++k)
      sum += double(element(product.a, C::A == Major::k, group, m, k)) * double(element(product.b[s], C::B == Major::k, group, n, k));
    out[s * out_rows * extent.n + i] += sum;
  }
}

// ------------------------------------------------------------------------------------------------------------------- checks

void finish(const std::string& name) {
  const auto begin = std::chrono::steady_clock::now();
  for (;;) {
    const cudaError_t state = cudaStreamQuery(0);
    if (state == cudaSuccess) return;
    if (state != cudaErrorNotReady) {
      std::printf("FAIL %s: %s\n", name.c_str(), cudaGetErrorString(state));
      std::exit(1);
    }
    if (std::chrono::steady_clock::now() - begin > std::chrono::seconds(10 * (std::getenv("SLOW") ? 100 : 1))) {
      std::printf("FAIL %s: does not end\n", name.c_str());
      std::_Exit(1);
    }
  }
}

/// Says where wrong elements lie: the first few, and the share of wrong ones (0 to 9) in each square of 64.
template <typename T>
void explain(const std::vector<T>& got, const std::vector<double>& wanted, int64_t rows, int64_t columns) {
  double norm = 0;
  for (double w : wanted) norm += w * w;
  const double typical = std::sqrt(norm / double(wanted.size())) + 1e-20;
  const int64_t down = std::min<int64_t>(16, ceil_div(rows, 64)), across = std::min<int64_t>(32, ceil_div(columns, 64));
  std::vector<int> bad(down * across, 0), all(down * across, 0);
  int64_t shown = 0, nans = 0, wrong = 0;
  for (int64_t i = 0; i < rows * columns; ++i) {
    const double g = double(float(got[i])), w = wanted[i];
    const int64_t row = i / columns, column = i % columns;
    const bool is_bad = !(std::fabs(g - w) < 0.02 * (typical + std::fabs(w)));
    wrong += is_bad;
    nans += !std::isfinite(g);
    if (is_bad && shown++ < 6) std::printf("       [%lld, %lld] got %g, wanted %g\n", (long long)row, (long long)column, g, w);
    if (row / 64 < down && column / 64 < across) {
      ++all[row / 64 * across + column / 64];
      bad[row / 64 * across + column / 64] += is_bad;
    }
  }
  std::printf("       %lld x %lld, wrong %lld, not finite %lld\n", (long long)rows, (long long)columns, (long long)wrong, (long long)nans);
  for (int64_t r = 0; r < down; ++r) {
    std::printf("       ");
    for (int64_t c = 0; c < across; ++c) {
      const int b = bad[r * across + c], a = all[r * across + c];
      std::printf("%c", b == 0 ? '.' : char('0' + std::min(9, int(10. * b / a))));
    }
    std::printf("\n");
  }
}

template <typename T, typename C>
void compare(const std::string& name, const Problem<C>& problem, const std::vector<double>& wanted, std::vector<Device<T>*>& out, double limit) {
  const int64_t count = problem.out_rows * problem.sizes.n;
  for (int s = 0; s < C::SUMS; ++s) {
    const std::vector<T> got = out[s]->host();
    const std::vector<double> part(wanted.begin() + s * count, wanted.begin() + (s + 1) * count);
    const double error = check::relative_error(got, part);
    check::report(name + (C::SUMS > 1 ? " sum " + std::to_string(s) : ""), error, limit);
    if (!(error <= limit)) explain(got, part, problem.out_rows, problem.sizes.n);
  }
}

/// Runs `call(epilogue)` with bf16 written and float32 added to, and compares.
template <typename C, typename Call>
void check_call(const std::string& name, Problem<C>& problem, const std::vector<double>& wanted, const Call& call) {
  const int64_t count = problem.out_rows * problem.sizes.n;
  std::printf("     %s\n", name.c_str());
  {
    std::vector<Device<bf16>*> out;
    Write<C::SUMS, C::ALIGNED> epilogue{{}, problem.sizes.n, problem.sizes.m};
    if (C::KIND == Kind::ragged_m) epilogue.group_rows = 0;
    for (int s = 0; s < C::SUMS; ++s) out.push_back(new Device<bf16>(count)), epilogue.to[s] = out[s]->data;
    const cudaError_t launched = call(epilogue);
    if (launched != cudaSuccess) std::printf("FAIL %s: launch: %s\n", name.c_str(), cudaGetErrorString(launched)), ++check::failures;
    finish(name);
    compare(name + " = bf16", problem, wanted, out, 3e-3);
    for (auto* x : out) delete x;
  }
  {
    std::vector<Device<float>*> out;
    Add<C::SUMS, C::ALIGNED> epilogue{{}, problem.sizes.n, problem.sizes.m};
    if (C::KIND == Kind::ragged_m) epilogue.group_rows = 0;
    std::vector<double> sums = wanted;
    for (int s = 0; s < C::SUMS; ++s) {
      out.push_back(new Device<float>(count)), epilogue.to[s] = out[s]->data;
      check::fill(*out[s], 300 + s);
      for (int64_t i = 0; i < count; ++i) sums[s * count + i] += double(check::uniform(300 + s, i));
    }
    const cudaError_t launched = call(epilogue);
    if (launched != cudaSuccess) std::printf("FAIL %s: launch: %s\n", name.c_str(), cudaGetErrorString(launched)), ++check::failures;
    finish(name);
    compare(name + " += float", problem, sums, out, 3e-5);
    for (auto* x : out) delete x;
  }
}

template <typename C, typename S>
struct With {
  Problem<C>& problem;
  template <typename Epilogue>
  cudaError_t operator()(const Epilogue& epilogue) const {
#ifdef MLAC_HOPPER
    return hopper::launch<C, S>(0, problem.extent, problem.products, epilogue);
#else
    return cudaSuccess;
#endif
  }
};

#ifdef MLAC_HOPPER
/// k in several parts, by a workspace that is just large enough.
template <typename C, typename S>
struct InParts {
  Problem<C>& problem;
  int parts;
  template <typename Epilogue>
  cudaError_t operator()(const Epilogue& epilogue) const {
    Device<float> sums(parts * C::SUMS * problem.extent.m * problem.extent.n);
    const Scratch scratch{reinterpret_cast<char*>(sums.data), int64_t(sizeof(float)) * parts * C::SUMS * problem.extent.m * problem.extent.n};
    const cudaError_t error = hopper::launch_parts<C, S>(0, problem.extent, problem.products, epilogue, scratch, parts);
    CUDA_OK(cudaDeviceSynchronize());
    return error;
  }
};
#endif

template <typename C>
std::string kind_of() {
  const char* kinds[] = {"dense", "batched", "ragged m", "ragged k"};
  std::string text = kinds[int(C::KIND)];
  text += std::string(" A ") + (C::A == Major::k ? "k" : "own") + (C::GATHER_A ? " gathered" : "") + ", B " + (C::B == Major::k ? "k" : "own") + (C::GATHER_B ? " gathered" : "");
  if (C::SUMS > 1) text += ", 2 sums";
  if (C::PRODUCTS > 1) text += ", 2 products";
  if (C::SYMMETRIC) text += ", symmetric";
  if (!C::ALIGNED) text += ", not aligned";
  return text;
}

template <typename C>
void check_case(const Sizes& sizes) {
  Problem<C> problem(sizes);
  const int64_t count = problem.out_rows * sizes.n;
  Device<double> wanted(count * C::SUMS);
  wanted.zero();
  for (int p = 0; p < C::PRODUCTS; ++p)
    if (count > 0) reference<C><<<unsigned(ceil_div(count, 256)), 256>>>(problem.extent, problem.products[p], std::max<int64_t>(1, sizes.m), problem.out_rows, wanted);
  CUDA_OK(cudaGetLastError());
  const std::string name = kind_of<C>() + " " + std::to_string(problem.extent.m) + " " + std::to_string(sizes.n) + " " +
                           (sizes.k.empty() ? "ragged" : std::to_string(sizes.k[0])) + (sizes.groups > 1 ? " g" + std::to_string(sizes.groups) : "");
  finish("reference of " + name);
  const std::vector<double> right = wanted.host();
  check_call(name, problem, right, [&](const auto& epilogue) { return contract<C>(0, problem.extent, problem.products, epilogue); });
#ifdef MLAC_HOPPER
  if constexpr (C::ALIGNED) {
    check_call(name + " (wide)", problem, right, With<C, hopper::Shape<256 / C::SUMS, false>>{problem});
    check_call(name + " (narrow)", problem, right, With<C, hopper::Shape<128 / C::SUMS, true>>{problem});
    if constexpr (C::SUMS == 1) check_call(name + " (slim)", problem, right, With<C, hopper::Shape<64, true>>{problem});
    if constexpr (C::KIND == Kind::dense && C::SUMS == 1 && C::A == Major::k && !C::GATHER_A && !C::GATHER_B && C::PRODUCTS == 1)
      check_call(name + " (wide, no cluster)", problem, right, With<C, hopper::Shape<256, false, false>>{problem});
    if constexpr (hopper::HAS_PARTS<C>)
      for (int parts : {2, 3, 5, 8}) {
        check_call(name + " (wide, " + std::to_string(parts) + " parts)", problem, right, InParts<C, hopper::WideParts<C>>{problem, parts});
      }
  }
#endif
}

/// An epilogue of whole rows.
template <typename C, int ROW>
void check_rows(const Sizes& sizes) {
  Problem<C> problem(sizes);
  const int64_t count = problem.out_rows * sizes.n;
  Device<double> sums(count);
  sums.zero();
  for (int p = 0; p < C::PRODUCTS; ++p) reference<C><<<unsigned(ceil_div(count, 256)), 256>>>(problem.extent, problem.products[p], sizes.m, problem.out_rows, sums);
  std::vector<double> wanted = sums.host();
  for (int64_t first = 0; first < count; first += ROW) {
    double squares = 0;
    for (int i = 0; i < ROW; ++i) squares += wanted[first + i] * wanted[first + i];
    for (int i = 0; i < ROW; ++i) wanted[first + i] /= std::sqrt(squares);
  }
  const std::string name = kind_of<C>() + " " + std::to_string(sizes.m) + " " + std::to_string(sizes.n) + ", whole rows of " + std::to_string(ROW);
  std::printf("     %s\n", name.c_str());
  Device<float> out(count);
  const cudaError_t launched = contract<C>(0, problem.extent, problem.products, Normed<ROW>{out.data, sizes.n});
  if (launched != cudaSuccess) std::printf("FAIL %s: launch: %s\n", name.c_str(), cudaGetErrorString(launched)), ++check::failures;
  finish(name);
  const std::vector<float> got = out.host();
  check::report(name, check::relative_error(got, wanted), 3e-5);
  if (!(check::relative_error(got, wanted) <= 3e-5)) explain(got, wanted, sizes.m, sizes.n);
}

template <Kind KIND, Major A, Major B, int SUMS = 1, int PRODUCTS = 1>
using Plain = Contraction<KIND, A, B, SUMS, PRODUCTS>;
constexpr Major K = Major::k, OWN = Major::own;

void check_all() {
  // First the smallest that can go wrong: one tile and one stage, then one more of each.
  check_case<Plain<Kind::dense, K, K>>({1, 128, 256, {64}});
  check_case<Plain<Kind::dense, K, OWN>>({1, 128, 256, {64}});
  check_case<Plain<Kind::dense, OWN, K>>({1, 128, 256, {64}});
  check_case<Plain<Kind::dense, OWN, OWN>>({1, 128, 256, {64}});
  check_case<Plain<Kind::dense, K, K>>({1, 256, 256, {1024}});
  check_case<Plain<Kind::dense, OWN, OWN>>({1, 256, 256, {1024}});
  for (const Sizes& sizes : {Sizes{1, 1000, 328, {200}}, Sizes{1, 136, 8, {72}}, Sizes{1, 264, 96, {8}}, Sizes{1, 520, 192, {520}}, Sizes{1, 4096, 1152, {328}}}) {
    check_case<Plain<Kind::dense, K, K>>(sizes);
    check_case<Plain<Kind::dense, K, OWN>>(sizes);
    check_case<Plain<Kind::dense, OWN, K>>(sizes);
    check_case<Plain<Kind::dense, OWN, OWN>>(sizes);
  }
  check_case<Plain<Kind::dense, K, OWN, 2>>({1, 1000, 328, {200}});
  check_case<Plain<Kind::dense, OWN, OWN, 2>>({1, 264, 136, {1000}});
  check_rows<Plain<Kind::dense, K, OWN>, 192>({1, 1003, 576, {200}});
  check_rows<Plain<Kind::dense, K, OWN>, 128>({1, 1003, 640, {200}});
  check_rows<Plain<Kind::dense, K, K>, 64>({1, 130, 192, {72}});
  check_rows<Plain<Kind::dense, K, OWN>, 256>({1, 67, 512, {520}});
  check_rows<Plain<Kind::dense, K, OWN, 1, 2>, 24>({1, 67, 48, {520, 72}});
  check_rows<Contraction<Kind::dense, K, OWN, 1, 1, false>, 24>({1, 67, 48, {51}});
  check_case<Plain<Kind::dense, K, K, 1, 2>>({1, 1000, 328, {200, 72}});
  check_case<Plain<Kind::batched, K, OWN>>({5, 200, 328, {136}});
  check_case<Contraction<Kind::batched, K, K, 1, 1, true, false, false, true>>({3, 520, 520, {328}});
  check_case<Contraction<Kind::dense, K, K, 1, 1, true, false, false, true>>({1, 64, 64, {64}});
  const std::vector<int> uneven{0, 1, 130, 0, 300, 64, 7, 0, 513, 128, 0}, multiples{0, 64, 128, 0, 192};
  for (const std::vector<int>& ragged : {uneven, multiples}) {
    const int groups = int(ragged.size());
    check_case<Plain<Kind::ragged_m, K, OWN>>({groups, 0, 328, {200}, ragged});
    check_case<Plain<Kind::ragged_m, K, K, 1, 2>>({groups, 0, 328, {200, 72}, ragged});
    check_case<Contraction<Kind::ragged_m, K, OWN, 2, 1, true, true>>({groups, 0, 328, {200}, ragged});
    check_case<Contraction<Kind::ragged_m, K, K, 1, 1, true, true>>({groups, 0, 96, {520}, ragged});
    check_case<Plain<Kind::ragged_k, OWN, OWN>>({groups, 200, 328, {}, ragged});
    check_case<Contraction<Kind::ragged_k, OWN, OWN, 1, 1, true, true>>({groups, 200, 328, {}, ragged});
    check_case<Contraction<Kind::ragged_k, OWN, OWN, 1, 1, true, false, true>>({groups, 200, 328, {}, ragged});
  }
  // Sizes that are not multiples of 8: the portable family.
  check_case<Contraction<Kind::dense, K, OWN, 1, 1, false>>({1, 129, 77, {51}});
  check_case<Contraction<Kind::dense, OWN, K, 1, 1, false>>({1, 129, 77, {51}});
  check_case<Contraction<Kind::ragged_m, K, OWN, 2, 1, false, true>>({11, 0, 77, {51}, uneven});
  check_case<Contraction<Kind::ragged_k, OWN, OWN, 1, 1, false, true>>({11, 33, 77, {}, uneven});
#ifdef MLAC_HOPPER
  {
    using C = Plain<Kind::ragged_k, OWN, OWN>;
    Problem<C> problem({11, 200, 328, {}, uneven});
    const int64_t count = problem.out_rows * 328;
    Device<float> a(count), b(count);
    check::fill(a, 5);
    check::fill(b, 5);
    Add<1, true> add{{a.data}, 328, 200};
    AddFetched fetched;
    fetched.to[0] = b.data, fetched.columns = 328, fetched.group_rows = 200;
    CUDA_OK(contract<C>(0, problem.extent, problem.products, add));
    CUDA_OK(contract<C>(0, problem.extent, problem.products, fetched));
    finish("fetched");
    check::report("an epilogue that fetches gives the same", check::relative_error(b.host(), a.host()), 0);
  }
#endif
}

// ------------------------------------------------------------------------------------------------------------------ timings

template <typename C, typename MakeEpilogue>
void time_case(const char* name, const Sizes& sizes, const MakeEpilogue& make) {
  Problem<C> problem(sizes);
  const auto epilogue = make(problem);
  const double flops = problem.flops();
  const auto rate = [&](const auto& call) { return flops / check::milliseconds(call, 11) * 1e-9; };
  std::printf("TIME %-34s %-44s %7lld x %6lld: %6.1f TFLOP/s", name, kind_of<C>().c_str(), (long long)problem.extent.m, (long long)sizes.n,
              rate([&] { CUDA_OK(contract<C>(0, problem.extent, problem.products, epilogue)); }));
#ifdef MLAC_HOPPER
  std::printf("; wide %6.1f", rate([&] { CUDA_OK((hopper::launch<C, hopper::Shape<256 / C::SUMS, false>>(0, problem.extent, problem.products, epilogue))); }));
  std::printf(", narrow %6.1f", rate([&] { CUDA_OK((hopper::launch<C, hopper::Shape<128 / C::SUMS, true>>(0, problem.extent, problem.products, epilogue))); }));
  if constexpr (C::KIND == Kind::dense && C::A == Major::k && C::B == Major::own) {
    std::printf(", wide alone %6.1f", rate([&] { CUDA_OK((hopper::launch<C, hopper::Shape<256, false, false>>(0, problem.extent, problem.products, epilogue))); }));
    std::printf(", 192 alternating %6.1f", rate([&] { CUDA_OK((hopper::launch<C, hopper::Shape<192, true>>(0, problem.extent, problem.products, epilogue))); }));
  }
  if constexpr (hopper::HAS_PARTS<C>) {
    Device<char> workspace(32 << 20);
    const Scratch scratch{workspace.data, 32 << 20};
    if (const hopper::Parts best = hopper::best_parts<C, hopper::WideParts<C>>(problem.extent, problem.products, scratch); best.count) {
      std::printf(", %d parts (chosen)", best.count);
      for (int parts : {best.count / 2, best.count, best.count + 1, best.count * 3 / 2, best.count * 2})
        if (parts > 1 && parts * problem.extent.m * sizes.n * 4 * C::SUMS <= scratch.bytes)
          std::printf(", %d parts %6.1f", parts,
                      rate([&] { CUDA_OK((hopper::launch_parts<C, hopper::WideParts<C>>(0, problem.extent, problem.products, epilogue, scratch, parts))); }));
    }
  }
#endif
  std::printf("\n");
}

void time_all() {
  Device<bf16> out(int64_t(16384) * 51200), second(int64_t(131072) * 1408), third(int64_t(131072) * 1408);
  Device<float> sums(int64_t(64) * 2048 * 1408 + int64_t(2048) * 102400);
  sums.zero();
  const auto write = [&](const auto& problem) {
    return Write<1, true>{{out.data}, problem.sizes.n, problem.offsets ? 0 : problem.sizes.m};
  };
  const auto add = [&](const auto& problem) {
    return Add<1, true>{{sums.data}, problem.sizes.n, problem.sizes.m};
  };
  const auto gated = [&](const auto& problem) {
    return Gated{out.data, second.data, third.data, problem.sizes.n};
  };
  struct Matrix { const char* name; int64_t tokens, in, out; };
  for (const Matrix& x : {Matrix{"8192 cubed", 8192, 8192, 8192}, Matrix{"speedrun D to D", 32768, 768, 768}, Matrix{"speedrun D to heads", 32768, 768, 1152},
                          Matrix{"speedrun D to W", 32768, 768, 2560}, Matrix{"speedrun C to heads", 32768, 256, 1536}, Matrix{"speedrun logits", 4096, 768, 131072},
                          Matrix{"lite D to heads", 16384, 2048, 3072}, Matrix{"lite D to W", 16384, 2048, 10944}, Matrix{"lite logits", 4096, 2048, 102400}}) {
    time_case<Plain<Kind::dense, K, OWN>>(x.name, {1, x.tokens, x.out, {x.in}}, write);
    time_case<Plain<Kind::dense, K, K>>((std::string(x.name) + ", grad x").c_str(), {1, x.tokens, x.in, {x.out}}, write);
    time_case<Plain<Kind::dense, OWN, OWN>>((std::string(x.name) + ", grad w").c_str(), {1, x.in, x.out, {x.tokens}}, add);
  }
  struct Experts { const char* name; int count; int rows; int64_t d, f; };
  for (const Experts& x : {Experts{"speedrun experts", 32, 131072, 768, 512}, Experts{"lite experts", 64, 98304, 2048, 1408}}) {
    std::vector<int> ragged(x.count);
    int left = x.rows;
    for (int g = 0; g < x.count; ++g) {
      const int even = x.rows / x.count, rows = g + 1 == x.count ? left : std::min(left, even + int(0.3 * even * double(check::uniform(9, g))));
      ragged[g] = rows;
      left -= rows;
    }
    const std::string name = x.name;
    time_case<Contraction<Kind::ragged_m, K, OWN, 2, 1, true, true>>((name + ", gate and up").c_str(), {x.count, 0, x.f, {x.d}, ragged}, gated);
    time_case<Plain<Kind::ragged_m, K, OWN>>((name + ", down").c_str(), {x.count, 0, x.d, {x.f}, ragged}, write);
    time_case<Contraction<Kind::ragged_m, K, K, 1, 1, true, true>>((name + ", grad hidden").c_str(), {x.count, 0, x.f, {x.d}, ragged}, write);
    time_case<Plain<Kind::ragged_m, K, K, 1, 2>>((name + ", grad x").c_str(), {x.count, 0, x.d, {x.f, x.f}, ragged}, write);
    time_case<Contraction<Kind::ragged_k, OWN, OWN, 1, 1, true, true>>((name + ", grad up").c_str(), {x.count, x.d, x.f, {}, ragged}, add);
    time_case<Contraction<Kind::ragged_k, OWN, OWN, 1, 1, true, false, true>>((name + ", grad down").c_str(), {x.count, x.f, x.d, {}, ragged}, add);
#ifdef MLAC_HOPPER
    time_case<Plain<Kind::ragged_k, OWN, OWN>>((name + ", grad w").c_str(), {x.count, x.d, x.f, {}, ragged}, add);
    time_case<Plain<Kind::ragged_k, OWN, OWN>>((name + ", grad w, fetched").c_str(), {x.count, x.d, x.f, {}, ragged}, [&](const auto& problem) {
      AddFetched epilogue;
      epilogue.to[0] = sums.data, epilogue.columns = problem.sizes.n, epilogue.group_rows = problem.sizes.m;
      return epilogue;
    });
#endif
  }
  // Newton and Schulz; the rates count the whole square.
  time_case<Contraction<Kind::batched, K, K, 1, 1, true, false, false, true>>("X X' of lite's experts", {64, 1408, 1408, {2048}}, write);
  time_case<Contraction<Kind::batched, K, K, 1, 1, true, false, false, true>>("A A of lite's experts", {64, 1408, 1408, {1408}}, write);
  time_case<Plain<Kind::batched, K, OWN>>("A X of lite's experts", {64, 1408, 2048, {1408}}, write);
  time_case<Contraction<Kind::batched, K, K, 1, 1, true, false, false, true>>("X X' of speedrun's experts", {96, 512, 512, {768}}, write);
}

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IONBF, 0);
  if (check::wants(argc, argv, "check")) check_all();
  if (check::wants(argc, argv, "time")) time_all();
  std::printf(check::failures ? "%d FAILED\n" : "all passed\n", check::failures);
  return check::failures ? 1 : 0;
}
