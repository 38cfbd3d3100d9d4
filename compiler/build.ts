/** `mlac build`: from model.ts to a library that trains, or from the library that is there already if nothing changed. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fail } from "./diagnostics.js";
import type { Generation } from "./generation.js";
import type { Manifest } from "./manifest.js";
import type { MeasuredChoices } from "./measured.js";
import { modelPlace } from "./place.js";
import type { Real, Target } from "./target.js";
import { isUpToDate } from "./upToDate.js";

export interface BuildOptions {
  /** The model's file. */
  model: string;
  target: Target;
  /** One of the target's: realsOf. */
  dtype: Real;
  /** The GPU to build for: "sm_80", "9.0". Default: MLAC_ARCH, else this machine's GPU, else sm_90a. */
  arch?: string;
  /** What that came to, "sm_90a": filled in before anything is emitted. */
  architecture?: string;
  /** `--fuse name=choice`; stands above what model.ts says. */
  fuse: Record<string, string>;
  /** `--set NAME=VALUE`. */
  set: Record<string, string>;
  /** What `mlac bench` found to be the fastest here: `auto` stands for it. */
  measured?: MeasuredChoices;
  /** For generating text in place of training; sizes that are not given follow from the model. */
  generate?: Partial<Generation>;
  /** Default: generated/<model>/<target>. */
  out?: string;
  onProgress?: (text: string) => void;
  /** What is worth saying of a build that is made. */
  onNote?: (text: string) => void;
}

export interface Built {
  directory: string;
  manifest: Manifest;
  library: string;
  upToDate: boolean;
}

/**
 * Errors: whatever is wrong with the model (type, syntax, shape, plan), and tool/* if it cannot be compiled. Tools that are
 * missing or too old, and a GPU that is too small, are found before anything is written.
 */
export async function build(options: BuildOptions): Promise<Built> {
  const directory = placeOf(options);
  const library = join(directory, "model.so");
  const known = await isUpToDate(directory, options);
  if (known) return { directory, manifest: known, library, upToDate: true };

  const cuda = options.target === "cuda" ? await (await import("./emit/cudaTools.js")).cudaTools(options.arch) : undefined;
  options.onProgress?.(`compiling ${options.model} to ${cuda ? "CUDA C++" : "C++"}`);
  const [{ emitAll }, { compileLibrary }, { writeModel }] = await Promise.all([
    import("./compile.js"),
    import("./emit/toolchain.js"),
    import("./emit/files.js"),
  ]);
  const emitted = await emitAll(cuda ? { ...options, architecture: cuda.architecture } : options);
  cuda?.checkMemory(emitted.manifest);
  for (const text of emitted.notes) options.onNote?.(text);
  const { sources, includes } = await writeModel(directory, emitted);
  await compileLibrary({
    sources,
    includes,
    ...(cuda
      ? { compiler: cuda.compiler, flags: cuda.flags, link: cuda.link }
      : { flags: emitted.flags, precompiled: join(directory, "lib/kernel.h") }),
    library,
    objects: join(directory, "objects"),
    onProgress: ({ done, of, file }) => options.onProgress?.(`building ${done} of ${of}: ${file}`),
  });
  // The seal goes last: with it the build is whole.
  await writeModel(directory, emitted, "seal");
  return { directory, manifest: emitted.manifest, library, upToDate: false };
}

/** All that is wrong with a model short of compiling C++. */
export async function check(options: BuildOptions): Promise<void> {
  const { lowerModel, choicesFor } = await import("./compile.js");
  const model = lowerModel(options);
  choicesFor(options, model);
}

/** The memory plan and everything else that is known before anything runs. */
export async function plan(options: BuildOptions): Promise<Manifest> {
  const known = await isUpToDate(placeOf(options), options);
  if (known) return known;
  const { emitAll } = await import("./compile.js");
  return (await emitAll(options)).manifest;
}

/** A stage of the compiler as text. */
export async function emit(options: BuildOptions, stage: "graph" | "kernels" | "plan"): Promise<string> {
  const { showStage } = await import("./compile.js");
  return showStage(options, stage);
}

function placeOf(options: BuildOptions): string {
  if (!existsSync(options.model))
    fail("use/model", `there is no file ${options.model}`, {
      help: "name the model's file: mlac build model.ts; `mlac init` makes a first one",
    });
  return modelPlace(options);
}
