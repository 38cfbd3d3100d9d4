/** The compiler proper: lowers a model, runs its passes, emits its files. Loaded only when something has to be compiled. */
import { createHash } from "node:crypto";
import { basename } from "node:path";
import type { BuildOptions } from "./build.js";
import { type Choices, checkFileChoices, choiceNames, choicesKnown, choicesOf, resolveOver } from "./choices.js";
import { fail } from "./diagnostics.js";
import { type Backend, backendFor } from "./emit/backend.js";
import { type EmittedModel, emitModel } from "./emit/model.js";
import { layerTensors, placeForGenerating, placeResidents, type Resident, type Residents } from "./emit/tensors.js";
import { cpuFlags } from "./emit/toolchain.js";
import { describeGeneration, type Generation, generationOf } from "./generation.js";
import { type Lowered, lower } from "./lower/index.js";
import type { Manifest } from "./manifest.js";
import { measuredInForce } from "./measured.js";
import { describeMemory } from "./memory.js";
import { version } from "./package.js";
import { modelName } from "./place.js";
import { print } from "./print.js";
import { makeGenerating, makePrograms, type Program, type Watch } from "./programs.js";
import { showKernels } from "./showKernels.js";
import { seal } from "./upToDate.js";

/** What Hopper's own instructions are compiled for. */
const hopper = "sm_90a";

export interface Emission extends EmittedModel {
  model: Lowered;
  made: readonly Program[];
  /** The graph after each pass as text, where it was asked for. */
  stages: readonly Stage[];
  manifest: Manifest;
  /** Stands for everything but the model's files that decided what was built, on this machine. */
  seal: string;
  flags: readonly string[];
  backend: Backend;
  /** Of the GPU that is built for. */
  architecture?: string;
  residents: Residents;
  /** Sentences for whoever builds. */
  notes: readonly string[];
}

/** The graph of a program after a pass; "lowered" is before the first. */
export interface Stage {
  program: Program["name"];
  pass: string;
  text: string;
  /** The same with lasting numbers: what a pass leaves alone is the same text before and after. */
  lasting: string;
}

export const lowerModel = (options: BuildOptions): Lowered => lower(options.model, { set: options.set });

/** What stands above what: the command line, the model's file, what was measured here, mlac's defaults. */
export function choicesFor({ target, fuse, measured }: BuildOptions, model: Lowered): Choices {
  const { plan, places } = model;
  checkFileChoices(plan.fuse, places.fuse, target);
  return resolveOver(target, measuredInForce(measured, model.sizes, target).fuse, choicesKnown(plan.fuse, target).here, fuse);
}

export async function emitAll(options: BuildOptions, { stages = false } = {}): Promise<Emission> {
  const model = lowerModel(options);
  return emitLowered(options, model, choicesFor(options, model), stages);
}

/** A model that is lowered already, with these choices. */
export const emitLowered = (options: BuildOptions, model: Lowered, choices: Choices, stages = false): Emission =>
  fitMemory(choices, (c) => emission(options, model, c, stages));

/** recompute = fit:BYTES: the least recomputation whose plan fits. */
function fitMemory(choices: Choices, make: (choices: Choices) => Emission): Emission {
  if (!choices.recompute.startsWith("fit:")) return make(choices);
  const limit = Number(choices.recompute.slice("fit:".length));
  const tried: string[] = [];
  for (const recompute of choicesOf("recompute").values) {
    const emitted = make({ ...choices, recompute });
    if (emitted.manifest.memory.total <= limit) return emitted;
    tried.push(`${recompute} needs ${emitted.manifest.memory.total.toLocaleString("en-US")}`);
  }
  fail("plan/memory", `no choice of recompute fits into ${limit.toLocaleString("en-US")} bytes: ${tried.join(", ")}`, {
    help: "make B or T smaller (--set B=…), or allow more",
  });
}

