// Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon): momentum, made orthogonal. The size of the update is that of Liu et al.,
// arXiv:2502.16982.
//
// Matrices of one size go together, whatever parameters they belong to, as many at a time as the workspace holds:
//   begin_muon   momentum, and u in bf16 with the sum of its squares, in pieces
//   muon_factors 1 / ‖u‖ of each matrix
//   newton_schulz, whose first step multiplies by that
//   finish_muon  the weights
#pragma once

#include <algorithm>

#include "newton_schulz.cuh"
#include "optimizer.cuh"

namespace mlac {

struct Muon {
  double lr, momentum, weight_decay;
};

/// `count` matrices of one parameter, one behind the other. All pointers are 16-byte aligned.
struct MuonTensor {
  Weight weight;
  float* momentum;
  const float* gradient;
  int64_t count;
  Muon rule;
};

/// Matrices of rows x columns that go through `steps` Newton-Schulz steps, `at_once` at a time.
struct MuonBatch {
  int64_t rows, columns, at_once;
  int steps;
};

namespace detail {

// A matrix is worked on in pieces of the same number of runs, each by one block.
constexpr int MOST_PIECES = 256, FEWEST_RUNS = 4 * OPTIMIZER_THREADS;

// A matrix in the workspace: both sides padded to multiples of 8.
struct Padded {
  int64_t rows, columns, short_side;
  int64_t area() const { return rows * columns; }
  int64_t square() const { return short_side * short_side; }
  int64_t runs() const { return area() / RUN; }
};
inline Padded padded(int64_t rows, int64_t columns) {
  const int64_t r = ceil_div(rows, RUN) * RUN, c = ceil_div(columns, RUN) * RUN;
  return {r, c, std::min(r, c)};
}

struct MuonPart {
  Weight weight;
  float* momentum;
  const float* gradient;
  float keep_momentum, take_gradient, keep_weight, take_update;
};

// The parameters of one launch, as a kernel's argument: 4 KB is what every GPU takes. first[i] is the number in this batch that part i's
// first matrix has; negative if earlier batches began with it.
constexpr int MOST_PARTS = 64;
struct MuonParts {
  int count;
  int first[MOST_PARTS + 1];
  MuonPart parts[MOST_PARTS];
};

// How a matrix lies in the parameter and in the workspace, and is cut into pieces.
struct MuonLayout {
  int rows, columns;  // in the parameter
  int runs_of_row, runs, pieces;  // in the workspace
};
static_assert(sizeof(MuonParts) + sizeof(MuonLayout) + 64 <= 4096, "the parts do not fit a kernel's arguments");

// Calls work(part, at, run, count) for each run of this block's piece: `count` numbers of the parameter from place `at` on are `run` of
// the batch. count is 0 in the padding.
template <bool ALIGNED, typename Work>
__device__ inline void for_runs(const MuonParts& all, const MuonLayout& layout, Work work) {
  const int matrix = int(blockIdx.x) / layout.pieces, piece = int(blockIdx.x) % layout.pieces;
  int index = 0;
  while (index + 1 < all.count && all.first[index + 1] <= matrix) ++index;
  const MuonPart part = all.parts[index];
  const int64_t size = int64_t(layout.rows) * layout.columns, begin = (matrix - all.first[index]) * size;
  const int each = (layout.runs + layout.pieces - 1) / layout.pieces, end = min((piece + 1) * each, layout.runs);
  for (int i = piece * each + int(threadIdx.x); i < end; i += OPTIMIZER_THREADS) {
    const int64_t run = int64_t(matrix) * layout.runs + i;
    if constexpr (ALIGNED) {  // rows are whole runs: only rows behind the last one are padding
      const int64_t at = int64_t(i) * RUN;
      work(part, begin + at, run, at < size ? RUN : 0);
    } else {
      const int row = i / layout.runs_of_row, column = i % layout.runs_of_row * RUN;
      work(part, begin + int64_t(row) * layout.columns + column, run, row < layout.rows ? min(RUN, layout.columns - column) : 0);
    }
  }
}

// momentum ← mu·momentum + (1 − mu)·g, and x = u = (1 − mu)·g + mu·momentum; squares [matrices, MOST_PIECES] are u's.
template <bool ALIGNED>
__global__ void __launch_bounds__(OPTIMIZER_THREADS) begin_muon(const __grid_constant__ MuonParts all, const __grid_constant__ MuonLayout layout,
                                                                const Gradients* found, bf16* x, double* squares) {
  if (!found->finite) return;
  const float scale = found->scale;
  double sum = 0;
  for_runs<ALIGNED>(all, layout, [&](const MuonPart& part, int64_t at, int64_t run, int count) {
    Run u{};
    if (count > 0) {
      const float take = part.take_gradient * scale, mu = part.keep_momentum;
      const Run g = load<ALIGNED>(part.gradient + at, count);
      Run m = load<ALIGNED>(part.momentum + at, count);
#pragma unroll
      for (int j = 0; j < RUN; ++j) {
        m[j] = mu * m[j] + take * g[j];
        u[j] = take * g[j] + mu * m[j];
      }
      store<ALIGNED>(part.momentum + at, m, count);
      sum += squares_of(u);
    }
    store_aligned(x + run * RUN, u);
  });
  sum = sum_of_block(sum);
  if (threadIdx.x == 0) squares[int64_t(blockIdx.x) / layout.pieces * MOST_PIECES + blockIdx.x % layout.pieces] = sum;
}

// factor = 1 / (‖u‖ + 1e-7): a warp for each matrix.
template <int = 0>
__global__ void muon_factors(const double* squares, int pieces, const Gradients* found, float* factors) {
  if (!found->finite) return;
  squares += int64_t(blockIdx.x) * MOST_PIECES;
  double sum = 0;
  for (int piece = threadIdx.x; piece < pieces; piece += WARP) sum += squares[piece];
#pragma unroll
  for (int step = WARP / 2; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
  if (threadIdx.x == 0) factors[blockIdx.x] = float(1 / (sqrt(sum) + 1e-7));
}

// w ← w·(1 − lr·decay) − lr·0.2·sqrt(longer side)·x
template <bool ALIGNED>
__global__ void __launch_bounds__(OPTIMIZER_THREADS) finish_muon(const __grid_constant__ MuonParts all, const __grid_constant__ MuonLayout layout,
                                                                 const Gradients* found, const bf16* x) {
  if (!found->finite) return;
  for_runs<ALIGNED>(all, layout, [&](const MuonPart& part, int64_t at, int64_t run, int count) {
    if (count == 0) return;
    const Run update = load_aligned(x + run * RUN);
    Run w = load_weight<ALIGNED>(part.weight, at, count);
#pragma unroll
    for (int j = 0; j < RUN; ++j) w[j] = part.keep_weight * w[j] - part.take_update * update[j];
    store_weight<ALIGNED>(part.weight, at, w, count);
  });
}

}  // namespace detail

/// Bytes of workspace for each matrix of a batch; a multiple of 64. compiler/emit/cuda/update.ts counts the same.
inline int64_t muon_workspace(int64_t rows, int64_t columns) {
  const detail::Padded size = detail::padded(rows, columns);
  return 2 * (2 * size.area() + 2 * size.square()) + 8 * detail::MOST_PIECES + 64;
}

/// One step of all the tensors, whose matrices are batch.rows x batch.columns, after measure_gradients. `workspace` is 64-byte aligned and has
/// muon_workspace bytes for each of the matrices that are worked on at once. Returns what the launches returned.
template <NewtonSchulz HOW, Shape SHAPE>
cudaError_t muon(cudaStream_t stream, const MuonBatch& batch, const Gradients* found, const MuonTensor* tensors, int64_t tensor_count, char* workspace) {
  using namespace detail;
  const Padded size = padded(batch.rows, batch.columns);
  const bool aligned = batch.columns % RUN == 0;
  const int pieces = int(std::clamp<int64_t>(size.runs() / FEWEST_RUNS, 1, MOST_PIECES));
  const MuonLayout layout{int(batch.rows), int(batch.columns), int(size.columns / RUN), int(size.runs()), pieces};
  const double length = 0.2 * std::sqrt(double(std::max(batch.rows, batch.columns)));
  int64_t matrices = 0;
  for (int64_t i = 0; i < tensor_count; ++i) matrices += tensors[i].count;
  for (int64_t begin = 0, end; begin < matrices; begin = end) {
    end = std::min(begin + batch.at_once, matrices);
    MuonParts all{};
    int64_t first = 0, next;
    for (int64_t i = 0; i < tensor_count; ++i) {
      const MuonTensor& t = tensors[i];
      next = first + t.count;
      if (next > begin && first < end) {
        if (all.count == MOST_PARTS) {  // the others are for the next round
          end = first;
          break;
        }
        const Muon& rule = t.rule;
        all.first[all.count] = int(first - begin);
        all.parts[all.count] = {t.weight,
                                t.momentum,
                                t.gradient,
                                float(rule.momentum),
                                float(1 - rule.momentum),
                                float(1 - rule.lr * rule.weight_decay),
                                float(rule.lr * length)};
        ++all.count;
        all.first[all.count] = int(next - begin);
      }
      first = next;
    }
    const int64_t count = end - begin;
    bf16* const x = reinterpret_cast<bf16*>(workspace);
    bf16* const spare = x + count * size.area();
    bf16* const a = spare + count * size.area();
    bf16* const p = a + count * size.square();
    double* const squares = reinterpret_cast<double*>(p + count * size.square());
    float* const factors = reinterpret_cast<float*>(squares + count * MOST_PIECES);

    const unsigned blocks = unsigned(count * pieces);
    (aligned ? begin_muon<true> : begin_muon<false>)<<<blocks, OPTIMIZER_THREADS, 0, stream>>>(all, layout, found, x, squares);
    muon_factors<><<<unsigned(count), WARP, 0, stream>>>(squares, pieces, found, factors);
    const bf16* update = nullptr;
    const cudaError_t status = newton_schulz<HOW, SHAPE>(stream, {size.rows, size.columns, count, x, spare, a, p, factors}, batch.steps, &update);
    if (status != cudaSuccess) return status;
    (aligned ? finish_muon<true> : finish_muon<false>)<<<blocks, OPTIMIZER_THREADS, 0, stream>>>(all, layout, found, update);
  }
  return cudaGetLastError();
}
template <NewtonSchulz HOW, Shape SHAPE>
cudaError_t muon(cudaStream_t stream, const MuonBatch& batch, const Gradients* found, const std::vector<MuonTensor>& tensors, char* workspace) {
  return muon<HOW, SHAPE>(stream, batch, found, tensors.data(), int64_t(tensors.size()), workspace);
}

}  // namespace mlac
