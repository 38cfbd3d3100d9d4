/** A model without a compiler: a bigram table behind the C interface of built models, small enough to read, real enough to train. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compileLibrary } from "../compiler/emit/toolchain.js";
import type { Manifest, ManifestTensor } from "../compiler/manifest.js";
import type { BuiltModel } from "../runtime/session.js";

export const batch = 2;
export const length = 16;
export const vocabulary = 256;
export const experts = 4;

const code = `
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
constexpr int B = ${batch}, T = ${length}, V = ${vocabulary}, E = ${experts};
struct mlac_session { float table[V * V], grad[V * V], m[V * V], v[V * V]; int32_t load[E]; std::string error; };
static thread_local std::string opening;
static void *place(mlac_session *s, const std::string &name, int64_t bytes) {
  void *at = name == "table" ? (void *)s->table : name == "grad.table" ? s->grad : name == "adamw.m.table" ? s->m : name == "adamw.v.table" ? s->v : name == "load.moe" ? (void *)s->load : nullptr;
  if (!at) s->error = "there is no tensor " + name;
  else if (bytes != (name == "load.moe" ? (int64_t)sizeof s->load : (int64_t)sizeof s->table)) { s->error = name + " has another size"; return nullptr; }
  return at;
}
static double pass(mlac_session *s, const int32_t *tokens, const int32_t *targets, double scale, bool backward) {
  double loss = 0;
  for (int i = 0; i < B * T; i++) {
    const float *row = s->table + tokens[i] * V;
    double top = row[0], sum = 0;
    for (int j = 1; j < V; j++) if (row[j] > top) top = row[j];
    for (int j = 0; j < V; j++) sum += std::exp(row[j] - top);
    loss += std::log(sum) + top - row[targets[i]];
    if (!backward) continue;
    s->load[tokens[i] % E]++;
    for (int j = 0; j < V; j++) s->grad[tokens[i] * V + j] += scale / (B * T) * (std::exp(row[j] - top) / sum - (j == targets[i]));
  }
  return loss / (B * T);
}
extern "C" {
mlac_session *mlac_open(int32_t threads) {
  if (threads == 666) { opening = "there is not enough memory for 1 GiB"; return nullptr; }
  char local[4 * 1024 * 1024]; // stands for a kernel's tiles: more stack than koffi gives by default
  std::memset(local, threads, sizeof local);
  return new mlac_session();
}
void mlac_close(mlac_session *s) { delete s; }
const char *mlac_last_error(const mlac_session *s) { return s ? s->error.c_str() : opening.c_str(); }
int32_t mlac_initialize(mlac_session *s, uint64_t seed) {
  uint64_t x = seed * 2 + 1;
  for (float &w : s->table) { x = x * 6364136223846793005ull + 1442695040888963407ull; w = 0.02f * ((double)(x >> 11) / 9007199254740992.0 - 0.5); }
  return 0;
}
int32_t mlac_read(mlac_session *s, const char *name, void *out, int64_t bytes) { void *at = place(s, name, bytes); if (!at) return 1; std::memcpy(out, at, bytes); return 0; }
int32_t mlac_write(mlac_session *s, const char *name, const void *data, int64_t bytes) { void *at = place(s, name, bytes); if (!at) return 1; std::memcpy(at, data, bytes); return 0; }
int32_t mlac_reset_optimizer(mlac_session *s) { std::memset(s->m, 0, sizeof s->m); std::memset(s->v, 0, sizeof s->v); return 0; }
int32_t mlac_micro_step(mlac_session *s, const int32_t *tokens, const int32_t *targets, double scale, int32_t first, int32_t last, double *report) {
  if (first) std::memset(s->grad, 0, sizeof s->grad);
  std::memset(s->load, 0, sizeof s->load);
  report[0] = pass(s, tokens, targets, scale, true);
  report[1] = 0.01;
  return 0;
}
int32_t mlac_update(mlac_session *s, int64_t step, double rate, double clip, double *report) {
  double norm = 0;
  for (float g : s->grad) norm += (double)g * g;
  norm = report[0] = std::sqrt(norm);
  double by = clip > 0 && norm > clip ? clip / (norm + 1e-6) : 1, lr = 0.05 * rate;
  for (int i = 0; i < V * V; i++) {
    double g = s->grad[i] * by;
    s->m[i] = 0.9 * s->m[i] + 0.1 * g;
    s->v[i] = 0.95 * s->v[i] + 0.05 * g * g;
    s->table[i] -= lr * (s->m[i] / (1 - std::pow(0.9, step))) / (std::sqrt(s->v[i] / (1 - std::pow(0.95, step))) + 1e-8);
  }
  return 0;
}
int32_t mlac_evaluate(mlac_session *s, const int32_t *tokens, const int32_t *targets, double *report) { report[0] = pass(s, tokens, targets, 0, false); report[1] = 0.01; return 0; }
int32_t mlac_predict(mlac_session *s, const int32_t *tokens, const int32_t *at, void *logits) {
  for (int b = 0; b < B; b++) std::memcpy((float *)logits + b * V, s->table + tokens[b * T + at[b]] * V, V * sizeof(float));
  return 0;
}
const char *mlac_first_not_finite(mlac_session *s) {
  for (float w : s->table) if (!std::isfinite(w)) return "table";
  for (float w : s->grad) if (!std::isfinite(w)) return "grad.table";
  return nullptr;
}
}
`;

const tensor = (name: string, role: ManifestTensor["role"], shape: number[], dtype: ManifestTensor["dtype"] = "F32"): ManifestTensor => ({
  name,
  role,
  dtype,
  shape,
  offset: 0,
  bytes: 4 * shape.reduce((n, d) => n * d, 1),
});

/** Compiles it into the folder. */
export async function bigram(folder: string): Promise<BuiltModel> {
  mkdirSync(folder, { recursive: true });
  const source = join(folder, "bigram.cpp");
  writeFileSync(source, code);
  const { library } = await compileLibrary({ sources: [source], library: join(folder, "model.so"), flags: ["-std=c++17", "-O1", "-fPIC"] });
  const square = [vocabulary, vocabulary];
  const manifest = {
    format: 1,
    mlac: "0.1.0",
    model: "bigram",
    target: "cpu",
    dtype: "f32",
    tokens: { batch, length, vocabulary },
    sizes: { B: batch, T: length, V: vocabulary },
    plan: {},
    fuse: {},
    set: {},
    parameters: [],
    tensors: [
      tensor("table", "parameter", square),
      tensor("grad.table", "gradient", square),
      tensor("adamw.m.table", "moment1", square),
      tensor("adamw.v.table", "moment2", square),
      tensor("load.moe", "load", [experts], "I32"),
    ],
    memory: {
      kinds: { weights: 0, gradients: 0, optimizer: 0, activations: 0, io: 0, tables: 0 },
      total: 0,
      scratchPerThread: 0,
      buffers: [],
    },
    kernels: [],
    loads: ["load.moe"],
    sources: [],
  } as unknown as Manifest;
  return { manifest, library };
}
