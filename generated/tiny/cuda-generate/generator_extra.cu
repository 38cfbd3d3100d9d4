// Measuring a model that was built for generating: random weights and cache, the time of a step, of its kernels, of a copy.
#include "generator_extra.h"

#include <algorithm>

#include "generator.h"
#include "lib/counter_random.cuh"
#include "lib/kernel.cuh"
#include "profile.h"

namespace {

__device__ double normal(uint64_t seed, uint64_t i) {
  using mlac::uniform;
  seed = mlac::mix(seed);
  return sqrt(-2 * log(uniform(seed, 2 * i))) * cospi(2 * uniform(seed, 2 * i + 1));
}

__global__ void draw_kernel(void* to, int64_t count, uint64_t seed, float mean, float std, bool half) {
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < count; i += int64_t(gridDim.x) * blockDim.x) {
    const float x = mean + std * float(normal(seed, uint64_t(i)));
    if (half) static_cast<mlac::bf16*>(to)[i] = __float2bfloat16(x);
    else static_cast<float*>(to)[i] = x;
  }
}

/// Times of `work` on the device, by events.
void time(mlac_generator* generator, int32_t rounds, float* milliseconds, const std::function<void()>& work) {
  cudaEvent_t begin, end;
  cuda(cudaEventCreate(&begin), "timing");
  cuda(cudaEventCreate(&end), "timing");
  for (int32_t round = 0; round < rounds; ++round) {
    cuda(cudaEventRecord(begin, generator->stream), "timing");
    work();
    cuda(cudaEventRecord(end, generator->stream), "timing");
    cuda(cudaEventSynchronize(end), "timing");
    cuda(cudaEventElapsedTime(milliseconds + round, begin, end), "timing");
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
}

}  // namespace

extern "C" {

int32_t mlac_generator_draw(mlac_generator* generator, uint64_t seed, double std) {
  return call(generator, [=] {
    for (int64_t i = 0; i < mlac::WEIGHT_COUNT; ++i) {
      const mlac::Parameter& w = mlac::WEIGHTS[i];
      const bool half = w.storage == mlac::Storage::half;
      draw_kernel<<<1024, 256, 0, generator->stream>>>(generator->arena + w.offset, w.count, seed + uint64_t(i), half ? 0.f : 1.f, half ? float(std) : 0.f, half);
    }
    cuda(cudaGetLastError(), "drawing weights");
    cuda(cudaStreamSynchronize(generator->stream), "drawing weights");
  });
}

int32_t mlac_generator_fill_cache(mlac_generator* generator, uint64_t seed) {
  return call(generator, [=] {
    // Every 16 bits a normal bf16; two of them are a float32 of that size, too.
    draw_kernel<<<1024, 256, 0, generator->stream>>>(generator->arena + mlac::CACHE_AT, mlac::CACHE_BYTES / 2, seed, 0.f, 1.f, true);
    cuda(cudaGetLastError(), "filling the cache");
    cuda(cudaStreamSynchronize(generator->stream), "filling the cache");
  });
}

int32_t mlac_generator_time(mlac_generator* generator, int32_t what, int32_t rounds, float* milliseconds) {
  return call(generator, [=] {
    if (what == 2) return time(generator, rounds, milliseconds, [=] { draw_tokens(generator); });
    Program& program = what == 0 ? generator->prefill : generator->decode;
    if (!program.captured()) throw Failure("there was nothing yet whose time could be taken");
    time(generator, rounds, milliseconds, [&] { program.launch(generator->stream, generator->arena); });
  });
}

int32_t mlac_generator_profile(mlac_generator* generator, int32_t what, int32_t rounds, char* text, int64_t bytes) {
  return call(generator, [=] {
    RangeTimes times;
    for (int32_t round = 0; round < rounds; ++round) (what == 0 ? mlac::prefill : mlac::decode)(generator->stream, generator->arena);
    cuda(mlac::take_failure(), "timing the kernels");
    cuda(cudaStreamSynchronize(generator->stream), "timing the kernels");
    const std::string lines = times.lines(rounds);
    if (int64_t(lines.size()) >= bytes) throw Failure("the table of kernels has " + std::to_string(lines.size()) + " bytes, for which there is no room");
    std::memcpy(text, lines.c_str(), lines.size() + 1);
  });
}

int32_t mlac_generator_copy_speed(mlac_generator* generator, int32_t rounds, double* report) {
  return call(generator, [=] {
    const int64_t half = std::min(mlac::ARENA_BYTES, int64_t(8) << 30) / 512 * 256;
    char* other = nullptr;
    cuda(cudaMalloc(&other, half), "taking memory for a copy");
    std::vector<float> milliseconds(rounds);
    time(generator, rounds, milliseconds.data(), [=] { cudaMemcpyAsync(other, generator->arena, half, cudaMemcpyDeviceToDevice, generator->stream); });
    cudaFree(other);
    *report = 2e3 * double(half) / *std::min_element(milliseconds.begin(), milliseconds.end());
  });
}

const char* mlac_generator_device(const mlac_generator* generator) { return generator->gpu.name.c_str(); }

}  // extern "C"
