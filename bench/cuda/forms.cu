// Checks and timings of what forms of their own are made of: routing, combine, lookup, cross entropy, next logits, fill.
#include "check.cuh"

#include "forms_loss.cuh"
#include "forms_rows.cuh"
#include "forms_routing.cuh"

int main(int argc, char** argv) {
  if (check::wants(argc, argv, "check")) {
    forms::check_routing();
    forms::check_rows();
    forms::check_loss();
  }
  if (check::wants(argc, argv, "time")) {
    forms::time_routing();
    forms::time_rows();
    forms::time_loss();
  }
  std::printf("%s\n", check::failures == 0 ? "all passed" : "SOMETHING FAILED");
  return check::failures == 0 ? 0 : 1;
}
