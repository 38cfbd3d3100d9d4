/** Every kernel of a CUDA build against the same ops on the CPU target, each on random arguments of its own. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Random } from "../../runtime/random.js";
import type { BuildOptions, Built } from "../build.js";
import { choicesFor, lowerModel } from "../compile.js";
import { backendFor } from "../emit/backend.js";
import type { CudaTools } from "../emit/cudaTools.js";
import { type KernelText, kernelText } from "../emit/kernelFile.js";
import { emitModel } from "../emit/model.js";
import { placeResidents } from "../emit/tensors.js";
import type { Value } from "../ir.js";
import { type Kernel, kernelsOf } from "../kernel.js";
import { gradientValues } from "../passes/landing.js";
import { makePrograms } from "../programs.js";
import { type Difference, difference, isWrong, limitFor } from "./compare.js";
import { compileDevice, Device } from "./device.js";
import { randomInputs } from "./inputs.js";
import { fillNormal, type Numbers, roundToBf16, textSeed } from "./numbers.js";
import { type Composed, composedOf, References, referenceOfKernel } from "./reference.js";

/** A kernel as it was built, in the first of the programs that call it. */
export interface BuiltKernel {
  name: string;
  kernel: Kernel;
  text: KernelText;
  adds: (v: Value) => boolean;
}

export interface Verdict {
  name: string;
  ops: string[];
  /** Of the worst output. */
  error: number;
  worst: number;
  limit: number;
  output: string;
  /** The ways that it was run in, and the one of the worst output: see templates/cuda/lib/choice.cuh. */
  ways: string[];
  way: string;
  ok: boolean;
  /** Where the kernel failed altogether. */
  why?: string;
}

/** The kernels of a build, as its files have them. */
export function kernelsOfBuild(options: BuildOptions, { manifest }: Pick<Built, "manifest">): BuiltKernel[] {
  const model = lowerModel(options);
  const choices = choicesFor({ ...options, fuse: manifest.fuse }, model);
  const programs = makePrograms(model, choices, options.target);
  const backend = backendFor(options.target, options.dtype, model, choices);
  // Gives the kernels their names.
  emitModel(model, programs, placeResidents(model.parameters, model.plan, model.graph, backend.storage), backend);
  const found = new Map<string, BuiltKernel>();
  for (const program of programs) {
    const gradients = gradientValues(program.kernels.graph);
    const adds = (v: Value): boolean => gradients.has(v);
    for (const kernel of kernelsOf(program.kernels.steps)) {
      if (found.has(kernel.name)) continue;
      const text = kernelText(kernel, { target: options.target, sources: new Map(), accumulates: adds });
      found.set(kernel.name, { name: kernel.name, kernel, text, adds });
    }
  }
  return [...found.values()];
}

export interface KernelsOptions {
  seed: number;
  threads: number;
  tools: CudaTools;
  /** Only kernels with this in their name. */
  only?: string;
  onProgress: (text: string) => void;
  onVerdict: (verdict: Verdict) => void;
}

/** Errors: tool/*, run/load, run/gpu. */
export async function verifyKernels(
  options: BuildOptions,
  built: Built,
  how: KernelsOptions,
): Promise<{ device: string; verdicts: Verdict[] }> {
  const kernels = kernelsOfBuild(options, built).filter(({ name }) => name.includes(how.only ?? ""));
  const composed = kernels.map(({ kernel }) => composedOf(kernel));
  const references = [...kernels.map(({ kernel }) => referenceOfKernel(kernel)), ...composed.flatMap((c) => (c ? [c.reference] : []))];
  const device = await openDevice(built, kernels, how);
  try {
    const name = device.open();
    const folder = join(built.directory, "verify/cpu");
    const library = await References.compile(references, folder, how.threads, ({ done, of, file }) =>
      how.onProgress(`building ${done} of ${of}: ${file}`),
    );
    const verdicts: Verdict[] = [];
    for (const [i, one] of kernels.entries()) {
      how.onProgress(`checking ${one.name}`);
      const forward = composed[i];
      const compose = forward && { ...forward, index: references.indexOf(forward.reference) };
      verdicts.push(await verifyKernel({ ...one, index: i, ...(compose ? { compose } : {}) }, library, device, how.seed));
      how.onVerdict(verdicts.at(-1)!);
      // After such a failure the GPU's answers mean nothing.
      if (verdicts.at(-1)!.why !== undefined && /illegal|misaligned|assert|launch failure|unspecified/i.test(verdicts.at(-1)!.why!)) break;
    }
    return { device: name, verdicts };
  } finally {
    device.close();
  }
}

