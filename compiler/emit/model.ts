/** From programs to the text of every file of a built model, and its manifest's memory and kernels. */
import type { Op, Value } from "../ir.js";
import { type Kernel, kernelsOf } from "../kernel.js";
import type { Lowered } from "../lower/index.js";
import type { GradientTimeline, ManifestKernel, MemoryPlan, PlannedBuffer, TrainedPart } from "../manifest.js";
import { spec } from "../ops/index.js";
import { gradientValues } from "../passes/landing.js";
import { align, type MemoryLayout, planMemory } from "../passes/memory.js";
import type { Program } from "../programs.js";
import { type Bucket, gradientBuckets } from "../ranks/buckets.js";
import { gradientTimeline } from "../ranks/timeline.js";
import { trainedParts } from "../ranks/trained.js";
import type { Backend, TablePlace } from "./backend.js";
import { type KernelContext, type KernelText, kernelText, quotes } from "./kernelFile.js";
import { programText } from "./step.js";
import { fixedPlaces, type Residents } from "./tensors.js";
import { trafficBytes } from "./traffic.js";

export interface EmittedModel {
  /** Kernel files, by name without folder. */
  kernels: { name: string; text: string; params: string }[];
  /** The host's lines of each. */
  programs: Partial<Record<Program["name"], string[]>>;
  /** Empty for a build that does not train. */
  update: { text: string };
  memory: MemoryPlan;
  facts: ManifestKernel[];
  /** Constant tables that lie in the arena. */
  tables: readonly TablePlace[];
  layouts: Map<string, MemoryLayout>;
  /** What ranks share out, and when the gradients of which are final. */
  trained: readonly TrainedPart[];
  buckets: readonly Bucket[];
  gradients: GradientTimeline;
  /** Where the memory that programs share begins, and its bytes. */
  shared: { offset: number; bytes: number };
}

/** What the host's variables are called in its files; kernels' values take other names. */
const taken = [
  "arena",
  "tokens",
  "targets",
  "at",
  "report",
  "first",
  "scale",
  "rank",
  "gradients_final",
  "reals",
  "ints",
  "lossScale",
  "loss_scale",
  "logits",
  "layer",
  "round",
  "stream",
  "floats",
  "halves",
  "bytes",
];

export function emitModel(model: Lowered, programs: readonly Program[], residents: Residents, backend: Backend): EmittedModel {
  const { elementBytes } = backend;
  const { realBytes } = backend.storage;
  const sources = new Map(model.sources.map((s) => [s.file, s.text.split("\n")]));
  const texts = new Map<Kernel, KernelText>();
  const layouts = new Map<string, MemoryLayout>();
  for (const program of programs) {
    const gradients = gradientValues(program.kernels.graph);
    const context: KernelContext = {
      target: backend.target,
      sources,
      accumulates: (v) => gradients.has(v),
      fewRows: program.name === "decode",
    };
    for (const kernel of kernelsOf(program.kernels.steps)) texts.set(kernel, kernelText(kernel, context));
    layouts.set(
      program.name,
      planMemory(program.kernels, {
        elementBytes,
        alignment: backend.storage.alignment,
        fixed: fixedPlaces(residents),
        workspaceBytes: (kernel) => texts.get(kernel)!.workspaceBytes(realBytes),
      }),
    );
  }
  const named = nameKernels(programs, texts);
  const { dialect, tables, tableBytes } = backend.host(texts, residents.bytes);
  const base = residents.bytes + tableBytes;
  const training = programs.find((p) => p.name === "train");
  const update = training ? backend.update(residents, base) : { text: "", workspaceBytes: 0 };
  const shared = align(Math.max(update.workspaceBytes, ...[...layouts.values()].map((l) => l.bytes)), backend.storage.alignment);
  residents.placeOptimizer(base + shared);
  const trained = training ? trainedParts(model.parameters, model.plan, realBytes) : [];
  const buckets = training ? gradientBuckets(training.kernels, trained) : [];
  const work = (kernel: Kernel): { flops: number; bytes: number } => ({
    flops: flopsOf(kernel),
    bytes: trafficBytes(kernel, elementBytes),
  });
  const lines = ({ name, kernels }: Program): string[] =>
    programText(kernels, {
      layout: layouts.get(name)!,
      base,
      kernelName: (k) => k.name,
      sources,
      taken: [...taken, ...kernels.graph.inputs.flatMap(hostName), ...named.map((n) => n.name)],
      dialect,
      buckets: name === "train" ? buckets : [],
    }).lines;
  return {
    kernels: named.map(({ name, kernels }) => ({
      name,
      text: texts.get(kernels[0]!)!.finish(name, kernels),
      params: texts.get(kernels[0]!)!.params,
    })),
    programs: Object.fromEntries(programs.map((program) => [program.name, lines(program)])),
    update: { text: update.text },
    memory: memoryPlan(residents, layouts, base, shared, tableBytes || hostTables(texts, realBytes), backend.scratchPerThread),
    facts: named.map(({ name, kernels, programs: used }) => facts(name, kernels, used, sources, backend)),
    tables,
    layouts,
    trained,
    buckets,
    gradients: training
      ? gradientTimeline(training.kernels, buckets, { target: backend.target, trained, realBytes, work })
      : { seconds: 0, buckets: [] },
    shared: { offset: base, bytes: shared },
  };
}

