// cuBLASLt behind lib/cublaslt.cuh: the library's few functions by name, and a plan for each size of product, made at its first use.
//
// cuBLASLt's matrices lie column behind column, so it is asked for the transpose: C' [n, m] = B' · A', where a row-major matrix is its own transpose.
#include "lib/cublaslt.cuh"

#include <dlfcn.h>

#include <array>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace mlac {
namespace {

// The part of cublasLt.h (CUDA 12 and 13) that is used; its numbers are part of its binary interface.
using Status = int;
constexpr Status SUCCESS = 0;
constexpr int COMPUTE_32F = 68, REAL_32F = 0, REAL_16BF = 14, TRANSPOSED = 1;
constexpr int DESC_TRANSPOSE_A = 3, DESC_TRANSPOSE_B = 4;
constexpr int LAYOUT_BATCH_COUNT = 5, LAYOUT_BATCH_STRIDE = 6;
constexpr int PREFER_WORKSPACE_BYTES = 1, PREFER_REDUCTIONS = 3, PREFER_ALIGNMENT_A = 5, PREFER_ALIGNMENT_B = 6, PREFER_ALIGNMENT_C = 7, PREFER_ALIGNMENT_D = 8;
/// Where blocks share the k of a tile, their float32 sums go to the workspace and are added in a step of their own, in a fixed order.
constexpr uint32_t REDUCTION_IN_WORKSPACE = 2;

using Handle = void*;
using Desc = void*;
using Layout = void*;
using Preference = void*;
struct Algorithm {
  uint64_t data[8];
};
struct Proposal {
  Algorithm algorithm;
  size_t workspace_bytes;
  Status status;
  float waves;
  int reserved[4];
};

struct Library {
  Status (*create)(Handle*);
  size_t (*version)();
  Status (*desc_create)(Desc*, int compute, int scale);
  Status (*desc_set)(Desc, int attribute, const void*, size_t);
  Status (*layout_create)(Layout*, int type, uint64_t rows, uint64_t columns, int64_t stride);
  Status (*layout_set)(Layout, int attribute, const void*, size_t);
  Status (*preference_create)(Preference*);
  Status (*preference_set)(Preference, int attribute, const void*, size_t);
  Status (*preference_destroy)(Preference);
  Status (*propose)(Handle, Desc, Layout a, Layout b, Layout c, Layout d, Preference, int wanted, Proposal*, int* found);
  Status (*multiply)(Handle, Desc, const void* alpha, const void* a, Layout, const void* b, Layout, const void* beta, const void* c, Layout, void* d, Layout, const Algorithm*,
                     void* workspace, size_t workspace_bytes, cudaStream_t);
  bool found = false;
};

void* open_library() {
  const auto open = [](const std::string& path) { return dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL); };
  const char* wanted = std::getenv("MLAC_CUBLASLT");
  if (wanted && *wanted) return open(wanted);
  std::vector<std::string> folders{""};
  for (const char* name : {"CUDA_HOME", "CUDA_PATH"})
    if (const char* home = std::getenv(name); home && *home) folders.push_back(std::string(home) + "/lib64/");
  folders.push_back("/usr/local/cuda/lib64/");
  for (const std::string& folder : folders)
    for (const char* name : {"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so"})
      if (void* library = open(folder + name)) return library;
  return nullptr;
}

Library load() {
  Library l{};
  void* const file = open_library();
  if (!file) return l;
  bool all = true;
  const auto get = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(file, name));
    all = all && function;
  };
  get(l.create, "cublasLtCreate");
  get(l.version, "cublasLtGetVersion");
  get(l.desc_create, "cublasLtMatmulDescCreate");
  get(l.desc_set, "cublasLtMatmulDescSetAttribute");
  get(l.layout_create, "cublasLtMatrixLayoutCreate");
  get(l.layout_set, "cublasLtMatrixLayoutSetAttribute");
  get(l.preference_create, "cublasLtMatmulPreferenceCreate");
  get(l.preference_set, "cublasLtMatmulPreferenceSetAttribute");
  get(l.preference_destroy, "cublasLtMatmulPreferenceDestroy");
  get(l.propose, "cublasLtMatmulAlgoGetHeuristic");
  get(l.multiply, "cublasLtMatmul");
  l.found = all && l.version() >= 120000;
  return l;
}

/// Opened once, and not closed: kernels of it may be in graphs.
const Library& library() {
  static const Library opened = load();
  return opened;
}

struct Plan {
  bool possible = false;
  Desc desc = nullptr;
  Layout left = nullptr, right = nullptr, result = nullptr;  // B, A and C of the row-major product
  Algorithm algorithm{};
};

std::mutex mutex;
std::map<int, Handle> handles;  // by device
using Key = std::array<int64_t, 16>;
std::map<Key, Plan> plans;

/// The power of two, 256 at most, that a pointer is a multiple of.
uint32_t alignment(const void* pointer) {
  const auto address = reinterpret_cast<uintptr_t>(pointer) | 256;
  return uint32_t(address & (~address + 1));
}

Handle handle_of(int device) {
  Handle& handle = handles[device];
  if (!handle && library().create(&handle) != SUCCESS) handle = nullptr;
  return handle;
}

