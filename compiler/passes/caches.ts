/** The caches of a program: inputs that outlive it, sliced by the loops around whoever writes them, and handed back as outputs. */
import type { Builder, Dim, Loop, Op, Value } from "../ir.js";
import type { Kept } from "./keeping.js";
import { maker, parameterPath } from "./rewrite.js";

/** A loop whose body is being made. */
export interface OpenLoop {
  op: Op;
  loop: Loop;
}

export interface Cache {
  /** "cache.layers.attn.latent" */
  name: string;
  what: Kept["what"];
  /** The loops' dimensions, then [slots context …]. */
  input: Value;
  /** How many of its dimensions count layers. */
  stacked: number;
  /** What it is within the loops. */
  inner: Value;
  /** The whole after this program. */
  after?: Value;
  origins: Op["origins"];
}

export class Caches {
  readonly all: Cache[] = [];

  constructor(
    readonly builder: Builder,
    /** [slots context] */
    readonly lead: readonly Dim[],
  ) {}

  /** A new cache of values with these dimensions, for each round of the loops. */
  open(attention: Op, what: Kept["what"], dims: readonly Dim[], loops: readonly OpenLoop[]): Cache {
    const layers = loops.map(({ loop }): Dim => ({ name: loop.label, size: loop.count }));
    const name = this.#name(attention, what);
    const input = this.builder.input(name, { dims: [...layers, ...this.lead, ...dims], dtype: "f32" });
    let inner = input;
    for (const { op, loop } of loops) {
      const type = { ...inner.type, dims: inner.type.dims.slice(1) };
      const slice: Value = { id: this.builder.fresh(), type, name, def: { is: "slice", op, index: loop.slices.length } };
      op.inputs.push(inner);
      loop.slices.push(slice);
      inner = slice;
    }
    const cache: Cache = { name, what, input, stacked: layers.length, inner, origins: attention.origins };
    this.all.push(cache);
    return cache;
  }

  /** `after` is what became of a round's part: the loops hand it out. */
  close(cache: Cache, after: Value, loops: readonly OpenLoop[]): void {
    after.name = cache.name;
    cache.after = [...loops].reverse().reduce((v, loop) => addStack(loop, v, this.builder), after);
  }

  /** After the block whose weights the keys are made with; numbered where a block has several. */
  #name(attention: Op, what: string): string {
    const path = weightOf(attention.inputs[1]!);
    const base = ["cache", ...(path?.split(".").slice(0, -1) ?? []), what].join(".");
    const taken = (name: string): boolean => this.all.some((cache) => cache.name === name);
    let name = base;
    for (let n = 2; taken(name); n++) name = `${base}${n}`;
    return name;
  }
}

/** The path of the parameter that is nearest on the way back from a value. */
function weightOf(v: Value): string | undefined {
  const seen = new Set<Value>([v]);
  for (const at of seen) {
    const path = parameterPath(at);
    if (path !== undefined) return path;
    for (const input of maker(at)?.inputs ?? []) seen.add(input);
  }
  return undefined;
}

/** Keeps a value of each round: gives what all of them are together. */
export function addStack({ op, loop }: OpenLoop, v: Value, builder: Builder): Value {
  loop.stacks.push(v);
  const type = { ...v.type, dims: [{ name: loop.label, size: loop.count }, ...v.type.dims] };
  const result: Value = { id: builder.fresh(), type, def: { is: "op", op, index: op.outputs.length } };
  op.outputs.push(result);
  return result;
}
