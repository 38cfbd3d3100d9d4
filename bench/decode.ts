/**
 * `npm run bench:decode -- MODEL [--rows N] [--context N] [--window N] [--mla absorb] [--set NAME=VALUE …] [--choices EXPERTS] [--exact N] [--profile] [--build DIR] [--out FILE]`
 * A model's decode step and prefill on this machine's GPU, with random weights and a random cache as long as --context says: milliseconds, the share
 * of the memory's bandwidth (weights that are touched and the cache, each read once), tokens/s, TFLOP/s. --exact: also compares the logits of decoding N
 * tokens one by one with those of prefill, which is the forward pass. --build: a build that is there is measured as it is.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Built, build } from "../compiler/build.js";
import { type Generation, generationOf } from "../compiler/generation.js";
import type { Manifest } from "../compiler/manifest.js";
import { Random } from "../runtime/random.js";
import { GpuGenerator } from "./gpuGenerator.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: "string", default: "1" },
    context: { type: "string", default: "4096" },
    window: { type: "string", default: "512" },
    mla: { type: "string", default: "auto" },
    set: { type: "string", multiple: true, default: [] },
    exact: { type: "string", default: "0" },
    choices: { type: "string", default: "6" },
    std: { type: "string", default: "0.02" },
    profile: { type: "boolean", default: false },
    build: { type: "string" },
    out: { type: "string" },
  },
});
const [file = "examples/lite/model.ts"] = positionals;
const log = (text: string): void => void process.stderr.write(`${text}\n`);
const rows = Number(values.rows);
const context = Number(values.context);
const window = Math.min(Number(values.window), context);
const generate = generationOf(context, { rows, context, window, slots: Math.max(2, rows), mla: values.mla as Generation["mla"] });

const started = performance.now();
const { manifest, library } = values.build === undefined ? await made() : there(values.build);
log(`${values.build === undefined ? "built" : "found"} in ${((performance.now() - started) / 1e3).toFixed(0)} s`);
const { vocabulary } = manifest.tokens;
const random = new Random(7);
const ids = (count: number): Int32Array => Int32Array.from({ length: count }, () => Math.floor(random.next() * vocabulary));

const gpu = new GpuGenerator(library);
const copy = gpu.copySpeed();
log(`${gpu.device()}, a copy at ${(copy / 1e12).toFixed(2)} TB/s`);
gpu.draw(1, Number(values.std));

const exact = Number(values.exact) > 0 ? compare(Number(values.exact)) : undefined;
gpu.fillCache(3);
const decode = timeDecode();
const prefill = timePrefill();
const result = {
  model: manifest.model,
  sizes: manifest.sizes,
  generation: manifest.generation && { ...manifest.generation, cache: undefined },
  gpu: gpu.device(),
  driver: driver(),
  date: new Date().toISOString().slice(0, 10),
  command: `npm run bench:decode -- ${process.argv.slice(2).join(" ")}`,
  copyBytesPerSecond: copy,
  cacheBytes: gpu.cacheBytes(),
  memory: manifest.memory.total,
  decode,
  prefill,
  exact,
};
log(
  `decode, ${rows} rows at ${context} tokens: ${decode.ms.toFixed(3)} ms, ${(decode.bytes / 1e9).toFixed(2)} GB, ${(decode.bytesPerSecond / 1e12).toFixed(2)} TB/s, ${(100 * decode.share).toFixed(1)} % of a copy, ${decode.tokensPerSecond.toFixed(0)} tokens/s`,
);
log(
  `prefill of ${window} tokens: ${prefill.ms.toFixed(3)} ms, ${prefill.tokensPerSecond.toFixed(0)} tokens/s, ${prefill.teraflops.toFixed(0)} TFLOP/s`,
);
for (const [way, ms] of Object.entries(decode.sampling)) log(`sampling, ${way}: ${(1e3 * ms).toFixed(1)} us`);
if (exact)
  log(
    `exact over ${exact.tokens} tokens: largest relative error ${exact.relative.toExponential(2)}, mean ${exact.mean.toExponential(2)}, largest difference ${exact.absolute.toExponential(2)}`,
  );
if (values.out) writeFileSync(values.out, `${JSON.stringify(result, undefined, 1)}\n`);
gpu.close();

function made(): Promise<Pick<Built, "manifest" | "library">> {
  const set = Object.fromEntries(values.set.map((p) => p.split("=") as [string, string]));
  return build({ model: file, target: "cuda", dtype: "bf16", fuse: {}, set, generate });
}

/** The sizes asked for must be its own: they are what is written beside the figures. */
function there(directory: string): Pick<Built, "manifest" | "library"> {
  const manifest = JSON.parse(readFileSync(join(directory, "manifest.json"), "utf8")) as Manifest;
  const own = manifest.generation;
  if (own?.rows !== rows || own.context !== context || own.window !== window)
    throw new Error(`${directory} was built for ${own?.rows} rows, a context of ${own?.context} and windows of ${own?.window}`);
  return { manifest, library: join(directory, "model.so") };
}

