// fill_normal: its moments, independence of neighbours and streams, and the same numbers however it is called.
#include "random.h"

#include "check.h"

int main() {
  constexpr int64_t count = 1000001;
  const auto fill = [](int64_t n, uint64_t seed, uint64_t stream, double std) {
    std::vector<mlac::real> out(n);
    mlac::fill_normal(out.data(), n, seed, stream, std);
    return out;
  };
  const auto a = check::on_threads("normal", [&] { return fill(count, 7, 1, 2); });
  const auto other_stream = fill(count, 7, 2, 2), other_seed = fill(count, 8, 1, 2), beginning = fill(4097, 7, 1, 2);
  check::that(std::equal(beginning.begin(), beginning.end(), a.begin()), "a shorter tensor begins otherwise");

  double mean = 0, square = 0, fourth = 0, next = 0, stream = 0, seed = 0;
  for (int64_t i = 0; i < count; i++) {
    const double x = a[i] / 2.0;
    mean += x / count;
    square += x * x / count;
    fourth += x * x * x * x / count;
    next += x * a[(i + 1) % count] / 2 / count;
    stream += x * other_stream[i] / 2 / count;
    seed += x * other_seed[i] / 2 / count;
  }
  // Each of these has a standard deviation of about 1e-3 (the fourth moment 1e-2).
  check::that(std::abs(mean) < 4e-3, "mean");
  check::that(std::abs(square - 1) < 6e-3, "variance");
  check::that(std::abs(fourth - 3) < 4e-2, "fourth moment");
  check::that(std::abs(next) < 4e-3, "neighbours");
  check::that(std::abs(stream) < 4e-3, "streams");
  check::that(std::abs(seed) < 4e-3, "seeds");
  return check::report("random");
}
