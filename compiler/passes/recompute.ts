/**
 * recompute = none | cheap | layer, and mla = rebuild: which forward values of a layer the backward pass computes again
 * instead of keeping them for every layer.
 *
 * `none` keeps whatever is asked for. `cheap` computes norms, activations, rotations and copies again from what they were
 * computed from, where that needs no more memory. `layer` keeps only what the loop carries. `mla = rebuild` drops the
 * keys and values of attention: one product makes them again from the latent.
 */
import type { Builder, Graph, Loop, Op, Value } from "../ir.js";
import { size } from "../ir.js";
import { spec } from "../ops/index.js";
import { copyOps } from "./copy.js";
import { keep } from "./differentiate.js";
import { allOps, replaceUses } from "./rewrite.js";

export interface RecomputeChoices {
  recompute: "none" | "cheap" | "layer";
  mla: "materialize" | "rebuild";
}

export function recompute(builder: Builder, graph: Graph, choices: RecomputeChoices): Graph {
  for (const back of graph.body) {
    if (!back.loop?.reverse) continue;
    const forward = forwardOf(back, back.loop);
    if (forward) new LayerRecompute(builder, forward, back, choices).run();
  }
  return graph;
}

/** The forward loop whose kept values the backward loop reads. */
function forwardOf(back: Op, loop: Loop): Op | undefined {
  for (const operand of back.inputs.slice(loop.carried.length)) {
    const op = operand.def.is === "op" ? operand.def.op : undefined;
    if (op?.loop && !op.loop.reverse && op.loop.label === loop.label && op.loop.count === loop.count) return op;
  }
  return undefined;
}

class LayerRecompute {
  readonly #forward: Loop;
  readonly #back: Loop;
  /** Forward value of the body → the backward loop's slice that holds it. */
  readonly #kept = new Map<Value, Value>();

  constructor(
    readonly builder: Builder,
    readonly forwardOp: Op,
    readonly backOp: Op,
    readonly choices: RecomputeChoices,
  ) {
    this.#forward = forwardOp.loop!;
    this.#back = backOp.loop!;
    this.#back.slices.forEach((slice, i) => {
      const operand = backOp.inputs[this.#back.carried.length + i]!;
      if (operand.def.is === "op" && operand.def.op === forwardOp && operand.def.index >= this.#forward.carried.length)
        this.#kept.set(this.#forward.stacks[operand.def.index - this.#forward.carried.length]!, slice);
    });
  }

