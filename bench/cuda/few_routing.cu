// The router's product that routes its one token at its end, against the product and the routing as launches of their own; and what that saves.
#include "few_shared.cuh"
#include "lib/route_row.cuh"
#include "lib/routing_few.cuh"

namespace {

constexpr int WIDTH = 2048;
constexpr float SCALE = 1.5f;
using C = mlac::Contraction<mlac::Kind::dense, mlac::Major::k, mlac::Major::own>;

template <mlac::Score SCORE, int EXPERTS, int TOP>
struct Route {
  const float* bias;
  float* gates;
  int32_t *slot, *source, *offsets;
  __device__ void operator()(int, int64_t, int64_t n, int count, const mlac::Run (&sums)[1]) const {
    mlac::route_row<SCORE, EXPERTS, TOP>(sums[0], int(n), count, SCALE, bias, gates, slot, source, offsets);
  }
};

template <int EXPERTS, int TOP>
struct Routing {
  static constexpr int TOKENS = 1, CHOICES = TOP;
  FewRows<1> product{TOKENS, WIDTH, EXPERTS, 1, false, TOKENS, {0, TOKENS}, {}};
  Device<float> bias{EXPERTS}, gates{CHOICES}, probabilities{TOKENS * EXPERTS}, balance{1};
  Device<int32_t> choice{CHOICES}, slot{CHOICES}, source{CHOICES}, offsets{EXPERTS + 1}, load{EXPERTS};
  Routing() { check::fill(bias, 5, .05f); }

  template <mlac::Score SCORE>
  void together(cudaStream_t stream, bool biased) {
    const Route<SCORE, EXPERTS, TOP> route{biased ? bias.data : nullptr, gates, slot, source, offsets};
    CUDA_OK((mlac::contract_few<C, TOKENS>(stream, product.extent(), {product.product()}, route)));
  }
  template <mlac::Score SCORE>
  void apart(cudaStream_t stream, bool biased) {
    CUDA_OK((mlac::contract_few<C, TOKENS>(stream, product.extent(), {product.product()}, KeepSums<1>{product.y, EXPERTS})));
    CUDA_OK((mlac::choose_experts_of_few<SCORE, EXPERTS, TOP, float>(stream, TOKENS, SCALE, 0, product.y, biased ? bias.data : nullptr, gates, choice, slot, source, offsets, load, probabilities,
                                                                    balance)));
  }
};

template <mlac::Score SCORE, int EXPERTS, int TOP>
void check_routing(bool biased) {
  Routing<EXPERTS, TOP> one, two;
  two.template apart<SCORE>(nullptr, biased);
  const auto work = [&] { one.template together<SCORE>(nullptr, biased); };
  work();
  CUDA_OK(cudaDeviceSynchronize());
  double differ = 0, error = 0;
  const auto compare = [&](const auto& x, const auto& y) {
    const auto xs = x.host(), ys = y.host();
    for (size_t i = 0; i < xs.size(); ++i) differ += xs[i] != ys[i];
  };
  compare(one.slot, two.slot), compare(one.source, two.source), compare(one.offsets, two.offsets);
  const auto xs = one.gates.host(), ys = two.gates.host();
  for (size_t i = 0; i < xs.size(); ++i) error = std::max(error, double(std::fabs(xs[i] - ys[i])));
  char name[120];
  std::snprintf(name, sizeof name, "a token to %d of %d experts%s%s, at the product's end", TOP, EXPERTS, SCORE == mlac::Score::sigmoid ? ", sigmoid" : "", biased ? ", biased" : "");
  check::report(name, differ, 0);
  check::report(std::string(name) + ": gates", std::isfinite(error) ? error : 1, 1e-5);
  same_again(std::string(name) + ", rows:", one.slot, work);
}

void time_routing() {
  Routing<64, 6> one;
  const double bytes = 2. * WIDTH * 64;
  tell("a token, product, then routing", in_a_row(40, [&](cudaStream_t stream, int) { one.apart<mlac::Score::softmax>(stream, false); }), bytes);
  tell("a token, routing at the product's end", in_a_row(40, [&](cudaStream_t stream, int) { one.together<mlac::Score::softmax>(stream, false); }), bytes);
}

}  // namespace

int main(int argc, char** argv) {
  using mlac::Score;
  if (check::wants(argc, argv, "check")) {
    check_routing<Score::softmax, 64, 6>(false), check_routing<Score::softmax, 64, 6>(true), check_routing<Score::sigmoid, 64, 8>(true), check_routing<Score::sigmoid, 16, 16>(false);
    check_routing<Score::softmax, 8, 2>(false), check_routing<Score::softmax, 40, 3>(true), check_routing<Score::sigmoid, 8, 1>(true), check_routing<Score::softmax, 64, 32>(true);
  }
  if (check::wants(argc, argv, "time")) {
    copied = copy_speed();
    time_routing();
  }
  return check::failures > 0;
}
