/**
 * From the forward graph, whose tokens are all there at once, to the programs that go through a text token by token.
 *
 * `prefill` is the forward graph over windows of its own size, which also keeps what later tokens will read of these. `decode` is the
 * forward graph without T: a row is one token of some request, at a position of its own. Where a result depends on other positions
 * than its own (`mixes`), the op has to be attention over earlier ones, which becomes attention over what was kept; all else is
 * computed for a token as it is for a sequence. Nothing here knows blocks: it goes by what each op reads along T.
 */
import { fail } from "../diagnostics.js";
import type { Builder, Dim, Graph, Loop, Op, Type, Value } from "../ir.js";
import { last, names } from "../ir.js";
import { cacheDims } from "../ops/cacheWrite.js";
import { readDim, writeDim } from "../ops/dims.js";
import { spec } from "../ops/index.js";
import { ShapeProblem } from "../ops/op.js";
import { addStack, Caches, type OpenLoop } from "./caches.js";
import { type EmitOp, type Keeping, keepingOf } from "./keeping.js";

export interface IncrementalSizes {
  /** Sequences of a window, or rows. */
  batch: number;
  /** Tokens of a window; none: rows are single tokens. */
  window?: number;
  slots: number;
  context: number;
  mla: "auto" | "absorb" | "materialize";
}

export interface Incremental {
  graph: Graph;
  caches: Caches;
  attentions: readonly AttentionFacts[];
}

/** How an attention goes on. */
export interface AttentionFacts {
  way: Keeping["way"];
  /** Of how many layers it is. */
  layers: number;
  /** Numbers that keys and values of a token have, if each head has its own. */
  plain: number;
}

/** Errors: shape/mixes, shape/length, use/fuse where `absorb` is asked for and nothing can be. */
export function incremental(builder: Builder, graph: Graph, name: string, sizes: IncrementalSizes): Incremental {
  return new Rewriter(builder, graph, sizes).run(name);
}

class Rewriter {
  readonly #map = new Map<Value, Value>();
  /** In how many loops of the forward graph a value is made. */
  readonly #depth = new Map<Value, number>();
  readonly #bodies: Op[][] = [[]];
  readonly #open: OpenLoop[] = [];
  readonly #caches: Caches;
  /** Kept values of an attention, by its keys and values: whoever reads the same ones reads the same cache. */
  readonly #kept = new Map<string, Value[]>();
  readonly #attentions: AttentionFacts[] = [];
  readonly #batch: Dim;
  readonly #time: Dim;
  readonly #inputs: Value[] = [];
  #slot!: Value;
  #position!: Value;