  run(): void {
    const rebuilt = this.#choices();
    const again = this.#forward.body.filter((op) => op.outputs.some((v) => rebuilt.has(v)));
    if (again.length === 0) return;
    const map = new Map<Value, Value>();
    for (const op of again) for (const v of op.inputs) if (!rebuilt.has(v)) this.#reach(v, map);
    const copies = copyOps(this.builder, again, map);
    const replaced = new Map<Value, Value>();
    for (const [v, slice] of this.#kept) if (rebuilt.has(v)) replaced.set(slice, map.get(v)!);
    replaceUses(this.#back.body, replaced);
    this.#back.yields = this.#back.yields.map((v) => replaced.get(v) ?? v);
    this.#back.stacks = this.#back.stacks.map((v) => replaced.get(v) ?? v);
    this.#back.body = insertBeforeUse(copies, this.#back.body);
  }

  /** Makes a forward value that is not computed again readable in the backward body. */
  #reach(v: Value, map: Map<Value, Value>): void {
    if (map.has(v)) return;
    const known = this.#kept.get(v);
    if (known) return void map.set(v, known);
    if (v.def.is === "slice" && v.def.op === this.forwardOp)
      return void map.set(v, this.#slice(this.forwardOp.inputs[this.#forward.carried.length + v.def.index]!, v));
    const inside = (v.def.is === "carried" && v.def.op === this.forwardOp) || this.#forward.body.some((op) => op.outputs.includes(v));
    if (!inside) return; // from outside both loops: read directly
    const slice = this.#slice(keep(this.builder, this.forwardOp, this.#forward, v), v);
    this.#kept.set(v, slice);
    map.set(v, slice);
  }

  #slice(operand: Value, like: Value): Value {
    const at = this.backOp.inputs.indexOf(operand, this.#back.carried.length);
    if (at >= 0) return this.#back.slices[at - this.#back.carried.length]!;
    const index = this.#back.slices.length;
    const slice: Value = {
      id: this.builder.fresh(),
      type: like.type,
      def: { is: "slice", op: this.backOp, index },
      ...(like.name ? { name: like.name } : {}),
    };
    this.#back.slices.push(slice);
    this.backOp.inputs.push(operand);
    return slice;
  }

  #choices(): Set<Value> {
    const { recompute, mla } = this.choices;
    const rebuilt = new Set<Value>();
    if (recompute === "layer") {
      const needed = new Set<Value>(this.#kept.keys());
      for (const op of [...this.#forward.body].reverse()) {
        if (op.loop || !op.outputs.some((v) => needed.has(v))) continue;
        for (const v of op.outputs) rebuilt.add(v);
        for (const v of op.inputs) needed.add(v);
      }
      return rebuilt;
    }
    const throughProduct = mla === "rebuild" ? this.#keysAndValues() : new Set<Op>();
    if (recompute === "none" && mla === "materialize") return rebuilt;
    const cheap = (op: Op): boolean => !op.loop && (throughProduct.has(op) || (recompute === "cheap" && isCheap(op)));
    // Outputs of cheap ops are computed again if what they need beyond the kept values is not more than what they free.
    const need = (op: Op, seen: Set<Op>): Set<Value> => {
      seen.add(op);
      const missing = new Set<Value>();
      for (const v of op.inputs) {
        if (!this.#isOfBody(v) || v.def.is === "slice") continue;
        const from = v.def.is === "op" ? v.def.op : undefined;
        if (from && cheap(from) && !(this.#kept.has(v) && !rebuilt.has(v) && !isCheap(from)) && !seen.has(from))
          for (const m of need(from, seen)) missing.add(m);
        else if (!this.#kept.has(v) || rebuilt.has(v)) missing.add(v);
      }
      return missing;
    };
    for (const op of this.#forward.body) {
      if (!cheap(op) || !op.outputs.some((v) => this.#kept.has(v))) continue;
      const seen = new Set<Op>();
      const missing = [...need(op, seen)].filter((v) => !rebuilt.has(v));
      const extra = missing.reduce((n, v) => n + size(v.type), 0);
      const freed = op.outputs.filter((v) => this.#kept.has(v)).reduce((n, v) => n + size(v.type), 0);
      if (extra > freed || (extra === freed && !throughProduct.has(op))) continue;
      for (const from of seen) for (const v of from.outputs) rebuilt.add(v);
    }
    return rebuilt;
  }

  /** The ops between attention's keys and values and the latent they are made from: norms, rotations, copies and one product. */
  #keysAndValues(): Set<Op> {
    const found = new Set<Op>();
    const walk = (v: Value, products: number): void => {
      if (v.def.is !== "op" || !this.#forward.body.includes(v.def.op)) return;
      const { op } = v.def;
      if (op.kind === "linear" ? products === 0 : !isCheap(op)) return;
      found.add(op);
      for (const input of op.inputs) walk(input, op.kind === "linear" ? 0 : products);
    };
    for (const op of this.#forward.body) if (op.kind === "attention") for (const v of op.inputs.slice(1)) walk(v, 1);
    return found;
  }

  #isOfBody(v: Value): boolean {
    return (
      (v.def.is !== "op" && v.def.is !== "input" && v.def.op === this.forwardOp) ||
      (v.def.is === "op" && this.#forward.body.includes(v.def.op))
    );
  }
}

/** Worth computing twice: no product, no attention, no routing. */
export function isCheap(op: Op): boolean {
  const { form } = op.loop ? { form: undefined } : spec(op.kind);
  return form !== undefined && ["pointwise", "rowwise", "view", "gather"].includes(form.is);
}

/** Puts each op as late as possible: just before the first op that uses one of its outputs. */
function insertBeforeUse(ops: readonly Op[], body: readonly Op[]): Op[] {
  const result = [...body];
  for (const op of [...ops].reverse()) {
    const at = result.findIndex((user) => [...allOps([user])].some((o) => o.inputs.some((v) => op.outputs.includes(v))));
    result.splice(at < 0 ? result.length : at, 0, op);
  }
  return result;
}
