/** The tensors that outlive a step: parameters, gradients, optimizer state, expert loads. Their places in the arena. */
import { type Dim, type Graph, type Parameter, size, type Value } from "../ir.js";
import type { ManifestTensor, MemoryPlan } from "../manifest.js";
import { align, type Buffer, type Place } from "../passes/memory.js";
import type { GroupSettings, TrainingPlan } from "../plan.js";

/** What a tensor is to callers; and the low halves of weights that are kept as bf16 and a remainder. */
export type Role = ManifestTensor["role"] | "remainder";

/** One whole tensor, its stack dimensions in front; `names` has one entry for each layer's part. */
export interface Resident {
  /** "layers.attn.q", "grad.layers.attn.q" … */
  path: string;
  role: Role;
  parameter?: Parameter;
  dims: readonly Dim[];
  stacked: number;
  buffer: Buffer;
}

export interface Residents {
  all: Resident[];
  of(role: Role, path: string): Resident | undefined;
  /** What passes between the host and a GPU, by name; nothing on the CPU. */
  exchange: ReadonlyMap<string, Buffer>;
  /** Bytes from the start of the arena to the end of the last of them but for the optimizer's. */
  bytes: number;
  /** The optimizer's state comes last in the arena: a rank has only what it owns of it, and all else lies where it lies without ranks. */
  placeOptimizer(base: number): void;
  kinds: Pick<MemoryPlan["kinds"], "weights" | "gradients" | "optimizer" | "io">;
}

/** Bytes of numbers that outlive a step, and what passes between the host and the kernels. */
export interface Storage {
  realBytes: number;
  /** Every tensor begins at a multiple of so many bytes. */
  alignment: number;
  /** Parameters that are kept as bf16 and, apart from it, the 16 bits that are missing to float32. */
  isSplit(p: Parameter): boolean;
  /** Bytes by name. */
  exchange: Readonly<Record<string, number>>;
}

export function placeResidents(parameters: readonly Parameter[], plan: TrainingPlan, forward: Graph, storage: Storage): Residents {
  const { realBytes, isSplit } = storage;
  const all: Resident[] = [];
  const exchange = new Map<string, Buffer>();
  const kinds = { weights: 0, gradients: 0, optimizer: 0, io: 0 };
  let offset = 0;
  const place = (name: string, kind: keyof typeof kinds, count: number): Buffer => {
    const bytes = align(count, storage.alignment);
    const buffer: Buffer = { name, kind, bytes, offset, from: 0, to: Number.POSITIVE_INFINITY, region: undefined };
    kinds[kind] += bytes;
    offset += bytes;
    return buffer;
  };
  const add = (kind: keyof typeof kinds, resident: Omit<Resident, "buffer">, bytesEach: number): void => {
    all.push({ ...resident, buffer: place(resident.path, kind, size({ dims: resident.dims, dtype: "f32" }) * bytesEach) });
  };
  const of = (p: Parameter, role: Role, prefix: string): Omit<Resident, "buffer"> => ({
    path: `${prefix}${p.path}`,
    role,
    parameter: p,
    dims: p.type.dims,
    stacked: p.stacked,
  });
  const trained = parameters.filter((p) => p.kind !== "state");
  const settings = (p: Parameter): GroupSettings => plan.optimizer[p.path]!;

  for (const p of parameters) add("weights", of(p, p.kind === "state" ? "state" : "parameter", ""), isSplit(p) ? 2 : realBytes);
  for (const p of parameters.filter(isSplit)) add("weights", of(p, "remainder", ""), 2);
  for (const p of trained) add("gradients", of(p, "gradient", "grad."), realBytes);
  for (const output of forward.outputs.filter((o) => o.is === "load"))
    add("io", { path: output.name, role: "load", dims: output.value.type.dims, stacked: output.value.type.dims.length - 1 }, 4);
  // What the expert-bias rule sums up over the micro-steps of an accumulation.
  for (const { path } of plan.expertBias) {
    const bias = parameters.find((p) => p.path === path)!;
    add("io", { path: `loadSum.${path}`, role: "load", dims: bias.type.dims, stacked: bias.stacked }, 4);
  }
  for (const [name, bytes] of Object.entries(storage.exchange)) exchange.set(name, place(name, "io", bytes));
  const bytes = offset;
  // In the order in which runtime/native/shares.h gives a rank's own parts their places.
  for (const p of trained) {
    if (settings(p).is === "muon") add("optimizer", of(p, "momentum", "momentum."), realBytes);
    else {
      add("optimizer", of(p, "moment1", "adamw.m."), realBytes);
      add("optimizer", of(p, "moment2", "adamw.v."), realBytes);
    }
  }
  const placeOptimizer = (base: number): void => {
    for (const { buffer } of all) if (buffer.kind === "optimizer") buffer.offset += base - bytes;
  };
  return { all, exchange, of: (role, path) => all.find((r) => r.role === role && r.path === path), bytes, placeOptimizer, kinds };
}

