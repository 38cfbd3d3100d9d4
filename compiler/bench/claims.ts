/** What the design of such models and of mlac rests on, each as a number of this model: counted from its graph and plan, or measured and stored. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Choices, resolveChoicesFor } from "../choices.js";
import { choicesFor } from "../compile.js";
import { size } from "../ir.js";
import { binary } from "../memory.js";
import { root } from "../package.js";
import { digits } from "../picture/index.js";
import { cacheNumbers } from "./cache.js";
import type { Bench } from "./context.js";
import { launchesOf } from "./launches.js";
import { median } from "./statistics.js";
import { variantOf } from "./variants.js";

export interface Claim {
  name: string;
  /** What is compared, and what came out. */
  text: string;
  /** How many times less; absent where there is nothing to compare. */
  times?: number;
  how: string;
  figures: Record<string, number>;
}

/** Gradients of so many micro-steps are added up before anything is sent. */
const accumulation = 8;

/** Errors: whatever is wrong with the model. */
export function claims(bench: Bench): Claim[] {
  const choices = choicesFor(bench.build, bench.model);
  return [cache(bench), logits(bench, choices), launches(bench, choices), reduced(bench, choices), optimizers()];
}

const whole = (n: number): string => n.toLocaleString("en-US");
const times = (more: number, less: number): string => `${digits(more / less)} times less`;

function cache({ model }: Bench): Claim {
  const name = "numbers in a key-value cache, a token";
  const all = cacheNumbers(model);
  const total = (of: "plain" | "kept"): number => all.reduce((n, one) => n + one[of] * one.layers, 0);
  const [plain, kept] = [total("plain"), total("kept")];
  const layers = all.reduce((n, one) => n + one.layers, 0);
  if (plain === 0) return { name, text: "the model has no attention", how: "counted from the graph", figures: {} };
  const text =
    plain === kept
      ? `${whole(kept)} in ${layers} layers, as plain multi-head attention has`
      : `${whole(kept)} in ${layers} layers (${whole(kept / layers)} each), against ${whole(plain)} of keys and values: ${times(plain, kept)}`;
  return { name, text, times: plain / kept, how: "counted from the graph", figures: { kept, plain, layers } };
}

function logits({ build, model, threads }: Bench, choices: Choices): Claim {
  const { crossEntropy } = choices;
  const other = crossEntropy === "full" ? resolveChoicesFor(build.target).crossEntropy : crossEntropy;
  const bytesOf = (value: string): number => variantOf(build, model, { ...choices, crossEntropy: value }, threads).planBytes;
  const [full, less] = [bytesOf("full"), bytesOf(other)];
  const ids = model.graph.inputs.find((v) => v.def.is === "input" && v.def.name === "tokens")!;
  const all = size(ids.type) * model.head.w.type.dims[0]!.size * { f32: 4, f64: 8, bf16: 2 }[build.dtype];
  const saved = Math.max(0, full - less);
  const figures = { full, chosen: less, saved, logits: all };
  const how = "counted from the memory plan";
  const name = "memory of the logits";
  if (saved === 0)
    return { name, text: `nothing saved: all ${binary(all)} of them lie where other buffers need the room anyway`, how, figures };
  const text = `${binary(saved)} saved: the plan takes ${binary(less)} with crossEntropy=${other}, ${binary(full)} with all ${binary(all)} of them at once`;
  return { name, text, times: full / less, how, figures };
}

function launches({ build, model }: Bench, choices: Choices): Claim {
  const name = "kernel calls of a micro-step";
  const how = "counted from the schedule";
  const { kernels, grouped, ungrouped, experts, topK } = launchesOf(model, choices, build.target);
  const figures = { kernels, grouped, ungrouped, experts, topK };
  if (grouped === 0) return { name, text: `${whole(kernels)}; the model has no experts`, how, figures };
  const text = `${whole(kernels)}, against ${whole(ungrouped)} if each of the ${whole(grouped)} products of experts were launched for each of ${experts} experts and ${topK} slots: ${times(ungrouped, kernels)}`;
  return { name, text, times: ungrouped / kernels, how, figures };
}

function reduced({ build, model, threads }: Bench, choices: Choices): Claim {
  const { kinds } = variantOf(build, model, choices, threads).manifest.memory;
  const each = kinds.gradients;
  return {
    name: `bytes all-reduced in a step of ${accumulation} micro-steps`,
    text: `${binary(each)} a rank where gradients are added up first, against ${binary(accumulation * each)} after every micro-step: ${times(accumulation, 1)}`,
    times: accumulation,
    how: "counted from the memory plan; mlac trains on one GPU yet",
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
  const folder = join(root, "bench/results");
  const stored = newest(folder);
  if (!stored) return { name, text: "no stored runs are here", how: "npm run bench:optimizers makes them", figures: {} };
  const { steps, summary, machine, date } = stored.runs;
  const reached = summary.pairs.flatMap(({ muonSteps }) => (muonSteps === undefined ? [] : [muonSteps]));
  const how = `measured: ${stored.file}, ${date.slice(0, 10)}, ${machine.processor}, a small model, ${summary.pairs.length === 1 ? "one run" : `${summary.pairs.length} runs`} of each`;
  const figures = { adamw: steps, pairs: summary.pairs.length, adamwMs: summary.adamwMs, muonMs: summary.muonMs };
  if (reached.length < summary.pairs.length || reached.length === 0) return { name, text: `not reached in ${steps} steps`, how, figures };
  const muon = median(reached);
  const slower = summary.muonMs / summary.adamwMs;
  return {
    name,
    text: `${muon.toFixed(0)} against ${steps}: ${digits(steps / muon)} times fewer; a step took ${digits(slower)} times as long there`,
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
