/*
 * Rows of an embedding by number, and the gradient of the embedding: each token's gradient is added to the row it came from.
 *
 * add_rows, without floating-point atomics:
 *   the tokens are sorted by id, stably, nine bits of the id at a time (counting_sort.cuh): count, scan, place
 *   pieces_kernel   a warp per piece of 64 sorted tokens and 256 columns adds up runs of equal ids. A run that lies within its piece
 *                   goes to its row; the part of a run that crosses a piece's begin or end goes to `edges`
 *   edges_kernel    the piece in which a crossing run begins adds up its parts, in their order
 */
#pragma once

#include "counting_sort.cuh"
#include "kernel.cuh"
#include "workspace.cuh"

namespace mlac {

constexpr int LOOKUP_WARPS = 8;
constexpr int LOOKUP_THREADS = LOOKUP_WARPS * WARP;

template <bool ALIGNED, typename From, typename To>
__global__ void __launch_bounds__(LOOKUP_THREADS) copy_rows_kernel(int64_t tokens, int64_t width, const From* __restrict__ table, const int32_t* __restrict__ ids, To* __restrict__ out) {
  const int64_t token = int64_t(blockIdx.x) * LOOKUP_WARPS + threadIdx.x / WARP;
  if (token >= tokens) return;
  const From* from = table + ids[token] * width;
  To* to = out + token * width;
#pragma unroll 4
  for (int64_t column = threadIdx.x % WARP * RUN; column < width; column += WARP * RUN) {
    const int count = int(min(int64_t(RUN), width - column));
    store<ALIGNED>(to + column, load<ALIGNED>(from + column, count), count);
  }
}

/// out[t] = table[ids[t]]. table [vocabulary, width]; ids [tokens]; out [tokens, width]. ALIGNED: the width is a multiple of 8.
template <bool ALIGNED, typename From, typename To>
void copy_rows(cudaStream_t stream, int64_t tokens, int64_t width, const From* table, const int32_t* ids, To* out) {
  copy_rows_kernel<ALIGNED><<<ceil_div(tokens, LOOKUP_WARPS), LOOKUP_THREADS, 0, stream>>>(tokens, width, table, ids, out);
}

constexpr int DIGIT = 9;
constexpr int DIGITS = 1 << DIGIT;
/// Tokens of one block of the sort.
constexpr int64_t LOOKUP_CHUNK = 1024;
/// Sorted tokens, and columns, of one warp of the sums.
constexpr int64_t PIECE = 64;
constexpr int64_t PIECE_COLUMNS = WARP * RUN;

constexpr int64_t add_rows_workspace(int64_t tokens, int64_t width) {
  const int64_t edges = 2 * ceil_div(tokens, PIECE) * ceil_div(width, PIECE_COLUMNS) * PIECE_COLUMNS;
  return 4 * room(tokens, sizeof(int32_t)) + room(ceil_div(tokens, LOOKUP_CHUNK) * DIGITS, sizeof(int32_t)) + room(edges, sizeof(float));
}

__device__ inline int32_t digit_of(int32_t id, int shift) { return (id >> shift) & (DIGITS - 1); }

template <int BINS>
__global__ void __launch_bounds__(SORT_THREADS) count_digits_kernel(int64_t tokens, int shift, const int32_t* __restrict__ ids, int32_t* __restrict__ counts) {
  __shared__ int32_t count[BINS];
  const int64_t begin = blockIdx.x * LOOKUP_CHUNK, end = min(tokens, begin + LOOKUP_CHUNK);
  count_chunk<BINS>(begin, end, count, counts + int64_t(blockIdx.x) * BINS, [=](int64_t i) { return digit_of(ids[i], shift); });
}

template <int BINS>
__global__ void __launch_bounds__(SCAN_THREADS) scan_digits_kernel(int64_t chunks, int32_t* __restrict__ counts) {
  __shared__ int32_t partial[SCAN_THREADS];
  __shared__ int32_t first[BINS + 1];
  scan_counts<BINS>(chunks, counts, partial, first);
}

/// `order` is where each id came from; null at first, when nothing has moved yet.
template <int BINS>
__global__ void __launch_bounds__(SORT_THREADS) place_digits_kernel(int64_t tokens, int shift, const int32_t* __restrict__ positions, const int32_t* __restrict__ ids,
                                                                           const int32_t* __restrict__ order, int32_t* __restrict__ sorted_ids, int32_t* __restrict__ sorted_order) {
  __shared__ int32_t place[SORT_WARPS][BINS];
  const int64_t begin = blockIdx.x * LOOKUP_CHUNK, end = min(tokens, begin + LOOKUP_CHUNK);
  place_chunk<BINS>(
      begin, end, positions + int64_t(blockIdx.x) * BINS, place, [=](int64_t i) { return digit_of(ids[i], shift); },
      [=](int64_t i, int32_t position) {
        sorted_ids[position] = ids[i];
        sorted_order[position] = order ? order[i] : int32_t(i);
      });
}

/// One warp's piece of the sorted tokens, and its columns.
struct Piece {
  int64_t piece, begin, end, column, edge_columns;
  int count;
  __device__ Piece(int64_t tokens, int64_t width) {
    const int64_t parts = ceil_div(width, PIECE_COLUMNS), warp = int64_t(blockIdx.x) * LOOKUP_WARPS + threadIdx.x / WARP;
    piece = warp / parts;
    begin = piece * PIECE;
    end = min(tokens, begin + PIECE);
    column = warp % parts * PIECE_COLUMNS + threadIdx.x % WARP * RUN;
    count = int(min(int64_t(RUN), width - column));  // none or fewer at the right edge
    edge_columns = parts * PIECE_COLUMNS;
  }
  /// Where the part of the run that crosses the begin (0) or the end (1) of a piece is kept.
  __device__ float* edge(float* edges, int64_t of, int side) const { return edges + (of * 2 + side) * edge_columns + column; }
};

template <bool ALIGNED, bool ADDS, typename To>
__device__ void finish_row(To* to, Run sum, int count) {
  if constexpr (ADDS) {
    const Run before = load<ALIGNED>(to, count);
#pragma unroll
    for (int j = 0; j < RUN; ++j) sum[j] += before[j];
  }
  store<ALIGNED>(to, sum, count);
}

template <bool ALIGNED, bool ADDS, typename From, typename To>
__global__ void __launch_bounds__(LOOKUP_THREADS, 2) pieces_kernel(int64_t tokens, int64_t width, const From* __restrict__ dy, const int32_t* __restrict__ ids,
                                                                   const int32_t* __restrict__ order, To* __restrict__ out, float* __restrict__ edges) {
  constexpr int AHEAD = 8;  // rows that are asked for before the first is added
  const Piece mine(tokens, width);
  if (mine.begin >= tokens) return;
  const bool begun_before = mine.begin > 0 && ids[mine.begin - 1] == ids[mine.begin];
  const bool goes_on = mine.end < tokens && ids[mine.end] == ids[mine.end - 1];

  Run sum{};
  bool first_run = true;
  for (int64_t at = mine.begin; at < mine.end; at += AHEAD) {
    Run row[AHEAD];
#pragma unroll
    for (int i = 0; i < AHEAD; ++i) row[i] = at + i < mine.end ? load<ALIGNED>(dy + order[at + i] * width + mine.column, mine.count) : Run{};
#pragma unroll
    for (int i = 0; i < AHEAD; ++i) {
      if (at + i >= mine.end) break;
#pragma unroll
      for (int j = 0; j < RUN; ++j) sum[j] += row[i][j];
      const bool last = at + i + 1 == mine.end;
      const int32_t id = ids[at + i];
      if (!last && ids[at + i + 1] == id) continue;
      if (first_run && begun_before)
        store<true>(mine.edge(edges, mine.piece, 0), sum);
      else if (last && goes_on)
        store<true>(mine.edge(edges, mine.piece, 1), sum);
      else
        finish_row<ALIGNED, ADDS>(out + id * width + mine.column, sum, mine.count);
      sum = Run{};
      first_run = false;
    }
  }
}

template <bool ALIGNED, bool ADDS, typename To>
__global__ void __launch_bounds__(LOOKUP_THREADS, 4) edges_kernel(int64_t tokens, int64_t width, const int32_t* __restrict__ ids, const float* __restrict__ edges, To* __restrict__ out) {
  const Piece mine(tokens, width);
  if (mine.begin >= tokens || mine.end >= tokens) return;
  const int32_t id = ids[mine.end - 1];
  if (ids[mine.end] != id) return;  // no run crosses the end
  if (ids[mine.begin] == id && mine.begin > 0 && ids[mine.begin - 1] == id) return;  // it began in an earlier piece
  Run sum = load<true>(mine.edge(const_cast<float*>(edges), mine.piece, 1));
  for (int64_t next = mine.piece + 1;; next += WARP) {
    // How many of the next 32 pieces begin with the run.
    const int64_t begin = (next + threadIdx.x % WARP) * PIECE;
    const unsigned others = ~__ballot_sync(0xffffffffu, begin < tokens && ids[begin] == id);
    const int pieces = others == 0 ? WARP : __ffs(others) - 1;
#pragma unroll 4
    for (int i = 0; i < pieces; ++i) {
      const Run part = load<true>(mine.edge(const_cast<float*>(edges), next + i, 0));
#pragma unroll
      for (int j = 0; j < RUN; ++j) sum[j] += part[j];
    }
    if (pieces < WARP) break;
  }
  finish_row<ALIGNED, ADDS>(out + id * width + mine.column, sum, mine.count);
}

/// out[v] (+)= Σ dy[t] where ids[t] = v, in the order of the tokens. dy [tokens, width]; ids [tokens], 0 … vocabulary − 1; out [vocabulary, width].
/// ADDS: to what is there; otherwise rows without tokens become zero. ALIGNED: the width is a multiple of 8.
template <bool ALIGNED, bool ADDS, typename From, typename To>
void add_rows(cudaStream_t stream, int64_t tokens, int64_t vocabulary, int64_t width, const From* dy, const int32_t* ids, To* out, char* workspace) {
  const int64_t chunks = ceil_div(tokens, LOOKUP_CHUNK);
  Workspace rest{workspace};
  int32_t* some_ids[2] = {rest.take<int32_t>(tokens), rest.take<int32_t>(tokens)};
  int32_t* some_order[2] = {rest.take<int32_t>(tokens), rest.take<int32_t>(tokens)};
  int32_t* counts = rest.take<int32_t>(chunks * DIGITS);
  float* edges = rest.take<float>(2 * ceil_div(tokens, PIECE) * ceil_div(width, PIECE_COLUMNS) * PIECE_COLUMNS);

  const int32_t* sorted = ids;
  const int32_t* order = nullptr;
  int pass = 0;
  do {
    const int shift = pass * DIGIT, to = pass % 2;
    count_digits_kernel<DIGITS><<<chunks, SORT_THREADS, 0, stream>>>(tokens, shift, sorted, counts);
    scan_digits_kernel<DIGITS><<<1, SCAN_THREADS, 0, stream>>>(chunks, counts);
    place_digits_kernel<DIGITS><<<chunks, SORT_THREADS, 0, stream>>>(tokens, shift, counts, sorted, order, some_ids[to], some_order[to]);
    sorted = some_ids[to];
    order = some_order[to];
    ++pass;
  } while (pass * DIGIT < 31 && (int64_t(1) << (pass * DIGIT)) < vocabulary);

  if constexpr (!ADDS) cudaMemsetAsync(out, 0, vocabulary * width * sizeof(To), stream);
  const int64_t blocks = ceil_div(ceil_div(tokens, PIECE) * ceil_div(width, PIECE_COLUMNS), LOOKUP_WARPS);
  pieces_kernel<ALIGNED, ADDS><<<blocks, LOOKUP_THREADS, 0, stream>>>(tokens, width, dy, sorted, order, out, edges);
  edges_kernel<ALIGNED, ADDS><<<blocks, LOOKUP_THREADS, 0, stream>>>(tokens, width, sorted, edges, out);
}

}  // namespace mlac
