/**
 * recompute = none | cheap | products | layer, and mla other than materialize: which forward values of a layer the backward pass computes again
 * instead of keeping them for every layer.
 *
 * `none` keeps whatever is asked for. `cheap` computes norms, activations, rotations and copies again from what they were
 * computed from, where that needs no more memory. `products` computes all but attention again, whose time grows with the
 * square of the length. `layer` keeps only what the loop carries. The other choices of `mla` drop the keys and values of attention: one
 * product makes them again from the latent.
 */
import type { Builder, Graph, Loop, Op, Value } from "../ir.js";
import { copyOps } from "./copy.js";
import { keep } from "./differentiate.js";
import { operands } from "./groups.js";
import { chooseRebuilt, type RebuildChoices } from "./rebuild.js";
import { replaceUses } from "./rewrite.js";

export interface RecomputeChoices extends RebuildChoices {
  /** Also what stands outside of loops. */
  outside: boolean;
}

export function recompute(builder: Builder, graph: Graph, choices: RecomputeChoices): Graph {
  if (choices.outside) recomputeOutside(builder, graph, choices);
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
    const { body } = this.#forward;
    const rebuilt = chooseRebuilt({ body, kept: new Set(this.#kept.keys()), made: (v) => this.#isOfBody(v) }, this.choices);
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

  #isOfBody(v: Value): boolean {
    return (
      (v.def.is !== "op" && v.def.is !== "input" && v.def.op === this.forwardOp) ||
      (v.def.is === "op" && this.#forward.body.includes(v.def.op))
    );
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
}

/** The same for what stands outside of loops: the first layers, say. `products` and `layer` are `cheap` there. */
function recomputeOutside(builder: Builder, graph: Graph, choices: RecomputeChoices): void {
  const border = graph.body.findIndex((op) => op.loop?.reverse || /^linearCrossEntropy(Train|Grad)$/.test(op.kind));
  if (border < 0) return;
  const forward = graph.body.slice(0, border);
  const backward = graph.body.slice(border);
  const early = new Set(forward.flatMap((op) => op.outputs));
  const kept = new Set(backward.flatMap(operands).filter((v) => early.has(v)));
  const how = choices.recompute === "none" ? "none" : "cheap";
  const rebuilt = chooseRebuilt({ body: forward, kept, made: (v) => early.has(v) }, { ...choices, recompute: how });
  const again = forward.filter((op) => op.outputs.some((v) => rebuilt.has(v)));
  if (again.length === 0) return;
  const map = new Map<Value, Value>();
  const copies = copyOps(builder, again, map);
  // Told apart from what they are copies of: `simplify` would make them one again.
  for (const op of copies) op.attrs = { ...op.attrs, again: true };
  replaceUses(backward, new Map([...kept].flatMap((v) => (rebuilt.has(v) ? [[v, map.get(v)!] as const] : []))));
  graph.body = [...forward, ...insertBeforeUse(copies, backward)];
}

/** Puts each op as late as possible: just before the first op that uses one of its outputs. */
function insertBeforeUse(ops: readonly Op[], body: readonly Op[]): Op[] {
  const result = [...body];
  for (const op of [...ops].reverse()) {
    const at = result.findIndex((user) => operands(user).some((v) => op.outputs.includes(v)));
    result.splice(at < 0 ? result.length : at, 0, op);
  }
  return result;
}
