/** What a build for the GPU needs of this machine, looked at before anything is written. */
import { fail } from "../diagnostics.js";
import { findGpus, type Gpu, isUsable } from "../gpu.js";
import type { Manifest } from "../manifest.js";
import { binary } from "../memory.js";
import type { Compiler } from "./compiler.js";
import { architectureOf, checkDriver, cudaCompiler, cudaFlags, cudaLinkFlags, defaultArchitecture, findNvcc } from "./nvcc.js";

export interface CudaTools {
  /** "sm_90a" */
  architecture: string;
  compiler: Compiler;
  flags: readonly string[];
  link: readonly string[];
  /** Whether the plan fits into the GPU that it is built for, if that is here. Errors: plan/memory. */
  checkMemory(manifest: Manifest): void;
}

/**
 * `asked`: the architecture, if somebody said one; MLAC_ARCH does, too. Who says it may build for another machine, so that
 * this one's driver and memory do not count then. Errors: use/arch; tool/missing (nvcc, C++), tool/old, tool/driver.
 */
export async function cudaTools(asked = process.env["MLAC_ARCH"]): Promise<CudaTools> {
  const [first] = asked === undefined ? (await findGpus()).gpus : [];
  const gpu = first && isUsable(first) ? first : undefined;
  const architecture =
    asked !== undefined ? architectureOf(asked) : gpu?.capability === undefined ? defaultArchitecture : architectureOf(gpu.capability);
  const nvcc = await findNvcc(architecture);
  const compiler = await cudaCompiler(nvcc);
  if (gpu) checkDriver(nvcc, gpu);
  return {
    architecture,
    compiler,
    flags: cudaFlags(architecture),
    link: cudaLinkFlags,
    checkMemory: (manifest) => gpu && checkMemory(manifest, gpu),
  };
}

function checkMemory({ model, memory }: Manifest, { name, total }: Gpu): void {
  if (total === undefined || memory.total <= total) return;
  fail("plan/memory", `${model} needs ${binary(memory.total)} of GPU memory; this ${name} has ${binary(total)}`, {
    help: "make B or T smaller (--set B=…), keep less for the backward pass (--fuse recompute=layer), or see `mlac plan`; --arch builds for another machine's GPU",
  });
}
