/** Gathers everything static about a model and its choices, and the measurements that are stored. Needs no GPU and no built library. */
import type { BuildOptions } from "../build.js";
import { type Emission, emitAll } from "../compile.js";
import { modelPlace } from "../place.js";
import { knownCeilings, roofline, storedCeilings } from "./ceilings.js";
import { decisionFacts } from "./decisions.js";
import type { Ceilings, Inspection, KernelFacts, Measured } from "./inspection.js";
import { kernelFacts } from "./kernels.js";
import { benchOf, type Measurement, readMeasurement } from "./measured.js";
import { enterUsers, memoryFacts, numberBuffers, programFacts } from "./memory.js";
import { numberOps } from "./ops.js";
import { builtResources } from "./resources.js";

export interface InspectOptions extends BuildOptions {
  /** A file with times of the kernels. Default: what `mlac bench` wrote of this model. */
  times?: string;
}

/** Errors: whatever is wrong with the model, and use/measured. */
export async function inspect(options: InspectOptions): Promise<Inspection> {
  const { model, target, dtype } = options;
  const given = options.times === undefined ? undefined : readMeasurement(options.times);
  const emitted = await emitAll(options);
  const measurement = given ?? benchOf(model, emitted.manifest);
  const ceilings = measurement?.ceilings ?? (await storedCeilings(target, dtype)) ?? knownCeilings(target);
  const inspection = gather(emitted, ceilings, measurement);
  const resources = await builtResources(modelPlace(options), inspection.kernels);
  for (const kernel of inspection.kernels) {
    const own = resources.get(kernel.name);
    if (own) kernel.resources = own;
  }
  return inspection;
}

function gather(emitted: Emission, ceilings: Ceilings | undefined, measurement: Measurement | undefined): Inspection {
  const { manifest, model } = emitted;
  const ops = numberOps(emitted.made);
  const numbered = numberBuffers(emitted);
  enterUsers(emitted, numbered);
  const programs = programFacts(emitted, ops);
  const kernels = kernelFacts(emitted, ops, numbered.of).map((kernel) => withTimes(kernel, ceilings, measurement));
  return {
    format: 1,
    mlac: manifest.mlac,
    model: manifest.model,
    target: manifest.target,
    dtype: manifest.dtype,
    tokens: manifest.tokens,
    sizes: manifest.sizes,
    parameters: manifest.parameters.reduce((n, { shape }) => n + shape.reduce((a, b) => a * b, 1), 0),
    fuse: manifest.fuse,
    set: manifest.set,
    sources: model.sources.map(({ file, text }) => ({ file, text })),
    ...(ceilings === undefined ? {} : { ceilings }),
    ...(measurement === undefined ? {} : { measured: measuredFacts(measurement, manifest.fuse) }),
    kernels,
    ops: ops.facts,
    decisions: decisionFacts(emitted, ops),
    programs,
    memory: memoryFacts(emitted, numbered.buffers, programs),
  };
}

function withTimes(kernel: KernelFacts, ceilings: Ceilings | undefined, measurement: Measurement | undefined): KernelFacts {
  const times = Math.max(1, kernel.launches);
  const work = { flops: kernel.flops * times, bytes: (kernel.bytesRead + kernel.bytesWritten) * times };
  const measured = kernel.launches > 0 ? measurement?.kernels.get(kernel.name) : undefined;
  return { ...kernel, ...(ceilings ? roofline(work, ceilings) : {}), ...(measured === undefined ? {} : { measured }) };
}

function measuredFacts({ kernels: _, ceilings: __, fuse, ...rest }: Measurement, choices: Readonly<Record<string, string>>): Measured {
  const same = fuse === undefined || Object.entries(choices).every(([name, value]) => fuse[name] === value);
  return { ...rest, sameChoices: same };
}
