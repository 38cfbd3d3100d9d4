/** Which target a command takes, of what was asked for and what this machine has. */
import { fail } from "./diagnostics.js";
import { nvccPath } from "./emit/nvcc.js";
import { findGpus, type Gpus, gpuIsLikely, isUsable } from "./gpu.js";
import { type AskedTarget, type Real, realFor, realsOf, type Target } from "./target.js";

export interface Asked {
  target: AskedTarget;
  dtype?: Real;
  arch?: string;
}

export interface Chosen {
  target: Target;
  dtype: Real;
  /** Why it is the CPU that computes, where it could have been a GPU. */
  why?: string;
}

/** What is looked at; tests give another. */
export interface Machine {
  /** By device files alone. */
  likely: () => boolean;
  gpus: () => Promise<Gpus>;
  nvcc: () => string | undefined;
}

const thisOne: Machine = { likely: () => gpuIsLikely(), gpus: () => findGpus(), nvcc: () => nvccPath() };

/**
 * For a command that only compiles: it needs no GPU, and starts nothing to find one, so that a build that is there already is
 * found at once. Errors: use/dtype, use/arch.
 */
export function targetToBuild(asked: Asked, machine: Machine = thisOne): Chosen {
  const target = decided(asked) ?? (machine.likely() && machine.nvcc() !== undefined ? "cuda" : "cpu");
  return { target, dtype: realFor(target, asked.dtype) };
}

/** For a command that computes: without a GPU that is the CPU target, whatever was asked for. Errors: use/dtype, use/arch. */
export async function targetToRun(asked: Asked, machine: Machine = thisOne): Promise<Chosen> {
  const target = decided(asked);
  if (target === "cpu") return { target, dtype: realFor(target, asked.dtype) };
  if (target === "cuda") realFor(target, asked.dtype);
  const { gpus, reason } = await machine.gpus();
  const [gpu] = gpus;
  let why: string | undefined;
  if (gpu === undefined) why = reason ?? "no NVIDIA GPU is found";
  else if (!isUsable(gpu)) why = `the ${gpu.name} has compute capability ${gpu.capability}, and mlac needs 8.0`;
  // Where the target was asked for by name, its build says that nvcc is missing.
  else if (target === undefined && machine.nvcc() === undefined) why = `there is a GPU (${gpu.name}), but no nvcc to compile for it`;
  return why === undefined ? { target: "cuda", dtype: realFor("cuda", asked.dtype) } : { target: "cpu", dtype: realFor("cpu"), why };
}

/** The target, where what was asked for leaves no choice. */
function decided({ target, dtype, arch }: Asked): Target | undefined {
  if (target === "cpu" && arch !== undefined)
    fail("use/arch", "--arch names a GPU, and --target cpu builds for the processor", { help: "leave out one of the two" });
  if (target !== "auto") return target;
  if (dtype !== undefined) return realsOf.cuda.includes(dtype) ? "cuda" : "cpu";
  return arch === undefined ? undefined : "cuda";
}
