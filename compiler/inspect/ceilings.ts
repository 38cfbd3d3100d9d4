/** The ceilings of a machine, and what a kernel takes at the least by them. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { deviceName } from "../measured.js";
import { deviceFile } from "../place.js";
import type { Real, Target } from "../target.js";
import type { Ceilings, KernelFacts } from "./inspection.js";

/** Measured on an H200: a large bf16 product and a large copy (docs/performance/cuda.md). */
export const h200: Ceilings = { machine: "NVIDIA H200", flopsPerSecond: 790e12, bytesPerSecond: 4.2e12 };

/** What is known without a measurement of this machine: the GPU that the CUDA target is measured on. */
export const knownCeilings = (target: Target): Ceilings | undefined => (target === "cuda" ? h200 : undefined);

/** What `mlac bench` measured on this machine, in these numbers. */
export async function storedCeilings(target: Target, dtype: Real): Promise<Ceilings | undefined> {
  const folder = join("generated", "ceilings");
  if (!existsSync(folder)) return undefined;
  const machine = await deviceName(target);
  if (machine === undefined) return undefined;
  try {
    const { entries } = JSON.parse(readFileSync(join(folder, `${target}.${deviceFile(machine)}.json`), "utf8")) as {
      entries: Record<string, { date: string; flops: number; bytes: number }>;
    };
    // On the CPU each number of threads has its own: the latest is taken.
    const own = Object.entries(entries).filter(([name]) => name.split(" ")[0] === dtype);
    const [last] = own.map(([, found]) => found).sort((a, b) => (a.date < b.date ? 1 : -1));
    return last && ceilingsFrom(machine, last);
  } catch {
    return undefined; // a file that is not there, or damaged, is no measurement
  }
}

/** As `mlac bench` writes them. */
export function ceilingsFrom(machine: string, found: unknown): Ceilings | undefined {
  const { flops, bytes } = (found ?? {}) as Record<string, unknown>;
  const isRate = (x: unknown): x is number => typeof x === "number" && Number.isFinite(x) && x > 0;
  return isRate(flops) && isRate(bytes) ? { machine, flopsPerSecond: flops, bytesPerSecond: bytes } : undefined;
}

/** Milliseconds at the least, and whether arithmetic or memory asks for them. */
export function roofline(
  { flops, bytes }: { flops: number; bytes: number },
  ceilings: Ceilings,
): Required<Pick<KernelFacts, "predicted" | "bound">> {
  const math = (1000 * flops) / ceilings.flopsPerSecond;
  const memory = (1000 * bytes) / ceilings.bytesPerSecond;
  return { predicted: Math.max(math, memory), bound: math > memory ? "math" : "memory" };
}
