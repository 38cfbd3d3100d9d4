/** run.json: what a run was built from and where it ran; the report takes it from there when the build is long gone. */
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, cpus, release } from "node:os";
import { findGpus } from "../../compiler/gpu.js";
import type { Manifest, ManifestKernel } from "../../compiler/manifest.js";
import { machineMemory } from "../../compiler/memory.js";
import { failOn, replaceFile } from "../durable.js";
import { shareThreads } from "../ranks/share.js";
import { pathsOf } from "../runs.js";
import type { Settings } from "../settings.js";
import type { TrainOptions } from "../train.js";

export interface RunFacts {
  format: 1;
  model: string;
  built: Pick<Manifest, "target" | "dtype" | "sizes" | "fuse" | "set" | "tokens"> & {
    /** Numbers in all parameters together. */
    parameters: number;
    /** Bytes by kind, of the model's block of memory. */
    memory: Record<string, number>;
    scratchPerThread: number;
    kernels: Omit<ManifestKernel, "file">[];
  };
  settings: Settings;
  groups: { group: string; optimizer: string; lr: number; weightDecay: number }[];
  /** One for each time that it was started or resumed. */
  starts: Start[];
}

export interface Start {
  /** ISO 8601. */
  date: string;
  /** The step that it began with. */
  step: number;
  mlac: string;
  processor: string;
  processors: number;
  threads: number;
  /** Bytes. */
  memory: number;
  system: string;
  node: string;
  gpu?: string;
  /** Where there were several ranks: how many. The machine is rank 0's. */
  ranks?: number;
}

/** Earlier starts are taken from the folder's run.json. */
export async function factsOf(options: TrainOptions, settings: Settings, first: number): Promise<RunFacts> {
  const { manifest } = options.built;
  const { model, target, dtype, sizes, fuse, set, tokens, memory } = manifest;
  const groups = new Map(
    Object.values(manifest.plan.optimizer).map(({ group, is, lr, weightDecay }) => [group, { group, optimizer: is, lr, weightDecay }]),
  );
  const earlier = first > 1 ? (readFacts(pathsOf(options.folder).facts)?.starts ?? []) : [];
  return {
    format: 1,
    model,
    built: {
      target,
      dtype,
      sizes,
      fuse,
      set,
      tokens,
      parameters: manifest.parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
      memory: memory.kinds,
      scratchPerThread: memory.scratchPerThread,
      kernels: manifest.kernels.map(({ file: _, ...kernel }) => kernel),
    },
    settings,
    groups: [...groups.values()],
    starts: [...earlier.filter(({ step }) => step < first), await startOf(options, first)],
  };
}

async function startOf(options: TrainOptions, step: number): Promise<Start> {
  const gpu = options.built.manifest.target === "cuda" ? (await findGpus()).gpus[0]?.name : undefined;
  return {
    date: new Date().toISOString(),
    step,
    mlac: options.mlac,
    processor: cpus()[0]?.model.trim() || "unknown processor",
    processors: availableParallelism(),
    threads: options.threads || (options.group?.place ? shareThreads(options.group.place, 0) : availableParallelism()),
    memory: machineMemory(),
    system: `${process.platform} ${release()}`,
    node: process.versions.node,
    ...(gpu === undefined ? {} : { gpu }),
    ...(options.group?.place === undefined ? {} : { ranks: options.group.size }),
  };
}

/** Errors: run/metrics. */
export async function writeFacts(path: string, facts: RunFacts): Promise<void> {
  try {
    await replaceFile(path, (write) => write(Buffer.from(`${JSON.stringify(facts, undefined, 1)}\n`)));
  } catch (error) {
    failOn(error, "run/metrics", `${path} cannot be written`);
  }
}

/** Undefined where there is none, as in runs of older versions, or where it is not mlac's. */
export function readFacts(path: string): RunFacts | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const facts = JSON.parse(readFileSync(path, "utf8")) as RunFacts | null;
    return facts?.format === 1 && Array.isArray(facts.starts) && Array.isArray(facts.groups) && facts.built ? facts : undefined;
  } catch {
    return undefined;
  }
}
