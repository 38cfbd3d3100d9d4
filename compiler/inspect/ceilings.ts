/** The ceilings of a machine, and what a kernel takes at the least by them. */
import type { Target } from "../target.js";
import type { Ceilings, KernelFacts } from "./inspection.js";

/** Measured on an H200: a large bf16 product and a large copy (docs/performance/cuda.md). */
export const h200: Ceilings = { machine: "NVIDIA H200", flopsPerSecond: 790e12, bytesPerSecond: 4.2e12 };

/** What is known without a measurement of this machine: the GPU that the CUDA target is measured on. */
export const knownCeilings = (target: Target): Ceilings | undefined => (target === "cuda" ? h200 : undefined);

/** Milliseconds at the least, and whether arithmetic or memory asks for them. */
export function roofline(
  { flops, bytes }: { flops: number; bytes: number },
  ceilings: Ceilings,
): Required<Pick<KernelFacts, "predicted" | "bound">> {
  const math = (1000 * flops) / ceilings.flopsPerSecond;
  const memory = (1000 * bytes) / ceilings.bytesPerSecond;
  return { predicted: Math.max(math, memory), bound: math > memory ? "math" : "memory" };
}