export const placeOf = (resident: Resident): Place => ({ is: "buffer", buffer: resident.buffer, offset: 0, strides: [] });

/** The manifest's view: one tensor a layer, the layer's number in the place where the stack stands in the path. */
export function layerTensors(resident: Resident, dtype: "F32" | "F64", remainder?: Resident): ManifestTensor[] {
  if (resident.role === "remainder") return [];
  const { role } = resident;
  const stackDims = resident.dims.slice(0, resident.role === "load" ? 0 : resident.stacked);
  const shape = resident.dims.slice(stackDims.length).map((d) => d.size);
  const each = resident.role === "load" ? 4 : dtype === "F64" ? 8 : 4;
  const bytes = shape.reduce((n, s) => n * s, 1) * each;
  const stride = remainder ? bytes / 2 : bytes;
  const count = stackDims.reduce((n, d) => n * d.size, 1);
  return [...Array(count).keys()].map((i) => ({
    name: withLayers(resident.path, stackDims, i),
    role,
    ...(resident.parameter ? { parameter: resident.parameter.path, slice: i } : {}),
    dtype: resident.role === "load" ? "I32" : dtype,
    shape,
    offset: resident.buffer.offset + i * stride,
    bytes,
    ...(remainder ? { remainder: remainder.buffer.offset + i * stride } : {}),
  }));
}

/** "grad.layers.attn.q" of layer 3 → "grad.layers.3.attn.q". Stack dimensions carry the path of their stack as names. */
function withLayers(path: string, stackDims: readonly Dim[], index: number): string {
  let rest = index;
  let result = path;
  for (const d of [...stackDims].reverse()) {
    const layer = rest % d.size;
    rest = Math.floor(rest / d.size);
    const at = new RegExp(`(^|\\.)${d.name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?=\\.)`);
    result = result.replace(at, (m) => `${m}.${layer}`);
  }
  return result;
}

/** Where a value lies that is none of a single program's own: a parameter, a gradient, an expert load, or the caller's memory. */
export function fixedPlaces(residents: Residents, hostNames: ReadonlyMap<string, string>): (v: Value, graph: Graph) => Place | undefined {
  return (v, graph) => {
    if (v.def.is === "input") {
      const { parameter, name } = v.def;
      if (!parameter) return { is: "external", name: hostNames.get(name) ?? name };
      return placeOf(residents.of(parameter.kind === "state" ? "state" : "parameter", parameter.path)!);
    }
    const output = graph.outputs.find((o) => o.value === v);
    if (output?.is === "gradient") return placeOf(residents.of("gradient", `grad.${output.parameter.path}`)!);
    if (output?.is === "load") return placeOf(residents.of("load", output.name)!);
    if (output?.is === "logits") return { is: "external", name: "logits" };
    return undefined;
  };
}