function timeDecode() {
  const tokens = ids(rows);
  gpu.decode(
    tokens,
    Int32Array.from(tokens, (_, i) => i),
    new Int32Array(rows).fill(context - 1),
  );
  const ms = gpu.time("decode", 30);
  const kernels = values.profile ? gpu.profile("decode", 5) : undefined;
  const bytes = touchedBytes(manifest, rows) + rows * context * (manifest.generation?.bytesPerToken ?? 0);
  const sampling: Record<string, number> = {};
  for (const [way, temperature, topK, topP] of [
    ["most likely", 0, 0, 1],
    ["temperature", 1, 0, 1],
    ["top-k 50, top-p 0.9", 0.8, 50, 0.9],
  ] as const) {
    gpu.sample(rows, temperature, topK, topP);
    sampling[way] = gpu.time("sample", 20);
  }
  if (kernels)
    for (const k of kernels)
      log(
        `${k.name.padEnd(44)} ${String(k.calls).padStart(3)} ${(1e3 * k.milliseconds).toFixed(1).padStart(9)} us ${((1e3 * k.milliseconds) / k.calls).toFixed(2).padStart(8)} each`,
      );
  const bytesPerSecond = (bytes / ms) * 1e3;
  return { ms, bytes, bytesPerSecond, share: bytesPerSecond / copy, tokensPerSecond: (rows / ms) * 1e3, sampling, kernels };
}

function timePrefill() {
  gpu.prefill(ids(window), Int32Array.of(window), Int32Array.of(0));
  const ms = gpu.time("prefill", 10);
  const kernels = values.profile ? gpu.profile("prefill", 3) : undefined;
  if (kernels)
    for (const k of kernels) log(`${k.name.padEnd(44)} ${String(k.calls).padStart(3)} ${(1e3 * k.milliseconds).toFixed(1).padStart(9)} us`);
  const flops = manifest.kernels.filter((k) => k.programs.includes("prefill")).reduce((n, k) => n + k.flops * callsOf(k.name), 0);
  return { ms, tokens: window, flops, teraflops: flops / ms / 1e9, tokensPerSecond: (window / ms) * 1e3, kernels };
  function callsOf(name: string): number {
    return kernels?.find((k) => k.name === name)?.calls ?? Number.NaN;
  }
}

/** Decoding a prompt token by token in slot 1, against prefill of its beginnings in slot 0. */
function compare(count: number) {
  const prompt = ids(window);
  let [relative, absolute, sum, compared] = [0, 0, 0, 0];
  for (let n = 0; n < Math.min(count, window); n++) {
    const slots = new Int32Array(rows).fill(-1);
    slots[0] = 1;
    gpu.decode(new Int32Array(rows).fill(prompt[n]!), slots, new Int32Array(rows).fill(n));
    const one = gpu.logits(rows * vocabulary).slice(0, vocabulary);
    gpu.prefill(prompt, Int32Array.of(n + 1), Int32Array.of(0));
    const all = gpu.logits(vocabulary);
    let [difference, norm] = [0, 0];
    all.forEach((x, i) => {
      difference += (one[i]! - x) ** 2;
      norm += x * x;
      absolute = Math.max(absolute, Math.abs(one[i]! - x));
    });
    const error = Math.sqrt(difference / norm);
    if (!(error < 0.03)) log(`position ${n}: relative error ${error.toExponential(2)}`);
    relative = Number.isNaN(error) ? Number.NaN : Math.max(relative, error);
    sum += error;
    compared++;
  }
  return { tokens: compared, relative, mean: sum / compared, absolute };
}

/** Bytes of the weights that a step of so many rows reads: all but the embedding's other rows and the experts that no row chose, in the mean. */
function touchedBytes({ parameters }: Manifest, tokens: number): number {
  const topK = Number(values.choices);
  return parameters.reduce((sum, p) => {
    const numbers = p.shape.reduce((n, s) => n * s, 1);
    const bytes = numbers * (p.kind === "gain" || p.kind === "state" ? 4 : 2);
    if (/embed$/.test(p.path)) return sum + (bytes / vocabulary) * tokens;
    const expert = p.dims.indexOf("E");
    if (expert < 0 || p.kind === "router" || p.kind === "state") return sum + bytes;
    const experts = p.shape[expert]!;
    // Random tokens choose evenly: so many experts are some row's.
    return sum + bytes * (1 - (1 - topK / experts) ** tokens);
  }, 0);
}

function driver(): string {
  try {
    return execFileSync("nvidia-smi", ["--query-gpu=driver_version", "--format=csv,noheader"], { encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}
