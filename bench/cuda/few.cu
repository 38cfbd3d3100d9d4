// Products with few rows: against float64, run against run, and their time beside the bytes that they must read.
#include "few_checks.cuh"
#include "few_times.cuh"

int main(int argc, char** argv) {
  if (check::wants(argc, argv, "check")) few_checks();
  if (check::wants(argc, argv, "time")) few_times();
  return check::failures > 0;
}