Plan plan_of(Handle handle, const LibraryProduct& p) {
  const Library& lt = library();
  Plan plan;
  bool fine = true;
  const auto check = [&](Status status) { fine = fine && status == SUCCESS; };
  const auto layout = [&](Layout* to, int type, int64_t rows, int64_t columns, int64_t stride, int64_t group_stride) {
    check(lt.layout_create(to, type, uint64_t(rows), uint64_t(columns), stride));
    const int32_t groups = p.groups;
    if (!fine || groups == 1) return;
    check(lt.layout_set(*to, LAYOUT_BATCH_COUNT, &groups, sizeof groups));
    check(lt.layout_set(*to, LAYOUT_BATCH_STRIDE, &group_stride, sizeof group_stride));
  };
  // Stored [n, k] is, column by column, [k, n]: it is turned to be [n, k]. Stored [k, n] is [n, k] already.
  check(lt.desc_create(&plan.desc, COMPUTE_32F, REAL_32F));
  if (!fine) return plan;
  const int32_t turn = TRANSPOSED;
  if (!p.b.turned) check(lt.desc_set(plan.desc, DESC_TRANSPOSE_A, &turn, sizeof turn));
  if (p.a.turned) check(lt.desc_set(plan.desc, DESC_TRANSPOSE_B, &turn, sizeof turn));
  layout(&plan.left, REAL_16BF, p.b.turned ? p.n : p.k, p.b.turned ? p.k : p.n, p.b.columns, p.b.group_stride);
  layout(&plan.right, REAL_16BF, p.a.turned ? p.m : p.k, p.a.turned ? p.k : p.m, p.a.columns, p.a.group_stride);
  layout(&plan.result, p.c_is_float ? REAL_32F : REAL_16BF, p.n, p.m, p.n, p.m * p.n);
  Preference preference = nullptr;
  check(lt.preference_create(&preference));
  if (!fine) return plan;
  const uint64_t bytes = uint64_t(p.workspace_bytes);
  check(lt.preference_set(preference, PREFER_WORKSPACE_BYTES, &bytes, sizeof bytes));
  check(lt.preference_set(preference, PREFER_REDUCTIONS, &REDUCTION_IN_WORKSPACE, sizeof REDUCTION_IN_WORKSPACE));
  const auto aligned = [&](int attribute, const void* pointer) {
    const uint32_t multiple = alignment(pointer);
    check(lt.preference_set(preference, attribute, &multiple, sizeof multiple));
  };
  aligned(PREFER_ALIGNMENT_A, p.b.data);
  aligned(PREFER_ALIGNMENT_B, p.a.data);
  aligned(PREFER_ALIGNMENT_C, p.c);
  aligned(PREFER_ALIGNMENT_D, p.c);
  Proposal proposal{};
  int found = 0;
  if (fine) check(lt.propose(handle, plan.desc, plan.left, plan.right, plan.result, plan.result, preference, 1, &proposal, &found));
  lt.preference_destroy(preference);
  plan.possible = fine && found > 0 && proposal.status == SUCCESS && proposal.workspace_bytes <= bytes;
  plan.algorithm = proposal.algorithm;
  return plan;
}

/// The plan for a product on the current device, or nothing. The caller holds the mutex.
const Plan* find_plan(const LibraryProduct& p, Handle& handle) {
  int device = 0;
  if (!library().found || cudaGetDevice(&device) != cudaSuccess) return nullptr;
  handle = handle_of(device);
  if (!handle) return nullptr;
  const Key key{device,      p.groups,          p.m,         p.n,
                p.k,         p.a.columns,       p.a.group_stride, p.a.turned,
                p.b.columns, p.b.group_stride,  p.b.turned,  p.c_is_float,
                p.workspace_bytes, alignment(p.a.data), alignment(p.b.data), alignment(p.c)};
  auto known = plans.find(key);
  if (known == plans.end()) known = plans.emplace(key, plan_of(handle, p)).first;
  return known->second.possible ? &known->second : nullptr;
}

}  // namespace

int64_t cublaslt_version() { return library().found ? int64_t(library().version()) : 0; }

bool cublaslt_can(const LibraryProduct& p) {
  const std::lock_guard<std::mutex> lock(mutex);
  Handle handle = nullptr;
  return find_plan(p, handle) != nullptr;
}

cudaError_t cublaslt_multiply(cudaStream_t stream, const LibraryProduct& p) {
  const std::lock_guard<std::mutex> lock(mutex);
  Handle handle = nullptr;
  const Plan* const plan = find_plan(p, handle);
  if (!plan) return cudaErrorNotSupported;
  const float alpha = 1, beta = p.adds ? 1 : 0;
  const Status status = library().multiply(handle, plan->desc, &alpha, p.b.data, plan->left, p.a.data, plan->right, &beta, p.c, plan->result, p.c, plan->result,
                                           &plan->algorithm, p.workspace, size_t(p.workspace_bytes), stream);
  return status == SUCCESS ? cudaSuccess : cudaErrorUnknown;
}

}  // namespace mlac