async function openDevice(built: Built, kernels: readonly BuiltKernel[], { tools, onProgress }: KernelsOptions): Promise<Device> {
  // The whole build, whose objects are there already: its kernels, and what their host functions call.
  const sources: string[] = [];
  for (const folder of [built.directory, join(built.directory, "kernels")])
    sources.push(...(await readdir(folder)).filter((file) => file.endsWith(".cu")).map((file) => join(folder, file)));
  const lacking = kernels.find(({ name }) => !sources.includes(join(built.directory, "kernels", `${name}.cu`)));
  if (lacking) throw new Error(`verify: the build has no kernel ${lacking.name}`);
  const calls = kernels.map(({ name, kernel, text }) => ({
    call: name,
    params: text.params,
    arguments: [...kernel.inputs, ...kernel.outputs],
    tables: text.tables,
    workspaceBytes: text.workspaceBytes(4),
  }));
  const library = await compileDevice({
    kernels: calls,
    opening: '#include "kernels.h"',
    folder: join(built.directory, "verify"),
    sources,
    include: built.directory,
    objects: join(built.directory, "objects"),
    tools,
    onProgress: ({ done, of, file }) => onProgress(`building ${done} of ${of}: ${file}`),
  });
  return new Device(calls, library);
}

interface OneKernel extends BuiltKernel {
  index: number;
  compose?: Composed & { index: number };
}

async function verifyKernel(one: OneKernel, references: References, device: Device, seed: number): Promise<Verdict> {
  const { kernel, name, index, adds } = one;
  const ops = [...new Set(kernel.ops.map((op) => op.kind))];
  const random = new Random(textSeed(seed, name));
  const { inputs, wanted } = wantedOf(one, references, random);
  const starts = new Map(kernel.outputs.filter(adds).map((v) => [v, startFor(wanted.get(v)!, random)]));
  const ways = device.ways(index);
  let verdict: Verdict = { name, ops, error: 0, worst: 0, limit: 0, output: "", ways: ways.map((w) => w.name), way: "", ok: true };
  for (const { way, name: taken } of ways)
    try {
      const got = device.run(index, new Map([...inputs, ...starts]), kernel.outputs, way);
      for (const [i, v] of kernel.outputs.entries()) {
        const found = difference(got.get(v)!, wanted.get(v)!, starts.get(v));
        const limit = limitFor(kernel, v);
        if (verdict.way === "" || share(found, limit) > share(verdict, verdict.limit))
          verdict = { ...verdict, ...found, limit, way: taken, output: v.name ?? `output ${i}` };
        if (isWrong(found, limit)) verdict.ok = false;
      }
    } catch (error) {
      return { ...verdict, error: Number.NaN, way: taken, ok: false, why: (error as Error).message };
    }
  return verdict;
}

/** How much of its limit an error takes; what is not finite takes all of it. */
const share = ({ error }: Pick<Difference, "error">, limit: number): number =>
  Number.isNaN(error) ? Number.POSITIVE_INFINITY : error === 0 ? 0 : error / limit;

/** Random arguments, and what the CPU makes of them. Where that is not finite (a logarithm, a root), positive ones. */
function wantedOf(
  { kernel, name, index, compose }: OneKernel,
  references: References,
  random: Random,
): { inputs: Map<Value, Numbers>; wanted: Map<Value, Numbers> } {
  for (const positive of [false, true]) {
    const inputs = randomInputs(kernel, random, positive);
    if (compose) {
      const forward = references.run(compose.index, inputs);
      for (const [from, to] of compose.gives) {
        const values = forward.get(from)!;
        if (to.type.dtype === "bf16") roundToBf16(values as Float32Array);
        inputs.set(to, values);
      }
    }
    const wanted = references.run(index, inputs);
    if ([...wanted.values()].every((values) => values.every((x) => Number.isFinite(x)))) return { inputs, wanted };
  }
  throw new Error(`verify: ${name} gives no finite numbers on random inputs`);
}

/** What an output that is added to begins with: numbers like those that are added. */
function startFor(wanted: Numbers, random: Random): Numbers {
  let squares = 0;
  for (const x of wanted) squares += x * x;
  return fillNormal(
    new Float32Array(wanted.length),
    random,
    Math.sqrt(squares / Math.max(1, wanted.length)) || 1,
  ) as Float32Array<ArrayBuffer>;
}
