#include "transfer.h"

#include <algorithm>

#include "device.h"
#include "lib/split.cuh"

namespace {

using mlac::bf16;

__global__ void split_kernel(const uint32_t* from, uint16_t* high, uint16_t* remainder, int64_t count) {
  const int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
  if (i >= count) return;
  const uint32_t bits = from[i];
  high[i] = mlac::high_bits(bits);
  if (remainder) remainder[i] = mlac::remainder_bits(bits);
}

__global__ void join_kernel(const uint16_t* high, const uint16_t* remainder, uint32_t* to, int64_t count) {
  const int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
  if (i < count) to[i] = mlac::join_bits(high[i], remainder ? remainder[i] : uint16_t(0));
}

// remainder null: `high` is float32.
__global__ void not_finite_kernel(const void* high, const uint16_t* remainder, int64_t count, int32_t* found) {
  bool bad = false;
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < count; i += int64_t(gridDim.x) * blockDim.x) {
    const uint32_t bits = remainder ? mlac::join_bits(static_cast<const uint16_t*>(high)[i], remainder[i]) : static_cast<const uint32_t*>(high)[i];
    bad |= (bits & 0x7f800000u) == 0x7f800000u;
  }
  if (__syncthreads_or(bad) && threadIdx.x == 0) *found = 1;
}

bool has_bf16(mlac::Storage storage) { return storage == mlac::Storage::split || storage == mlac::Storage::half; }
/// The remainders from element `begin` on; null where there are none.
uint16_t* remainder_of(const Stored& x, int64_t begin) { return x.storage == mlac::Storage::split ? x.remainder + begin : nullptr; }

unsigned blocks_for(int64_t count) { return unsigned(mlac::ceil_div(count, 256)); }

}  // namespace

const void* Transfer::some_kernel() { return reinterpret_cast<const void*>(split_kernel); }

void Transfer::open() {
  for (int i = 0; i < 2; ++i) {
    cuda(cudaHostAlloc(&half[i], HALF * 4, cudaHostAllocDefault), "taking pinned memory");
    cuda(cudaEventCreateWithFlags(&done[i], cudaEventDisableTiming), "making an event");
  }
}

void Transfer::close() {
  for (int i = 0; i < 2; ++i) {
    if (half[i]) cudaFreeHost(half[i]);
    if (done[i]) cudaEventDestroy(done[i]);
  }
}

void Transfer::write(cudaStream_t stream, const Stored& to, const std::function<void(void*, int64_t, int64_t)>& fill) {
  for (int64_t begin = 0, part = 0; begin < to.count; begin += HALF, ++part) {
    const int64_t end = std::min(begin + HALF, to.count), count = end - begin;
    char* const buffer = half[part % 2];
    if (part >= 2) cuda(cudaEventSynchronize(done[part % 2]), "writing a tensor");
    fill(buffer, begin, end);
    if (has_bf16(to.storage)) {
      split_kernel<<<blocks_for(count), 256, 0, stream>>>(reinterpret_cast<uint32_t*>(buffer), reinterpret_cast<uint16_t*>(to.at) + begin, remainder_of(to, begin), count);
      cuda(cudaGetLastError(), "writing a tensor");
    } else {
      cuda(cudaMemcpyAsync(to.at + begin * 4, buffer, count * 4, cudaMemcpyHostToDevice, stream), "writing a tensor");
    }
    cuda(cudaEventRecord(done[part % 2], stream), "writing a tensor");
  }
  cuda(cudaStreamSynchronize(stream), "writing a tensor");
}

void Transfer::read(cudaStream_t stream, const Stored& from, const std::function<void(const void*, int64_t, int64_t)>& take) {
  const int64_t parts = mlac::ceil_div(from.count, HALF);
  const auto start = [&](int64_t part) {
    const int64_t begin = part * HALF, count = std::min(HALF, from.count - begin);
    char* const buffer = half[part % 2];
    if (has_bf16(from.storage)) {
      join_kernel<<<blocks_for(count), 256, 0, stream>>>(reinterpret_cast<const uint16_t*>(from.at) + begin, remainder_of(from, begin), reinterpret_cast<uint32_t*>(buffer), count);
      cuda(cudaGetLastError(), "reading a tensor");
    } else {
      cuda(cudaMemcpyAsync(buffer, from.at + begin * 4, count * 4, cudaMemcpyDeviceToHost, stream), "reading a tensor");
    }
    cuda(cudaEventRecord(done[part % 2], stream), "reading a tensor");
  };
  if (parts > 0) start(0);
  for (int64_t part = 0; part < parts; ++part) {
    if (part + 1 < parts) start(part + 1);
    cuda(cudaEventSynchronize(done[part % 2]), "reading a tensor");
    const int64_t begin = part * HALF;
    take(half[part % 2], begin, std::min(begin + HALF, from.count));
  }
}

void find_not_finite(cudaStream_t stream, const Stored& tensor, int32_t* found) {
  if (tensor.count == 0) return;
  not_finite_kernel<<<unsigned(std::min<int64_t>(1024, mlac::ceil_div(tensor.count, 256))), 256, 0, stream>>>(
      tensor.at, tensor.storage == mlac::Storage::split ? tensor.remainder : nullptr, tensor.count, found);
  cuda(cudaGetLastError(), "looking for numbers that are not finite");
}
