/** What the rounds of cpuAgainstTorch come to, and how it is shown. */

import type { Machine } from "../compiler/bench/machine.js";
import type { Steps } from "../compiler/bench/side.js";
import { median, type Spread, spread, width } from "../compiler/bench/statistics.js";
import { binary } from "../compiler/memory.js";
import { table } from "./page.js";

/** Some steps of each side, one after the other. `others`: the share of the processors that other programs had, the larger of the two. */
export interface Round {
  mlac: Steps;
  torch: Steps;
  others: number;
}

/** The two on the same weights and batch, before any step. */
export interface Comparison {
  loss: number;
  torchLoss: number;
  /** Nats, of cross entropy or balance loss. */
  difference: number;
  gradient: { name: string; error: number };
}

export interface SideSummary {
  /** Milliseconds of a step. */
  step: Spread;
  /** Medians: forward and backward, optimizer. */
  gradients: number;
  optimizer: number;
  tokensPerSecond: number;
  /** Milliseconds of all its threads a step; waiting threads that spin count too. */
  processorMs: number;
  peakBytes: number;
}

export interface Summary {
  counted: number;
  /** Rounds that were counted although other programs had more of the processor than allowed. */
  disturbed: boolean;
  mlac: SideSummary & { plannedBytes: number };
  torch: SideSummary & { forward: number; backward: number };
  /** PyTorch's time over mlac's, of each round by itself. */
  ratio: Spread;
}

/** Which PyTorch it was: bench/torch/tiny.py says so. */
export interface TorchFacts {
  torch: string;
  python: string;
  /** Files of the BLAS library that is loaded. */
  blas: string[];
}

/** Both on one number of threads. */
export interface Duel extends Summary {
  threads: number;
  pytorch: TorchFacts;
  compared: Comparison;
  rounds: Round[];
}

export interface Result {
  date: string;
  command: string;
  machine: Machine;
  model: { name: string; sizes: Readonly<Record<string, number>>; fuse: Readonly<Record<string, string>> };
  duels: Duel[];
}

export function largest(errors: Readonly<Record<string, number>>): { name: string; error: number } {
  let worst = { name: "", error: 0 };
  for (const [name, error] of Object.entries(errors)) if (!(error <= worst.error)) worst = { name, error };
  return worst;
}

const sum = (parts: readonly number[]): number => parts.reduce((a, b) => a + b, 0);

function summarizeSide(rounds: readonly Steps[], tokens: number): SideSummary {
  const steps = rounds.flatMap(({ ms }) => ms);
  const step = spread(steps.map(sum));
  return {
    step,
    gradients: median(steps.map((parts) => sum(parts.slice(0, -1)))),
    optimizer: median(steps.map((parts) => parts.at(-1) ?? Number.NaN)),
    tokensPerSecond: (1000 * tokens) / step.median,
    processorMs: median(rounds.map(({ cpuSeconds, ms }) => (1000 * cpuSeconds) / ms.length)),
    peakBytes: Math.max(...rounds.map(({ peakBytes }) => peakBytes)),
  };
}

export function summarize(rounds: readonly Round[], quiet: number, sizes: Readonly<Record<string, number>>, plannedBytes: number): Summary {
  const undisturbed = rounds.filter(({ others }) => others <= quiet);
  // A handful says more than a crowd of bad ones; less than that says nothing.
  const disturbed = undisturbed.length < 3;
  const used = disturbed ? rounds : undisturbed;
  const tokens = (sizes["B"] ?? 0) * (sizes["T"] ?? 0);
  const theirs = used.flatMap(({ torch }) => torch.ms);
  return {
    counted: used.length,
    disturbed,
    mlac: {
      ...summarizeSide(
        used.map(({ mlac }) => mlac),
        tokens,
      ),
      plannedBytes,
    },
    torch: {
      ...summarizeSide(
        used.map(({ torch }) => torch),
        tokens,
      ),
      forward: median(theirs.map(([forward]) => forward ?? Number.NaN)),
      backward: median(theirs.map(([, backward]) => backward ?? Number.NaN)),
    },
    ratio: spread(used.map(({ mlac, torch }) => median(torch.ms.map(sum)) / median(mlac.ms.map(sum)))),
  };
}