  constructor(
    readonly builder: Builder,
    readonly graph: Graph,
    readonly sizes: IncrementalSizes,
  ) {
    const tokens = graph.inputs.find((v) => v.def.is === "input" && v.def.name === "tokens")!;
    [this.#batch, this.#time] = tokens.type.dims as [Dim, Dim];
    this.#caches = new Caches(builder, cacheDims(sizes.slots, sizes.context));
  }

  run(name: string): Incremental {
    const rows: Type = { dims: [{ ...this.#batch, size: this.sizes.batch }], dtype: "i32" };
    for (const v of this.graph.inputs) this.#input(v);
    this.#slot = this.builder.input("slot", rows);
    this.#position = this.builder.input("position", rows);
    this.#body(this.graph.body);
    if (this.sizes.mla === "absorb" && !this.#attentions.some(({ way }) => way === "absorb"))
      fail("use/fuse", "mla=absorb: there are no keys and values here that are products of one latent", {
        help: "it takes the standard block mla, or one like it; leave --mla out for what fits the model",
      });
    const outputs = this.graph.outputs.map((o) => ({ ...o, value: this.#to(o.value) }));
    return {
      graph: {
        name,
        inputs: [...this.#inputs, this.#slot, this.#position, ...this.#caches.all.map((c) => c.input)],
        body: this.#bodies[0]!,
        outputs: [...outputs, ...this.#caches.all.map((c) => ({ is: "cache" as const, name: c.name, value: c.after! }))],
      },
      caches: this.#caches,
      attentions: this.#attentions,
    };
  }

  #input(v: Value): void {
    const parameter = v.def.is === "input" ? v.def.parameter : undefined;
    const counted = parameter?.type.dims.find((d) => d.name === this.#time.name || d.name === this.#batch.name);
    if (parameter && counted)
      fail(
        "shape/length",
        `${parameter.path} is [${names(parameter.type)}]: it has numbers for each ${counted.name}, so it holds for that length only`,
        {
          spans: parameter.origin.slice(0, 1),
          help: "text of any length takes parameters without it, such as positions by rope",
        },
      );
    const copy: Value = { ...v, id: this.builder.fresh(), type: parameter ? v.type : this.#type(v.type) };
    this.#map.set(v, copy);
    this.#depth.set(v, 0);
    if (parameter || (v.def.is === "input" && v.def.name === "tokens")) this.#inputs.push(copy);
  }

  #to = (v: Value): Value => this.#map.get(v)!;

  #type = (type: Type): Type => ({ ...type, dims: type.dims.flatMap((d) => this.#dim(d)) });

  #dim(d: Dim): Dim[] {
    if (d.name === this.#batch.name) return [{ ...d, size: this.sizes.batch }];
    if (d.name !== this.#time.name) return [d];
    return this.sizes.window === undefined ? [] : [{ ...d, size: this.sizes.window }];
  }

  #body(body: readonly Op[]): void {
    for (const op of body) {
      if (op.loop) this.#loop(op, op.loop);
      else if (op.kind === "nextLogits") this.#logits(op);
      else if (mixedDims(op).includes(this.#batch.name)) this.#refuse(op, "it computes a sequence's result from those of other sequences");
      else if (mixedDims(op).includes(this.#time.name)) this.#mixing(op);
      else this.#enter(op, this.#add(this.#bodies.length - 1, op.kind, op.inputs.map(this.#to), op.attrs, op));
    }
  }

  /** An op's results stand for those of the forward graph's. */
  #enter(op: Op, results: readonly Value[]): void {
    op.outputs.forEach((v, i) => {
      const result = results[i];
      if (!result) return;
      if (v.name) result.name ??= v.name;
      this.#map.set(v, result);
      this.#depth.set(v, this.#open.length);
    });
  }

  /** Adds an op of the forward graph, its dimensions and positions being those of this program. */
  #add(depth: number, kind: string, inputs: readonly Value[], attrs: Op["attrs"], like: Op): readonly Value[] {
    const operands = [...inputs];
    let own: Op["attrs"] = Object.fromEntries(
      Object.entries(attrs).map(([key, value]) => [key, key === "into" ? this.#into(value) : value]),
    );
    if (kind === "rope" && attrs.along === this.#time.name && this.sizes.window === undefined) {
      own = { ...own, along: this.#batch.name, positions: this.sizes.context };
      operands.push(this.#position);
    }
    let types: readonly Type[];
    try {
      types = spec(kind).infer(
        operands.map((v) => v.type),
        own,
      );
    } catch (problem) {
      if (!(problem instanceof ShapeProblem)) throw problem;
      return this.#refuse(like, `token by token it would be: ${problem.message}`);
    }
    const op: Op = { id: this.builder.fresh(), kind, inputs: operands, attrs: own, outputs: [], origins: like.origins };
    op.outputs = types.map((type, index) => ({ id: this.builder.fresh(), type, def: { is: "op", op, index } }));
    this.#bodies[depth]!.push(op);
    return op.outputs;
  }

  #into = (value: Op["attrs"][string]): Op["attrs"][string] =>
    (value as readonly string[]).flatMap((text) => this.#dim(readDim(text)).map(writeDim));

  /** Of each row, or of each sequence's last token. */
  #logits(op: Op): void {
    const [x, w] = op.inputs.map(this.#to) as [Value, Value];
    this.#enter(op, this.#add(this.#bodies.length - 1, op.kind, this.sizes.window === undefined ? [x, w] : [x, w, this.#position], {}, op));
  }

  #mixing(op: Op): void {
    if (op.kind !== "attention") this.#refuse(op, "it computes a token's result from those of other tokens, and is no attention");
    if (op.attrs.causal !== true) this.#refuse(op, "its tokens see later ones, which are not there yet");
    const keeping = keepingOf(op, this.sizes.mla);
    const [q, , v] = op.inputs as [Value, Value, Value];
    const [H, A] = q.type.dims.slice(-2) as [Dim, Dim];
    const layers = this.#open.reduce((n, { loop }) => n * loop.count, 1);
    this.#attentions.push({ way: keeping.way, layers, plain: H.size * (A.size + last(v.type).size) });
    const after = this.#keep(op, keeping);
    const depth = this.#bodies.length - 1;
    const rows = { slot: this.#slot, position: this.#position };
    const results =
      this.sizes.window === undefined
        ? [keeping.attend(this.#to, this.#emitter(depth, op), after, rows)]
        : this.#add(depth, op.kind, op.inputs.map(this.#to), op.attrs, op);
    this.#enter(op, results);
  }

  /** Keeps what an attention needs, where its keys and values are made: a loop that only reads them keeps nothing of its own. */
  #keep(op: Op, keeping: Keeping): readonly Value[] {
    const key = `${op.inputs[1]!.id} ${op.inputs[2]!.id}`;
    const known = this.#kept.get(key);
    if (known) return known;
    const depth = Math.max(...keeping.reads.map((v) => this.#depth.get(v)!));
    const kept = keeping.keep(this.#to, this.#emitter(depth, op));
    const loops = this.#open.slice(0, depth);
    const window = this.sizes.window !== undefined;
    const before = kept.map(({ value, what }) => this.#caches.open(op, what, value.type.dims.slice(window ? 2 : 1), loops));
    const after = this.#add(
      depth,
      "cacheWrite",
      [...kept.map((k) => k.value), ...before.map((c) => c.inner), this.#slot, this.#position],
      { window },
      op,
    );
    before.forEach((cache, i) => void this.#caches.close(cache, after[i]!, loops));
    this.#kept.set(key, [...after]);
    return after;
  }

  #emitter(depth: number, like: Op): EmitOp {
    return (kind, inputs, attrs = {}) => this.#add(depth, kind, inputs, attrs, like)[0]!;
  }

  #loop(old: Op, from: Loop): void {
    const loop: Loop = { ...from, carried: [], slices: [], body: [], yields: [], stacks: [] };
    const op: Op = { ...old, id: this.builder.fresh(), inputs: old.inputs.map(this.#to), outputs: [], loop };
    const inner = this.#open.length + 1;
    const fresh = (v: Value, type: Type, def: Value["def"]): Value => {
      const value: Value = { ...v, id: this.builder.fresh(), type, def };
      this.#map.set(v, value);
      this.#depth.set(v, inner);
      return value;
    };
    loop.carried = from.carried.map((v, index) => fresh(v, op.inputs[index]!.type, { is: "carried", op, index }));
    loop.slices = from.slices.map((v, index) => {
      const { type } = op.inputs[from.carried.length + index]!;
      return fresh(v, { ...type, dims: type.dims.slice(1) }, { is: "slice", op, index });
    });
    op.outputs = from.carried.map((v, index) => ({ id: this.builder.fresh(), type: this.#to(v).type, def: { is: "op", op, index } }));

    this.#open.push({ op, loop });
    this.#bodies.push([]);
    this.#body(from.body);
    loop.body = this.#bodies.pop()!;
    this.#open.pop();

    loop.yields = from.yields.map(this.#to);
    const results = [
      ...op.outputs.slice(0, from.carried.length),
      ...from.stacks.map((v) => addStack({ op, loop }, this.#to(v), this.builder)),
    ];
    this.#enter(old, results);
    this.#bodies.at(-1)!.push(op);
  }

  #refuse(op: Op, why: string): never {
    return fail("shape/mixes", `${op.kind} cannot go on token by token along ${this.#time.name}: ${why}`, {
      spans: (op.origins[0] ?? []).slice(0, 1),
      help: `attention(q, k, v, { along: "${this.#time.name}", causal: true }) is what tokens may see each other by; the model can be trained as it is`,
    });
  }
}

/** The dimensions along which a result at one place depends on operands at others. */
function mixedDims(op: Op): readonly string[] {
  const { form, mixes } = spec(op.kind);
  if (mixes) return mixes(op);
  if (form.is === "rowwise")
    return op.inputs
      .slice(0, 1)
      .flatMap((v) => v.type.dims.slice(-1))
      .map((d) => d.name);
  if (form.is !== "contraction") return [];
  const kept = new Set(op.outputs[0]!.type.dims.map((d) => d.name));
  return op.inputs[0]!.type.dims.map((d) => d.name).filter((name) => !kept.has(name));
}
