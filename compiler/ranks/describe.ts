/** `mlac plan -n`: memory and work of each rank, and the model of scaling, in words. */
import type { Manifest } from "../manifest.js";
import { binary } from "../memory.js";
import { efficiency, type RankPlan, rankPlan, type Scaling, type ScalingOptions, scaling } from "./scaling.js";

export interface RanksReport {
  plan: RankPlan;
  scaling: Scaling[];
}

/** The model is shown for a host of 8 and for 64, whatever was asked for. */
const always = [8, 64];

export const ranksReport = (manifest: Manifest, size: number, options: ScalingOptions): RanksReport => ({
  plan: rankPlan(manifest, size),
  scaling: [...new Set([size, ...always])].sort((a, b) => a - b).map((n) => scaling(manifest, n, options)),
});

const formula = [
  "gradients  a bucket is sent when it is final and the link is free; it takes (N - 1) / N · bytes / bandwidth;",
  "           exposed is what is left when the backward pass ends. Only the last micro-step of a step sends.",
  "weights    (N - 1) / N · bytes / bandwidth, less what the slowest rank computes in the update meanwhile.",
  "speed      k · micro-step / (k · micro-step + exposed): what is left of one rank's speed, with k micro-steps on each.",
];

export function describeRanks(manifest: Manifest, { plan, scaling: rows }: RanksReport): string {
  const { size, memory, optimizer, balance } = plan;
  const width = Math.max(...memory.map((n) => n.toLocaleString("en-US").length));
  const bytes = (n: number): string => `${n.toLocaleString("en-US").padStart(width)}  ${binary(n).padStart(10)}`;
  const least = Math.min(...memory);
  const most = Math.max(...memory);
  const whose = manifest.target === "cuda" ? "GPU" : "process";
  const cells = rows.map((row) => [
    String(row.size),
    gigabytes(row.bandwidth),
    gigabytes(row.gradientBytes),
    (1e3 * row.exposedGradients).toFixed(2),
    gigabytes(row.weightBytes),
    (1e3 * row.exposedWeights).toFixed(2),
    ...[1, 8].map((k) => `${(100 * efficiency(row, k)).toFixed(1)} %`),
  ]);
  const head = ["ranks", "GB/s", "gradients GB", "exposed ms", "weights GB", "exposed ms", "1 micro-step", "8 micro-steps"];
  const widths = head.map((text, i) => Math.max(text.length, ...cells.map((row) => row[i]!.length)));
  const line = (row: readonly string[]): string => `  ${row.map((text, i) => text.padStart(widths[i]!)).join("  ")}`;
  return [
    `${size} ranks, of which each has all weights and gradients, and of the optimizer's state what it owns`,
    "",
    ...(least === most ? [`  each rank    ${bytes(most)}`] : [`  least        ${bytes(least)}`, `  most         ${bytes(most)}`]),
    `  of it state  ${bytes(Math.max(...optimizer))}  of ${binary(manifest.memory.kinds.optimizer)} in one process`,
    manifest.target === "cuda"
      ? "  beside it    what NCCL takes for itself, some hundred MiB"
      : `  beside it    up to ${binary(Math.max(0, ...manifest.gradients.buckets.map((b) => b.bytes)))} for gradients that arrive, and what MPI takes for itself`,
    `  update       the rank with the most to do has ${balance.toFixed(3)} of the mean`,
    "",
    `what each ${whose} gives to others in a step, and the time that nothing hides, beside a micro-step of ${(1e3 * rows[0]!.microStep).toFixed(1)} ms (a model, not a measurement)`,
    "",
    line(head),
    ...cells.map(line),
    "",
    ...formula.map((text) => `  ${text}`),
  ].join("\n");
}

const gigabytes = (bytes: number): string => (bytes / 1e9).toPrecision(3);
