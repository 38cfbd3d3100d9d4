/** What the rounds of cpuAgainstTorch come to, and how it is shown. */
import { binary } from "../compiler/memory.js";
import type { Machine } from "./machine.js";
import type { Steps } from "./side.js";
import { median, type Spread, spread, width } from "./statistics.js";

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

export interface Result extends Summary {
  machine: Machine;
  pytorch: TorchFacts;
  threads: number;
  model: { name: string; sizes: Readonly<Record<string, number>> };
  compared: Comparison;
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

/** For people. */
export function describe(result: Result): string {
  const { machine, pytorch, threads, model, compared, mlac, torch, ratio } = result;
  const sizes = Object.entries(model.sizes).map(([name, size]) => `${name} ${size}`);
  const { name, error } = compared.gradient;
  return [
    `${model.name}, float32, ${threads} ${threads === 1 ? "thread" : "threads"}: ${sizes.join(", ")}`,
    `${machine.processor}, ${machine.processors} processors; ${machine.compiler}; PyTorch ${pytorch.torch}, ${blasOf(pytorch)}`,
    `the same model: loss ${compared.loss.toFixed(6)} and ${compared.torchLoss.toFixed(6)}; the gradient furthest apart, ${name}, by ${error.toExponential(1)}`,
    "",
    row("", "ms a step", "quartiles", "forward+backward", "optimizer", "processor", "tokens/s", "peak memory"),
    sideRow("mlac", mlac),
    sideRow("PyTorch", torch),
    "",
    `mlac does ${ratio.median.toFixed(2)} times PyTorch's tokens a second (quartiles of ${ratio.count} rounds: ${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)}); the aim is 2`,
    `PyTorch: forward ${torch.forward.toFixed(1)} ms, backward ${torch.backward.toFixed(1)} ms; mlac's model takes ${binary(mlac.plannedBytes)} of its memory`,
    ...(result.disturbed
      ? [`other programs had the processors meanwhile (load ${machine.load.join(", ")}): measure again on a quiet machine`]
      : []),
    ...(width(ratio) > 0.1 ? ["the rounds differ by more than a tenth: measure again on a quiet machine"] : []),
    "",
  ].join("\n");
}

function blasOf({ blas }: TorchFacts): string {
  return blas.map((path) => path.split("/").at(-1)).join(", ") || "no BLAS library found";
}

function sideRow(name: string, side: SideSummary): string {
  const { step, gradients, optimizer, processorMs } = side;
  const quartiles = `${step.low.toFixed(1)}–${step.high.toFixed(1)}`;
  const times = [gradients, optimizer, processorMs].map((ms) => ms.toFixed(1));
  return row(name, step.median.toFixed(1), quartiles, ...times, side.tokensPerSecond.toFixed(0), binary(side.peakBytes));
}

function row(name: string, ...cells: readonly string[]): string {
  const widths = [11, 15, 18, 11, 11, 10, 13];
  return name.padEnd(8) + cells.map((cell, i) => cell.padStart(widths[i] ?? 12)).join("");
}
