/**
 * `npm run bench:gpu -- MODEL [--fuse name=choice …] [--set NAME=VALUE …] [--dump DIR] [--candidates] [--out FILE]`
 * The time of a training step of a model on this machine's GPU, and its memory; `mlac bench MODEL --kernels` says where the time goes. With --dump, what
 * `torch_train.py --dump` wrote and bench/torch/convert_dump.py converted: the same weights and batches, losses compared. Each matrix product runs in the way that was
 * measured to be the fastest, now or by an earlier session of this build; --candidates prints what was measured. MLAC_TUNE=0 leaves it to the estimates.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "../compiler/build.js";
import { MlacError } from "../compiler/diagnostics.js";
import { findGpus } from "../compiler/gpu.js";
import { binary } from "../compiler/memory.js";
import { report } from "../compiler/report.js";
import { Random } from "../runtime/random.js";
import { openSafetensors } from "../runtime/safetensors.js";
import { type KernelChoice, Tuning, tuningWanted } from "../runtime/tuning.js";
import { GpuModel } from "./gpuModel.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    fuse: { type: "string", multiple: true, default: [] },
    set: { type: "string", multiple: true, default: [] },
    dump: { type: "string" },
    losses: { type: "string" },
    candidates: { type: "boolean", default: false },
    rounds: { type: "string", default: "10" },
    directory: { type: "string" },
    out: { type: "string" },
  },
});
const [file = "examples/speedrun/model.ts"] = positionals;
const pairs = (list: readonly string[]): Record<string, string> => Object.fromEntries(list.map((p) => p.split("=") as [string, string]));
const log = (text: string): void => void process.stderr.write(`${text}\n`);

const stop = (sentence: string, code: number): never => {
  log(sentence);
  process.exit(code);
};
const { gpus, reason } = await findGpus();
if (gpus.length === 0)
  stop(`a step's time on a GPU takes a GPU: ${reason ?? "no NVIDIA GPU is found"}; \`mlac doctor\` says what is there`, 1);

const started = performance.now();
const built = await build({
  model: file,
  target: "cuda",
  dtype: "bf16",
  fuse: pairs(values.fuse),
  set: pairs(values.set),
  ...(values.directory === undefined ? {} : { out: values.directory }),
  onProgress: (text) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`),
}).catch((error: unknown) => {
  if (!(error instanceof MlacError)) throw error;
  return stop(report(error.diagnostics), error.exitCode);
});
const buildSeconds = (performance.now() - started) / 1000;
const { manifest } = built;
const { batch, length, vocabulary } = manifest.tokens;
log(`${manifest.model}: ${manifest.kernels.length} kernels, built in ${buildSeconds.toFixed(1)} s, plan ${binary(manifest.memory.total)}`);

const model = new GpuModel(built.library);
const random = new Random(7);
const ids = (): Int32Array => Int32Array.from({ length: batch * length }, () => Math.floor(random.next() * vocabulary));
const result: Record<string, unknown> = {
  gpu: model.device(),
  date: new Date().toISOString().slice(0, 10),
  command: `npm run bench:gpu -- ${process.argv.slice(2).join(" ")}`,
  model: manifest.model,
  fuse: manifest.fuse,
  buildSeconds: Number(buildSeconds.toFixed(1)),
  planBytes: manifest.memory.total,
};

model.initialize(1);
if (tuningWanted()) {
  const tuning = await Tuning.open(model, built.library);
  const { kernels } = await tuning.measure(manifest.tokens, log);
  result.choices = Object.fromEntries(kernels.filter((k) => k.chosen !== "automatic").map((k) => [k.kernel, k.chosen]));
  if (values.candidates) result.candidates = candidates(kernels);
}
if (values.dump) result.losses = compareLosses(model, values.dump, values.losses?.split(",").map(Number) ?? []);
else {
  const [tokens, targets] = [ids(), ids()];
  const losses: number[] = [];
  for (let step = 1; step <= 3; step++) {
    losses.push(model.microStep(tokens, targets)[0]);
    log(`step ${step}: loss ${losses.at(-1)!.toFixed(4)}, norm of the gradients ${model.update(step, 1).toFixed(4)}`);
  }
  result.losses = losses;
}
const times = model.time(Number(values.rounds));
const stepMs = times.microStep + times.update;
Object.assign(result, { ...times, step: stepMs, tokensPerSecond: (batch * length * 1000) / stepMs, usedMiB: usedMemory() });
log(
  `micro-step ${times.microStep.toFixed(2)} ms, update ${times.update.toFixed(2)} ms, together ${stepMs.toFixed(2)} ms; ${Math.round((batch * length * 1000) / stepMs).toLocaleString("en-US")} tokens/s; ${usedMemory()} MiB in use on the GPU`,
);
model.close();
if (values.out) writeFileSync(values.out, `${JSON.stringify(result, undefined, 1)}\n`);

/** Twelve steps of both: the same weights, batches and optimizer. */
function compareLosses(model: GpuModel, dump: string, theirs: readonly number[]): { ours: number[]; theirs: readonly number[] } {
  const weights = openSafetensors(join(dump, "mlac.safetensors"));
  for (const name of weights.tensors.keys()) model.write(name, Float32Array.from(weights.numbers(name)));
  weights.close();
  const batches = openSafetensors(join(dump, "tokens.safetensors"));
  const all = Int32Array.from(batches.numbers("tokens"));
  batches.close();
  const ours: number[] = [];
  const steps = all.length / (batch * (length + 1));
  for (let step = 0; step < steps; step++) {
    const [tokens, targets] = [new Int32Array(batch * length), new Int32Array(batch * length)];
    for (let b = 0; b < batch; b++) {
      const row = all.subarray((step * batch + b) * (length + 1), (step * batch + b + 1) * (length + 1));
      tokens.set(row.subarray(0, length), b * length);
      targets.set(row.subarray(1), b * length);
    }
    ours.push(model.microStep(tokens, targets)[0]);
    model.update(step + 1);
    log(`step ${step + 1}: loss ${ours.at(-1)!.toFixed(4)}${theirs[step] === undefined ? "" : `, PyTorch ${theirs[step]!.toFixed(4)}`}`);
  }
  return { ours, theirs };
}

/** Prints the milliseconds of every way of every matrix product, the heaviest first. */
function candidates(kernels: readonly KernelChoice[]): readonly KernelChoice[] {
  const sorted = [...kernels].sort((a, b) => (b.milliseconds["automatic"] ?? 0) - (a.milliseconds["automatic"] ?? 0));
  for (const { kernel, chosen, milliseconds } of sorted) {
    const times = Object.entries(milliseconds).map(([way, ms]) => `${way} ${ms.toFixed(3)}`);
    log(`${kernel.padEnd(52)} ${chosen.padEnd(9)} ${times.join("  ")}`);
  }
  return sorted;
}

/** What nvidia-smi says of the GPU, MiB. */
function usedMemory(): number {
  try {
    return Number(
      execFileSync("nvidia-smi", ["--query-gpu=memory.used", "--format=csv,noheader,nounits"], { encoding: "utf8" }).split("\n")[0],
    );
  } catch {
    return Number.NaN;
  }
}