interface NamedKernel {
  name: string;
  kernels: Kernel[];
  programs: string[];
}

/** What the caller hands over is called as it is called in the graph. */
const hostName = ({ def }: Value): string[] => (def.is === "input" && !def.parameter ? [def.name] : []);

/** What kernels' names begin with that first run in a program; those of `train` that make gradients begin with bwd. */
const phases: Readonly<Record<Program["name"], string>> = {
  train: "fwd",
  evaluate: "eval",
  predict: "next",
  prefill: "prefill",
  decode: "decode",
};

/** Kernels with the same text are one. The names say which pass they belong to, which number they have there, and what they compute. */
function nameKernels(programs: readonly Program[], texts: ReadonlyMap<Kernel, KernelText>): NamedKernel[] {
  const byText = new Map<string, NamedKernel>();
  const counters = new Map<string, number>();
  for (const program of programs) {
    let phase = phases[program.name];
    for (const kernel of kernelsOf(program.kernels.steps)) {
      if (program.name === "train" && kernel.ops.some((op) => /Grad|Train/.test(op.kind))) phase = "bwd";
      const text = texts.get(kernel)!;
      let named = byText.get(text.body);
      if (!named) {
        const number = (counters.get(phase) ?? 0) + 1;
        counters.set(phase, number);
        named = { name: `${phase}_${String(number).padStart(2, "0")}_${shortName(kernel)}`, kernels: [], programs: [] };
        byText.set(text.body, named);
      }
      kernel.name = named.name;
      named.kernels.push(kernel);
      if (!named.programs.includes(program.name)) named.programs.push(program.name);
    }
  }
  return [...byText.values()];
}

/** The ops it is made of, the weightiest first: `linear_swiglu`. */
function shortName(kernel: Kernel): string {
  const main = kernel.anchors.length > 0 ? kernel.anchors.map((op) => op.kind) : [];
  const rest = kernel.ops.map((op) => op.kind).filter((kind) => kind !== "scale" || kernel.ops.length === 1);
  const kinds = [...new Set([...main, ...rest])];
  return kinds.slice(0, 3).join("_") || "copy";
}

function memoryPlan(
  residents: Residents,
  layouts: ReadonlyMap<string, MemoryLayout>,
  base: number,
  shared: number,
  tableBytes: number,
  scratchPerThread: number,
): MemoryPlan {
  const buffers: PlannedBuffer[] = residents.all.map(({ buffer }) => ({
    name: buffer.name,
    kind: buffer.kind,
    offset: buffer.offset,
    bytes: buffer.bytes,
  }));
  for (const [program, layout] of layouts)
    for (const b of layout.buffers) {
      if (b.to < 0) continue;
      buffers.push({
        name: b.name,
        kind: "activations",
        offset: base + b.offset,
        bytes: b.bytes,
        program,
        from: b.from,
        to: b.to,
        ...origin(b.value),
      });
    }
  const kinds = { ...residents.kinds, activations: shared, tables: tableBytes };
  return { kinds, total: Object.values(kinds).reduce((a, b) => a + b, 0), scratchPerThread, buffers };
}

/** Tables that each kernel's file fills for itself. */
function hostTables(texts: ReadonlyMap<Kernel, KernelText>, realBytes: number): number {
  const tables = new Map<string, number>();
  for (const text of texts.values()) for (const t of text.tables) tables.set(`${text.body.length} ${t.name} ${t.c}`, t.length * realBytes);
  return [...tables.values()].reduce((a, b) => a + b, 0);
}

function origin(v: Value | undefined): { origin?: string } {
  const span = v && makerOf(v)?.origins[0]?.[0];
  return span ? { origin: `${span.file}:${span.line}` } : {};
}

/** The op that makes a value; of what a loop keeps or carries, the one within. */
function makerOf({ def }: Value): Op | undefined {
  if (def.is === "input" || def.is === "slice") return undefined;
  const { op, index } = def;
  if (!op.loop) return op;
  const carried = op.loop.carried.length;
  const inner = def.is === "carried" || index < carried ? op.loop.yields[index] : op.loop.stacks[index - carried];
  // What a loop hands on as it got it is made before.
  return inner && inner.def !== def && !(inner.def.is === "carried" && inner.def.op === op) ? makerOf(inner) : op;
}

const flopsOf = (kernel: Kernel): number => kernel.ops.reduce((n, op) => n + spec(op.kind).flops(op), 0);

function facts(
  name: string,
  kernels: readonly Kernel[],
  programs: string[],
  sources: KernelContext["sources"],
  { extension, elementBytes }: Backend,
): ManifestKernel {
  const [kernel] = kernels;
  return {
    name,
    file: `kernels/${name}${extension}`,
    form: kernel!.form,
    ops: kernel!.ops.map((op) => op.kind),
    lines: quotes(
      kernels.flatMap((k) => k.ops),
      sources,
    ).map((q) => q.slice(0, q.indexOf("   "))),
    programs,
    flops: flopsOf(kernel!),
    bytes: trafficBytes(kernel!, elementBytes),
    calls: kernels.length,
  };
}
