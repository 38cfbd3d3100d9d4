// The C interface through which single kernels of a model are run and looked at: `mlac verify` and the tests on a GPU. One block of device
// memory, which callers share out among a kernel's arguments. What fails gives a sentence, valid until the next call; NULL is success.

#include <cstring>
#include <string>

#include "cases.h"
#include "device.h"
#include "lib/choice.cuh"
#include "lib/cublaslt.cuh"
#include "lib/launched.cuh"

namespace {

char* memory = nullptr;
int64_t size = 0;
cudaStream_t stream = nullptr;
Gpu gpu;
std::string sentence;

/// A kernel of this library, by which the driver tells whether it can run it.
__global__ void nothing() {}

template <class Work>
const char* told(Work work) {
  try {
    work();
    return nullptr;
  } catch (const std::exception& failure) {
    sentence = failure.what();
    return sentence.c_str();
  }
}

void check(int64_t at, int64_t bytes) {
  if (!memory) throw Failure("no memory was taken yet");
  if (at < 0 || bytes < 0 || at + bytes > size) throw Failure("these bytes do not lie in the memory that was taken");
}

mlac::Choice* choice_of(const char* kernel) {
  mlac::Choice* choice = mlac::Choice::first;
  while (choice && std::strcmp(choice->kernel, kernel) != 0) choice = choice->next;
  return choice;
}

void release() {
  if (memory) cudaFree(memory);
  if (stream) cudaStreamDestroy(stream);
  memory = nullptr;
  stream = nullptr;
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

/// Takes `bytes` of the GPU's memory, in place of what was taken before.
const char* cases_open(int64_t bytes) {
  return told([=] {
    release();
    gpu = choose_gpu(reinterpret_cast<const void*>(nothing), bytes);
    cuda(cudaMalloc(&memory, bytes), "taking memory");
    cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "making a stream");
    size = bytes;
  });
}

void cases_close() { release(); }

const char* cases_device() { return gpu.name.c_str(); }

/// All bits of the memory become 1: NaN as float and as bf16, −1 as an integer.
const char* cases_poison(int64_t at, int64_t bytes) {
  return told([=] {
    check(at, bytes);
    cuda(cudaMemsetAsync(memory + at, 0xff, bytes, stream), "poisoning the memory");
    cuda(cudaStreamSynchronize(stream), "poisoning the memory");
  });
}

const char* cases_write(int64_t at, const void* data, int64_t bytes) {
  return told([=] {
    check(at, bytes);
    cuda(cudaMemcpyAsync(memory + at, data, bytes, cudaMemcpyHostToDevice, stream), "writing an argument");
    cuda(cudaStreamSynchronize(stream), "writing an argument");
  });
}

const char* cases_read(int64_t at, void* out, int64_t bytes) {
  return told([=] {
    check(at, bytes);
    cuda(cudaMemcpyAsync(out, memory + at, bytes, cudaMemcpyDeviceToHost, stream), "reading a result");
    cuda(cudaStreamSynchronize(stream), "reading a result");
  });
}

const char* cases_run(int32_t index, const int64_t* at) {
  return told([=] {
    if (index < 0 || index >= CASE_COUNT) throw Failure("there is no kernel of this number");
    check(0, 0);
    CASES[index](stream, memory, at);
    cuda(mlac::take_failure(), "the launch");
    cuda(cudaGetLastError(), "the launch");
    cuda(cudaStreamSynchronize(stream), "the kernel");
  });
}

/// The ways in which a kernel can do its work here, as bits of lib/choice.cuh.
uint32_t cases_ways(const char* kernel) {
  const mlac::Choice* choice = choice_of(kernel);
  if (!choice) return mlac::bit(mlac::Way::automatic);
  return mlac::cublaslt_version() > 0 ? choice->ways : choice->ways & ~mlac::bit(mlac::Way::cublaslt);
}

/// What a bit of cases_ways is called; NULL beyond the last.
const char* cases_way_name(int32_t way) { return way >= 0 && way < mlac::WAYS ? mlac::WAY_NAMES[way] : nullptr; }

/// From now on the kernel takes this one of its ways.
void cases_choose(const char* kernel, int32_t way) {
  if (mlac::Choice* choice = choice_of(kernel)) choice->way = mlac::Way(way);
}

void cases_table(int32_t index, float* out) {
  for (int64_t i = 0; i < CASE_TABLES[index].length; ++i) out[i] = float(CASE_TABLES[index].entry(i));
}

}  // extern "C"
#pragma GCC visibility pop