const head = ["", "ms a step", "quartiles", "forward, backward", "optimizer", "processor ms", "tokens/s", "peak memory"];

function cells(name: string, { step, gradients, optimizer, processorMs, tokensPerSecond, peakBytes }: SideSummary): string[] {
  const quartiles = `${step.low.toFixed(1)}–${step.high.toFixed(1)}`;
  const times = [gradients, optimizer, processorMs].map((ms) => ms.toFixed(1));
  return [name, step.median.toFixed(1), quartiles, ...times, tokensPerSecond.toFixed(0), binary(peakBytes)];
}

const threadsOf = (count: number): string => `${count} ${count === 1 ? "thread" : "threads"}`;

const ratioOf = ({ ratio }: Duel): string =>
  `${ratio.median.toFixed(2)} times PyTorch's tokens a second (quartiles of ${ratio.count} rounds: ${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)})`;

/** What keeps the figures from being the last word; nothing on a quiet machine. */
function doubts(duel: Duel, { load }: Machine): string[] {
  if (duel.disturbed) return [`Other programs had the processors meanwhile (load ${load.join(", ")}): measure again on a quiet machine.`];
  return width(duel.ratio) > 0.1 ? ["The rounds differ by more than a tenth: measure again on a quiet machine."] : [];
}

/** Its file and folder, such as openblas-openmp/libopenblasp-r0.3.21.so; libblas.so.3 may be a front of it. */
const blasOf = ({ blas }: TorchFacts): string => blas.at(-1)?.split("/").slice(-2).join("/") ?? "no BLAS library found";

/** For people, at a terminal. */
export function describe({ model, machine, duels }: Result): string {
  const sizes = Object.entries(model.sizes).map(([name, size]) => `${name} ${size}`);
  return [
    `${model.name}, float32: ${sizes.join(", ")}`,
    `${machine.processor}, ${machine.processors} processors; mlac ${machine.mlac}, ${machine.compiler}`,
    ...duels.flatMap((duel) => [...describeOne(duel), ...doubts(duel, machine), ""]),
  ].join("\n");
}

function describeOne(duel: Duel): string[] {
  const { mlac, torch, pytorch, compared } = duel;
  const { name, error } = compared.gradient;
  return [
    "",
    `${threadsOf(duel.threads)}; PyTorch ${pytorch.torch}, ${blasOf(pytorch)}`,
    `the same model: loss ${compared.loss.toFixed(6)} and ${compared.torchLoss.toFixed(6)}; the gradient furthest apart, ${name}, by ${error.toExponential(1)}`,
    ...[head, cells("mlac", mlac), cells("PyTorch", torch)].map(row),
    `PyTorch: forward ${torch.forward.toFixed(1)} ms, backward ${torch.backward.toFixed(1)} ms; mlac's model takes ${binary(mlac.plannedBytes)} of its memory`,
    `mlac does ${ratioOf(duel)}; the aim is 2`,
  ];
}

function row([name = "", ...rest]: readonly string[]): string {
  const widths = [11, 15, 19, 11, 14, 10, 13];
  return name.padEnd(8) + rest.map((cell, i) => cell.padStart(widths[i] ?? 12)).join("");
}

/** For docs/performance/cpu-against-torch.md. */
export function markdown({ date, command, model, machine, duels }: Result): string {
  const [first] = duels;
  const names = (duel: Duel): [string, string] => [`mlac, ${threadsOf(duel.threads)}`, `PyTorch, ${threadsOf(duel.threads)}`];
  const rows = duels.flatMap((duel) => [cells(names(duel)[0], duel.mlac), cells(names(duel)[1], duel.torch)]);
  return [
    `${date.slice(0, 10)}: ${machine.processor}, ${machine.processors} processors, ${machine.system}; mlac ${machine.mlac} with ${machine.compiler};`,
    `PyTorch ${first?.pytorch.torch} with ${first ? blasOf(first.pytorch) : ""}. Batches of ${model.sizes["B"]} × ${model.sizes["T"]} tokens. \`${command}\``,
    "",
    table([head, ...rows]),
    "",
    ...duels.map((duel) => `- ${threadsOf(duel.threads)}: **${ratioOf(duel)}**. ${doubts(duel, machine).join(" ")}`.trim()),
    "",
  ].join("\n");
}
