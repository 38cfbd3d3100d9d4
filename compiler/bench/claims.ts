/** What the design of such models and of mlac rests on, each as a number of this model: counted from its graph and plan, or measured and stored. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Choices, resolveChoicesFor } from "../choices.js";
import { choicesFor, emitLowered } from "../compile.js";
import { MlacError } from "../diagnostics.js";
import { layerCaches } from "../generationPlan.js";
import { size } from "../ir.js";
import type { ManifestGeneration } from "../manifest.js";
import { binary } from "../memory.js";
import { root } from "../package.js";
import { digits } from "../picture/index.js";
import type { Bench } from "./context.js";
import { launchesOf } from "./launches.js";
import { median } from "./statistics.js";
import { variantOf } from "./variants.js";

export interface Claim {
  name: string;
  /** Of this model, as it is compiled. */
  here: string;
  /** The other way of doing it; absent where there is nothing to compare. */
  otherwise?: string;
  /** What the difference comes to: "6 times less". */
  gain?: string;
  /** The same as a number. */
  times?: number;
  how: string;
  figures: Record<string, number>;
}

/** Gradients of so many micro-steps are added up before anything is sent. */
const accumulation = 8;

/** Errors: whatever is wrong with the model. */
export function claims(bench: Bench): Claim[] {
  const choices = choicesFor(bench.build, bench.model);
  return [cache(bench, choices), logits(bench, choices), launches(bench, choices), reduced(bench, choices), optimizers()];
}

const whole = (n: number): string => n.toLocaleString("en-US");
/** Three digits: "6", "21.9", "1.46". */
const ratio = (more: number, less: number): string => digits(Number((more / less).toPrecision(3)));

function cache({ build, model }: Bench, choices: Choices): Claim {
  const name = "numbers in a key-value cache, a token";
  const how = "counted from the build that generates";
  const generation = generationOf(() => emitLowered({ ...build, generate: {} }, model, choices).manifest.generation);
  if (generation === undefined) return { name, here: "none: this model cannot go on token by token", how, figures: {} };
  const { kept, plain } = generation.numbers;
  if (plain === 0) return { name, here: "none: the model has no attention", how, figures: {} };
  const layers = layerCaches(generation).reduce((n, one) => n + one.layers, 0);
  const figures = { kept, plain, layers };
  if (plain === kept) return { name, here: `${whole(kept)}, as plain multi-head attention`, times: 1, how, figures };
  return {
    name,
    here: `${whole(kept)} in ${layers} layers`,
    otherwise: `${whole(plain)} of plain multi-head attention`,
    gain: `${ratio(plain, kept)} times less`,
    times: plain / kept,
    how,
    figures,
  };
}

/** Undefined where an op of the model reads later tokens, or all of them: it trains, and cannot generate. */
function generationOf(emit: () => ManifestGeneration | undefined): ManifestGeneration | undefined {
  try {
    return emit();
  } catch (error) {
    if (error instanceof MlacError && error.diagnostics.every(({ slug }) => slug === "shape/mixes" || slug === "shape/length"))
      return undefined;
    throw error;
  }
}

function logits({ build, model, threads }: Bench, choices: Choices): Claim {
  const { crossEntropy } = choices;
  const other = crossEntropy === "full" ? resolveChoicesFor(build.target).crossEntropy : crossEntropy;
  const bytesOf = (value: string): number => variantOf(build, model, { ...choices, crossEntropy: value }, threads).planBytes;
  const [full, less] = [bytesOf("full"), bytesOf(other)];
  const ids = model.graph.inputs.find((v) => v.def.is === "input" && v.def.name === "tokens")!;
  const all = size(ids.type) * model.head.w.type.dims[0]!.size * { f32: 4, f64: 8, bf16: 2 }[build.dtype];
  const saved = Math.max(0, full - less);
  return {
    name: "memory of a step, for its logits",
    here: `${binary(less)} with ${other}`,
    otherwise: `${binary(full)} with all ${binary(all)} of logits`,
    gain: saved === 0 ? "nothing: they lie where others need the room anyway" : `${binary(saved)} saved`,
    times: full / less,
    how: "counted from the memory plan",
    figures: { full, chosen: less, saved, logits: all },
  };
}

function launches({ build, model }: Bench, choices: Choices): Claim {
  const name = "kernel launches of a micro-step";
  const how = "counted from the schedule";
  const { kernels, grouped, ungrouped, experts, topK } = launchesOf(model, choices, build.target);
  const figures = { kernels, grouped, ungrouped, experts, topK };
  if (grouped === 0) return { name, here: `${whole(kernels)}; there are no experts`, how, figures };
  return {
    name,
    here: whole(kernels),
    otherwise: `${whole(ungrouped)}, ${whole(grouped)} products for each of ${experts} experts and ${topK} slots`,
    gain: `${ratio(ungrouped, kernels)} times less`,
    times: ungrouped / kernels,
    how,
    figures,
  };
}

function reduced({ build, model, threads }: Bench, choices: Choices): Claim {
  const { kinds } = variantOf(build, model, choices, threads).manifest.memory;
  const each = kinds.gradients;
  return {
    name: `bytes all-reduced in a step of ${accumulation} micro-steps`,
    here: `${binary(each)} a rank, at its end`,
    otherwise: `${binary(accumulation * each)}, after every micro-step`,
    gain: `${accumulation} times less`,
    times: accumulation,
    how: "counted from the memory plan",
    figures: { once: each, everyMicroStep: accumulation * each },
  };
}

interface StoredRuns {
  date: string;
  steps: number;
  machine: { processor: string };
  summary: { pairs: { muonSteps?: number }[]; adamwMs: number; muonMs: number };
}

/** From the newest stored comparison: docs/performance/muon-against-adamw.md says how it was made. */
function optimizers(): Claim {
  const name = "steps of Muon to the loss where AdamW ends";
  const stored = newest(join(root, "bench/results"));
  if (!stored) return { name, here: "no stored runs are here", how: "npm run bench:optimizers makes them", figures: {} };
  const { steps, summary, machine, date } = stored.runs;
  const reached = summary.pairs.flatMap(({ muonSteps }) => (muonSteps === undefined ? [] : [muonSteps]));
  const pairs = summary.pairs.length;
  const how = `measured: ${stored.file}, ${date.slice(0, 10)}, ${machine.processor}, a small model, ${pairs === 1 ? "one run" : `${pairs} runs`} of each`;
  const figures = { adamw: steps, pairs, adamwMs: summary.adamwMs, muonMs: summary.muonMs };
  if (reached.length < pairs || pairs === 0) return { name, here: `not reached in ${steps}`, how, figures };
  const muon = median(reached);
  return {
    name,
    here: muon.toFixed(0),
    otherwise: `${steps} of AdamW`,
    gain: `${ratio(steps, muon)} times fewer, each ${ratio(summary.muonMs, summary.adamwMs)} times as long`,
    times: steps / muon,
    how,
    figures: { ...figures, muon },
  };
}

function newest(folder: string): { file: string; runs: StoredRuns } | undefined {
  try {
    const [file] = readdirSync(folder)
      .filter((name) => /^muon-against-adamw-.*\.json$/.test(name))
      .sort()
      .reverse();
    return file === undefined ? undefined : { file, runs: JSON.parse(readFileSync(join(folder, file), "utf8")) as StoredRuns };
  } catch {
    return undefined;
  }
}
