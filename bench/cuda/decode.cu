// Decoding's kernels but the products: attention over a cache, routing, sampling; against float64, run against run, and their time beside the
// bytes that they must read.
#include "decode_attention_in_step.cuh"
#include "decode_checks.cuh"
#include "decode_times.cuh"

int main(int argc, char** argv) {
  if (check::wants(argc, argv, "check")) decode_checks();
  if (check::wants(argc, argv, "time")) {
    decode_times();
    for (const int64_t context : {4096, 65536}) time_attention_in_step(context);
  }
  return check::failures > 0;
}
