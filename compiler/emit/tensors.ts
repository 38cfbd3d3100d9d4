/** The tensors that outlive a step: parameters, gradients, optimizer state, expert loads. Their places in the arena. */
import { type Dim, type Graph, type Parameter, size, type Value } from "../ir.js";
import type { ManifestTensor, MemoryPlan } from "../manifest.js";
import { align, type Buffer, type Place } from "../passes/memory.js";
import type { GroupSettings, TrainingPlan } from "../plan.js";

/** What a tensor is to callers; the low halves of weights that are kept as bf16 and a remainder; what is kept of earlier tokens. */
export type Role = ManifestTensor["role"] | "remainder" | "cache";

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
  kinds: Pick<MemoryPlan["kinds"], "weights" | "gradients" | "optimizer" | "io" | "cache">;
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

type Unplaced = Omit<Resident, "buffer">;

/** Hands out the places of tensors that outlive a step, one behind the other. */
class Placing {
  readonly #all: Resident[] = [];
  readonly #exchange = new Map<string, Buffer>();
  readonly #kinds: Residents["kinds"] = { weights: 0, gradients: 0, optimizer: 0, io: 0 };
  /** Where the next tensor begins, and the next of the optimizer's, among themselves. */
  #offset = 0;
  #last = 0;

  constructor(readonly storage: Storage) {}

  add(kind: keyof Residents["kinds"], resident: Unplaced, bytesEach: number): void {
    const buffer = this.#buffer(resident.path, kind, size({ dims: resident.dims, dtype: "f32" }) * bytesEach, this.#offset);
    this.#all.push({ ...resident, buffer });
    this.#offset += buffer.bytes;
  }

  /** The optimizer's state, whose place begins where `placeOptimizer` says. */
  addLast(resident: Unplaced, bytesEach: number): void {
    const buffer = this.#buffer(resident.path, "optimizer", size({ dims: resident.dims, dtype: "f32" }) * bytesEach, this.#last);
    this.#all.push({ ...resident, buffer });
    this.#last += buffer.bytes;
  }

  /** Where hosts and kernels hand things to each other. */
  addExchange(): void {
    for (const [name, bytes] of Object.entries(this.storage.exchange)) {
      const buffer = this.#buffer(name, "io", bytes, this.#offset);
      this.#exchange.set(name, buffer);
      this.#offset += buffer.bytes;
    }
  }

  residents(): Residents {
    const all = this.#all;
    const of = (role: Role, path: string): Resident | undefined => all.find((r) => r.role === role && r.path === path);
    const placeOptimizer = (base: number): void => {
      for (const { buffer } of all) if (buffer.kind === "optimizer") buffer.offset += base;
    };
    return { all, exchange: this.#exchange, of, bytes: this.#offset, placeOptimizer, kinds: this.#kinds };
  }

  #buffer(name: string, kind: keyof Residents["kinds"], count: number, offset: number): Buffer {
    const bytes = align(count, this.storage.alignment);
    this.#kinds[kind] = (this.#kinds[kind] ?? 0) + bytes;
    return { name, kind, bytes, offset, from: 0, to: Number.POSITIVE_INFINITY, region: undefined };
  }
}

const tensorOf = (p: Parameter, role: Role, prefix: string): Unplaced => ({
  path: `${prefix}${p.path}`,
  role,
  parameter: p,
  dims: p.type.dims,
  stacked: p.stacked,
});

const weightRole = (p: Parameter): Role => (p.kind === "state" ? "state" : "parameter");

export function placeResidents(parameters: readonly Parameter[], plan: TrainingPlan, forward: Graph, storage: Storage): Residents {
  const { realBytes, isSplit } = storage;
  const placing = new Placing(storage);
  const trained = parameters.filter((p) => p.kind !== "state");
  const settings = (p: Parameter): GroupSettings => plan.optimizer[p.path]!;

  for (const p of parameters) placing.add("weights", tensorOf(p, weightRole(p), ""), isSplit(p) ? 2 : realBytes);
  for (const p of parameters.filter(isSplit)) placing.add("weights", tensorOf(p, "remainder", ""), 2);
  for (const p of trained) placing.add("gradients", tensorOf(p, "gradient", "grad."), realBytes);
  for (const output of forward.outputs.filter((o) => o.is === "load"))
    placing.add("io", { path: output.name, role: "load", dims: output.value.type.dims, stacked: output.value.type.dims.length - 1 }, 4);
  // What the expert-bias rule sums up over the micro-steps of an accumulation.
  for (const { path } of plan.expertBias) {
    const bias = parameters.find((p) => p.path === path)!;
    placing.add("io", { path: `loadSum.${path}`, role: "load", dims: bias.type.dims, stacked: bias.stacked }, 4);
  }
  placing.addExchange();
  // In the order in which runtime/native/shares.h gives a rank's own parts their places.
  for (const p of trained) {
    if (settings(p).is === "muon") placing.addLast(tensorOf(p, "momentum", "momentum."), realBytes);
    else {
      placing.addLast(tensorOf(p, "moment1", "adamw.m."), realBytes);
      placing.addLast(tensorOf(p, "moment2", "adamw.v."), realBytes);
    }
  }
  return placing.residents();
}

/** For a build that generates: weights as kernels read them, and the caches. `bytesOf` is what an element of a cache takes. */
export function placeForGenerating(
  parameters: readonly Parameter[],
  caches: readonly { name: string; input: Value; stacked: number }[],
  storage: Storage,
  bytesOf: (v: Value) => number,
): Residents {
  const placing = new Placing(storage);
  for (const p of parameters) placing.add("weights", tensorOf(p, weightRole(p), ""), storage.isSplit(p) ? 2 : storage.realBytes);
  for (const { name, input, stacked } of caches)
    placing.add("cache", { path: name, role: "cache", dims: input.type.dims, stacked }, bytesOf(input));
  placing.addExchange();
  return placing.residents();
}

export const placeOf = (resident: Resident): Place => ({ is: "buffer", buffer: resident.buffer, offset: 0, strides: [] });

/** The manifest's view: one tensor a layer, the layer's number in the place where the stack stands in the path. */
export function layerTensors(resident: Resident, dtype: "F32" | "F64", remainder?: Resident, half = false): ManifestTensor[] {
  const { role } = resident;
  if (role === "remainder" || role === "cache") return [];
  const stackDims = resident.dims.slice(0, resident.role === "load" ? 0 : resident.stacked);
  const shape = resident.dims.slice(stackDims.length).map((d) => d.size);
  const each = resident.role === "load" ? 4 : dtype === "F64" ? 8 : 4;
  const bytes = shape.reduce((n, s) => n * s, 1) * each;
  const stride = remainder || half ? bytes / 2 : bytes;
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
    ...(half ? { half } : {}),
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
export function fixedPlaces(residents: Residents): (v: Value, graph: Graph) => Place | undefined {
  return (v, graph) => {
    if (v.def.is === "input") {
      const { parameter, name } = v.def;
      if (!parameter) {
        const cache = residents.of("cache", name);
        return cache ? placeOf(cache) : { is: "external", name };
      }
      return placeOf(residents.of(parameter.kind === "state" ? "state" : "parameter", parameter.path)!);
    }
    const output = graph.outputs.find((o) => o.value === v);
    if (output?.is === "gradient") return placeOf(residents.of("gradient", `grad.${output.parameter.path}`)!);
    if (output?.is === "cache") return placeOf(residents.of("cache", output.name)!);
    if (output?.is === "load") return placeOf(residents.of("load", output.name)!);
    if (output?.is === "logits") return { is: "external", name: "logits" };
    return undefined;
  };
}
