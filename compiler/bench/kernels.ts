/** A build's kernels, each with its time and how near it comes to what the machine can do. */
import type { Manifest } from "../manifest.js";
import type { Ceilings } from "./ceilings.js";
import type { Measured } from "./measure.js";
import type { Spread } from "./statistics.js";

export interface KernelRow {
  name: string;
  /** The model's lines. */
  lines: readonly string[];
  /** Calls in a micro-step. */
  launches: number;
  /** Of all calls in a micro-step. */
  milliseconds: number;
  share: number;
  /** Of all calls. */
  flops: number;
  bytes: number;
  /** The least time that the machine's ceilings allow, over the time taken; absent without ceilings. */
  roofline?: number;
  bound?: "arithmetic" | "memory";
}

export interface KernelTable {
  /** The longest first; the optimizer is one of them, without FLOPs and bytes. */
  rows: KernelRow[];
  launches: number;
  /** Of all kernels, one by one. */
  milliseconds: number;
  /** The same build as a whole: milliseconds, and bytes. */
  step: Spread;
  microStep: Spread;
  update: Spread;
  planBytes: number;
  usedBytes: number | null;
}

export const optimizerRow = "the optimizer";

export function kernelTable({ kernels }: Manifest, measured: Measured, ceilings: Ceilings | undefined): KernelTable {
  const times = [...measured.kernels, { name: optimizerRow, calls: 0, milliseconds: measured.update.median }];
  const milliseconds = times.reduce((n, one) => n + one.milliseconds, 0);
  const rows = times.map((one): KernelRow => {
    const kernel = kernels.find(({ name }) => name === one.name);
    const [flops, bytes] = [(kernel?.flops ?? 0) * one.calls, (kernel?.bytes ?? 0) * one.calls];
    const row = {
      name: one.name,
      lines: kernel?.lines ?? [],
      launches: one.calls,
      milliseconds: one.milliseconds,
      share: one.milliseconds / milliseconds,
      flops,
      bytes,
    };
    if (!ceilings || !kernel) return row;
    const [arithmetic, memory] = [(1000 * flops) / ceilings.flops, (1000 * bytes) / ceilings.bytes];
    return { ...row, roofline: Math.max(arithmetic, memory) / one.milliseconds, bound: arithmetic > memory ? "arithmetic" : "memory" };
  });
  rows.sort((a, b) => b.milliseconds - a.milliseconds);
  const { step, microStep, update, planBytes, usedBytes } = measured;
  const launches = measured.kernels.reduce((n, { calls }) => n + calls, 0);
  return { rows, launches, milliseconds, step, microStep, update, planBytes, usedBytes };
}
