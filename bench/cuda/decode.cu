// Decoding's kernels but the products: attention over a cache, routing, sampling; against float64, run against run, and their time beside the
// bytes that they must read.
#include "decode_checks.cuh"
#include "decode_times.cuh"

int main(int argc, char** argv) {
  if (check::wants(argc, argv, "check")) decode_checks();
  if (check::wants(argc, argv, "time")) decode_times();
  return check::failures > 0;
}
