/** `mlac verify`: on the user's own GPU, every kernel of a model and then a whole step, against the CPU target. */
import { join } from "node:path";
import type { BuildOptions, Built } from "../build.js";
import { choicesKnown } from "../choices.js";
import { lowerModel } from "../compile.js";
import { fail } from "../diagnostics.js";
import { cudaTools } from "../emit/cudaTools.js";
import { findGpus, isUsable } from "../gpu.js";
import { modelName } from "../place.js";
import { settable } from "../settable.js";
import { type Verdict, verifyKernels } from "./kernels.js";
import { type StepLine, verifyStep } from "./step.js";

export interface VerifyOptions {
  build: BuildOptions;
  seed: number;
  /** The model's own batch and length, however long the CPU takes. */
  full: boolean;
  threads: number;
  only?: string;
  /** Builds, and says how far it is. */
  make: (options: BuildOptions) => Promise<Built>;
  onProgress: (text: string) => void;
  onStart: (sizes: Record<string, string>) => void;
  onVerdict: (verdict: Verdict) => void;
  onStep: (line: StepLine) => void;
}

export interface Verified {
  device: string;
  kernels: Verdict[];
  step: StepLine[];
  /** What was set to make the batch smaller. */
  sizes: Record<string, string>;
}

/** Errors: run/gpu (none, or one that cannot be used), tool/*, whatever is wrong with the model. */
export async function verifyModel(options: VerifyOptions): Promise<Verified> {
  await needGpu();
  const sizes = options.full ? {} : smaller(options.build);
  options.onStart(sizes);
  const place = options.build.out ?? join("generated", modelName(options.build.model), "verify");
  const set = { ...options.build.set, ...sizes };
  const gpu: BuildOptions = { ...options.build, set, target: "cuda", dtype: "bf16", out: join(place, "cuda") };
  const fuse = choicesKnown(gpu.fuse, "cpu").here;
  const { arch: _, measured: __, ...rest } = gpu;
  const cpu: BuildOptions = { ...rest, fuse, target: "cpu", dtype: "f32", out: join(place, "cpu") };

  const tools = await cudaTools(gpu.arch);
  const built = await options.make(gpu);
  const { seed, threads, only, onProgress, onVerdict } = options;
  const { device, verdicts } = await verifyKernels(gpu, built, {
    seed,
    threads,
    tools,
    ...(only === undefined ? {} : { only }),
    onProgress,
    onVerdict,
  });
  // A whole step of kernels that are wrong says nothing more.
  if (only !== undefined || verdicts.some(({ why }) => why !== undefined)) return { device, kernels: verdicts, step: [], sizes };
  const step = await verifyStep(built, await options.make(cpu), seed, threads, options.onStep);
  return { device, kernels: verdicts, step, sizes };
}

async function needGpu(): Promise<void> {
  const { gpus, reason } = await findGpus();
  const [gpu] = gpus;
  const help = "`mlac doctor` says what is there; the CPU target is checked by mlac's own tests";
  if (gpu === undefined)
    fail("run/gpu", `verify compares a GPU's results with the processor's: ${reason ?? "no NVIDIA GPU is found"}`, { help });
  if (!isUsable(gpu)) fail("run/gpu", `the ${gpu.name} has compute capability ${gpu.capability}, and mlac needs 8.0`, { help });
}

/** Tokens of a sequence, and of the whole batch, that are enough to see every kernel's tiles, tails and experts. */
const LENGTH = 192;
const TOKENS = 384;

/** What to set for a small batch; nothing that was set by hand, and nothing that the model computes. */
function smaller(build: BuildOptions): Record<string, string> {
  const tokens = lowerModel(build).graph.inputs.find((v) => v.def.is === "input" && v.def.name === "tokens")!;
  const [batch, length] = tokens.type.dims as [{ name: string; size: number }, { name: string; size: number }];
  const shorter = length.name in build.set ? length.size : Math.min(length.size, LENGTH);
  const fewer = batch.name in build.set ? batch.size : Math.min(batch.size, Math.max(1, Math.floor(TOKENS / shorter)));
  return settable(build, [
    { ...length, wanted: shorter },
    { ...batch, wanted: fewer },
  ]);
}
