/** What a measurement was made on, and how much of the processor somebody else had meanwhile. */
import { execFileSync } from "node:child_process";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { binary } from "../memory.js";
import { version } from "../package.js";

export interface Machine {
  processor: string;
  processors: number;
  memory: string;
  system: string;
  node: string;
  mlac: string;
  compiler: string;
  /** Load averages over 1, 5 and 15 minutes when the measurement began. */
  load: number[];
}

export function machine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown",
    processors: availableParallelism(),
    memory: binary(totalmem()),
    system: `${process.platform} ${release()}`,
    node: process.versions.node,
    mlac: version,
    compiler: firstLine(process.env["CXX"]?.trim() || "g++"),
    load: loadavg().map((load) => Math.round(load * 100) / 100),
  };
}

function firstLine(compiler: string): string {
  try {
    return execFileSync(compiler, ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).split("\n")[0] ?? compiler;
  } catch {
    return compiler;
  }
}

/** Seconds that all processors together have worked since the machine was started. */
const busySeconds = (): number => cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1000;

/** Runs it and says what share of all the machine's processors other programs took meanwhile. `own` are its processor seconds. */
export async function watched<T>(work: () => Promise<T>, own: (result: T) => number): Promise<{ result: T; others: number }> {
  const start = performance.now();
  const before = busySeconds();
  const result = await work();
  const seconds = (performance.now() - start) / 1000;
  const others = busySeconds() - before - own(result);
  return { result, others: Math.max(0, others) / (seconds * cpus().length) };
}

/** Waits until other programs let the processors rest, or until `end` (of performance.now()). */
export async function calm(quiet: number, end: number): Promise<void> {
  for (;;) {
    const { others } = await watched(
      () => rest(500),
      () => 0,
    );
    if (others <= quiet || performance.now() > end) return;
    await rest(1000);
  }
}

export const rest = (ms: number): Promise<void> => new Promise((settle) => setTimeout(settle, ms));

/** 2026-01-31, for the names of results. */
export const today = (): string => new Date().toISOString().slice(0, 10);