function emission(options: BuildOptions, model: Lowered, choices: Choices, withStages = false): Emission {
  if (["latent", "inkernel"].includes(choices.mla) && options.architecture !== undefined && options.architecture !== hopper)
    fail("use/fuse", `mla=${choices.mla} is for NVIDIA's Hopper (${hopper}); this build is for ${options.architecture}`, {
      help: "take --fuse mla=rebuild",
    });
  const stages: Stage[] = [];
  const watch: Watch = (program, pass, graph) => {
    if (withStages) stages.push({ program, pass, text: print(graph), lasting: print(graph, "lasting") });
  };
  const tokens = model.graph.inputs.find((v) => v.def.is === "input" && v.def.name === "tokens")!;
  const generate = options.generate && sizesOf(model, options.generate);
  const generating = generate && makeGenerating(model, choices, options.target, generate, watch);
  const programs = generating?.programs ?? makePrograms(model, choices, options.target, watch);
  const backend = backendFor(options.target, options.dtype, model, choices, generate);
  const residents = generating
    ? placeForGenerating(model.parameters, generating.caches.all, backend.storage, backend.elementBytes)
    : placeResidents(model.parameters, model.plan, model.graph, backend.storage);
  const emitted = emitModel(model, programs, residents, backend);
  const remainderOf = (r: Resident): Resident | undefined => (r.role === "parameter" ? residents.of("remainder", r.path) : undefined);
  const halfOnly = (r: Resident): boolean => generate !== undefined && r.parameter !== undefined && backend.storage.isSplit(r.parameter);
  const manifest: Manifest = {
    format: 1,
    mlac: version,
    model: modelName(options.model),
    target: options.target,
    dtype: options.dtype,
    tokens: { batch: tokens.type.dims[0]!.size, length: tokens.type.dims[1]!.size, vocabulary: model.head.w.type.dims[0]!.size },
    sizes: model.sizes,
    plan: model.plan,
    fuse: choices,
    set: options.set,
    parameters: model.parameters.map((p) => ({
      path: p.path,
      kind: p.kind,
      dims: p.type.dims.map((d) => d.name),
      shape: p.type.dims.map((d) => d.size),
      stacked: p.stacked,
      init: p.init,
      optimizer: model.plan.optimizer[p.path]?.is ?? "expertBias",
      origin: originOf(p.origin),
    })),
    tensors: residents.all.flatMap((r) => layerTensors(r, options.dtype === "f64" ? "F64" : "F32", remainderOf(r), halfOnly(r))),
    trained: [...emitted.trained],
    gradients: emitted.gradients,
    memory: emitted.memory,
    kernels: emitted.facts,
    loads: generating ? [] : model.graph.outputs.filter((o) => o.is === "load").map((o) => o.name),
    sources: model.sources.map((s) => ({ file: s.file, sha256: createHash("sha256").update(s.text).digest("hex") })),
    ...(generate && generating ? { generation: describeGeneration(generate, generating, residents, backend.elementBytes) } : {}),
  };
  const { architecture } = options;
  return {
    ...emitted,
    ...(architecture === undefined ? {} : { architecture }),
    residents,
    made: programs,
    stages,
    backend,
    model,
    manifest,
    notes: measuredInForce(options.measured, model.sizes, options.target, choices).notes,
    seal: seal(options),
    flags: [...cpuFlags, ...(options.dtype === "f64" ? ["-DMLAC_DOUBLE"] : [])],
  };
}

/** What a build that generates is sized for. */
const sizesOf = ({ graph }: Lowered, asked: Partial<Generation>): Generation =>
  generationOf(graph.inputs.find((v) => v.def.is === "input" && v.def.name === "tokens")!.type.dims[1]!.size, asked);

const originOf = (stack: readonly { file: string; line: number }[]): string => (stack[0] ? `${stack[0].file}:${stack[0].line}` : "");

/** `mlac build --emit`: the graph after each pass, the kernels of each program, or the memory plan. */
export function showStage(options: BuildOptions, stage: "graph" | "kernels" | "plan"): string {
  const model = lowerModel(options);
  const choices = choicesFor(options, model);
  const title = `// ${basename(options.model)}: ${choiceNames.map((n) => `${n}=${choices[n]}`).join(" ")}`;
  if (stage === "graph") {
    const parts = [`${title}\n\n// lowered\n${print(model.graph)}`];
    const watch: Watch = (program, pass, graph) => {
      if (pass !== "lowered") parts.push(`// ${program}, after ${pass}\n${print(graph)}`);
    };
    if (options.generate) makeGenerating(model, choices, options.target, sizesOf(model, options.generate), watch);
    else makePrograms(model, choices, options.target, watch);
    return parts.join("\n");
  }
  const emitted = emission(options, model, choices);
  return stage === "plan" ? describeMemory(emitted.manifest) : `${title}\n\n${showKernels(emitted.manifest)}`;
}
