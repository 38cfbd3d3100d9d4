/** What the trials of optimizers.ts come to, and how it is shown. */
import type { Machine } from "../compiler/bench/machine.js";
import { median } from "../compiler/bench/statistics.js";
import { table } from "./page.js";
import { stepsTo, type Trial } from "./trial.js";

/** Both optimizers with the same seed. */
export interface Pair {
  seed: number;
  adamw: number;
  muon: number;
  /** Muon's steps to the loss that AdamW has at its end; undefined when it never gets there. */
  muonSteps: number | undefined;
}

export interface Summary {
  pairs: Pair[];
  /** Medians over the seeds. */
  adamw: number;
  muon: number;
  muonSteps: number | undefined;
  /** Medians: a step of each. */
  adamwMs: number;
  muonMs: number;
}

export interface Result {
  date: string;
  machine: Machine;
  threads: number;
  steps: number;
  sizes: Readonly<Record<string, number>>;
  summary: Summary;
  tuned: Readonly<Record<Trial["optimizer"], readonly Trial[]>>;
  runs: Readonly<Record<Trial["optimizer"], readonly Trial[]>>;
}

/** The trial with the least loss at its end; one that diverged is never it, unless all did. */
export function best(trials: readonly Trial[]): Trial {
  const ended = trials.filter(({ final }) => Number.isFinite(final));
  const [first, ...rest] = ended.length > 0 ? ended : trials;
  if (first === undefined) throw new Error("no trial at all");
  return rest.reduce((a, b) => (b.final < a.final ? b : a), first);
}

export function pairsOf(adamw: readonly Trial[], muon: readonly Trial[]): { adamw: Trial; muon: Trial }[] {
  return adamw.flatMap((one) => {
    const other = muon.find(({ seed }) => seed === one.seed);
    return other ? [{ adamw: one, muon: other }] : [];
  });
}

export function summarize(both: readonly { adamw: Trial; muon: Trial }[]): Summary {
  const pairs = both.map(({ adamw, muon }) => ({
    seed: adamw.seed,
    adamw: adamw.final,
    muon: muon.final,
    muonSteps: stepsTo(muon.curve, adamw.final),
  }));
  const reached = pairs.flatMap(({ muonSteps }) => (muonSteps === undefined ? [] : [muonSteps]));
  return {
    pairs,
    adamw: median(pairs.map((pair) => pair.adamw)),
    muon: median(pairs.map((pair) => pair.muon)),
    muonSteps: reached.length === pairs.length ? median(reached) : undefined,
    adamwMs: median(both.map(({ adamw }) => adamw.stepMs)),
    muonMs: median(both.map(({ muon }) => muon.stepMs)),
  };
}

const loss = (value: number | undefined): string => (value === undefined || Number.isNaN(value) ? "diverged" : value.toFixed(4));
const stepsOf = (value: number | undefined): string => (value === undefined ? "not reached" : value.toFixed(0));

/** Two tables: the comparison, and what the rates were chosen from. */
function tables({ summary, tuned, runs, steps }: Result): { comparison: string[][]; tuning: string[][] } {
  const shown = (optimizer: Trial["optimizer"]): string => String(runs[optimizer][0]?.rate ?? "");
  const faster = (value: number | undefined): string => (value === undefined ? "" : (steps / value).toFixed(2));
  const comparison = [
    [
      "seed",
      `AdamW (${shown("adamw")}), loss at the end`,
      `Muon (${shown("muon")}), loss at the end`,
      "Muon's steps to AdamW's loss",
      "times fewer",
    ],
    ...summary.pairs.map((p) => [String(p.seed), loss(p.adamw), loss(p.muon), stepsOf(p.muonSteps), faster(p.muonSteps)]),
    ["median", loss(summary.adamw), loss(summary.muon), stepsOf(summary.muonSteps), faster(summary.muonSteps)],
  ];
  const tuning = [
    ["optimizer of the weights", "learning rate", "validation loss at the end"],
    ...(["adamw", "muon"] as const).flatMap((name) =>
      tuned[name].map(({ rate, final }) => [name === "muon" ? "Muon" : "AdamW", String(rate), loss(final)]),
    ),
  ];
  return { comparison, tuning };
}

export function markdown(result: Result): string {
  const { machine, threads, sizes, steps, summary, date } = result;
  const { comparison, tuning } = tables(result);
  const slower = (100 * (summary.muonMs / summary.adamwMs - 1)).toFixed(0);
  return [
    `${date.slice(0, 10)}, ${machine.processor}, ${threads} threads; mlac ${machine.mlac}; batches of ${sizes["B"]} × ${sizes["T"]} bytes, ${steps} steps.`,
    "",
    table(comparison),
    "",
    `A step took ${summary.adamwMs.toFixed(0)} ms with AdamW and ${summary.muonMs.toFixed(0)} ms with Muon (${slower} % more) at this small batch.`,
    "",
    "The rates were chosen from these, with seed 1:",
    "",
    table(tuning),
    "",
  ].join("\n");
}

/** For people, at a terminal. */
export function describe(result: Result): string {
  const { summary, steps } = result;
  const { comparison, tuning } = tables(result);
  return [
    ...aligned(tuning),
    "",
    ...aligned(comparison),
    "",
    summary.muonSteps === undefined
      ? `Muon does not reach AdamW's loss in ${steps} steps`
      : `Muon is where AdamW ends after ${summary.muonSteps.toFixed(0)} of ${steps} steps: ${(steps / summary.muonSteps).toFixed(2)} times fewer`,
    `a step: AdamW ${summary.adamwMs.toFixed(0)} ms, Muon ${summary.muonMs.toFixed(0)} ms`,
    "",
  ].join("\n");
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
