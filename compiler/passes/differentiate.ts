/**
 * Reverse-mode differentiation: adds to a forward program the ops that give the gradient of every parameter.
 *
 * A loop over layers becomes a second loop that walks them backwards. It carries the gradients of what the first one
 * carried, and its results are the gradients of what the first one took a slice of. What it needs of the forward
 * values is kept for every layer (the forward loop's `stacks`); the recompute pass decides later what not to keep.
 */
import type { Attribute, Builder, Graph, Loop, Op, Type, Value } from "../ir.js";
import { spec } from "../ops/index.js";
import type { Attrs } from "../ops/op.js";
import { allOps } from "./rewrite.js";

/** The scalar that every term of the objective is multiplied by: 1 / number of accumulated micro-steps. */
export const LOSS_SCALE = "lossScale";

export function differentiate(builder: Builder, graph: Graph): Graph {
  const scale = builder.input(LOSS_SCALE, { dims: [], dtype: "f32" });
  const gradients = new Gradients(builder);
  const { ops } = builder.within(() => {
    for (const output of graph.outputs) if (output.is === "loss" || output.is === "balance") gradients.add(output.value, scale, []);
    backward(gradients, graph.body);
  });
  const outputs = [...graph.outputs];
  for (const input of graph.inputs) {
    if (input.def.is !== "input" || !input.def.parameter || input.def.parameter.kind === "state") continue;
    const parameter = input.def.parameter;
    const { ops: zeros, result: value } = builder.within(() => gradients.of(input) ?? gradients.zeros(input.type, []));
    ops.push(...zeros);
    outputs.push({ is: "gradient", name: parameter.path, parameter, value });
  }
  return { name: graph.name, inputs: [...graph.inputs, scale], body: [...graph.body, ...ops], outputs };
}

/** The gradients known so far in one region. */
class Gradients {
  readonly #of = new Map<Value, Value>();

  constructor(readonly builder: Builder) {}

  of(v: Value): Value | undefined {
    return this.#of.get(v);
  }

  /** The values that have a gradient, in the order in which they got it. */
  keys(): Iterable<Value> {
    return this.#of.keys();
  }

  add(v: Value, gradient: Value, origins: Op["origins"]): void {
    if (v.name && gradient.def.is === "op") gradient.name ??= `d_${v.name.slice(v.name.lastIndexOf(".") + 1)}`;
    const known = this.#of.get(v);
    this.#of.set(v, known ? emit(this.builder, "add", [known, gradient], {}, origins)[0]! : gradient);
  }

  zeros(type: Type, origins: Op["origins"]): Value {
    return emit(
      this.builder,
      "fill",
      [],
      { value: 0, into: type.dims.map((d) => `${d.name}:${d.size}${d.ragged ? ":ragged" : ""}`) },
      origins,
    )[0]!;
  }
}

function emit(
  builder: Builder,
  kind: string,
  inputs: Value[],
  attrs: Readonly<Record<string, Attribute>>,
  origins: Op["origins"],
): Value[] {
  const types = spec(kind).infer(
    inputs.map((v) => v.type),
    attrs,
  );
  return builder.op(kind, inputs, attrs, types, origins).outputs;
}

/** Walks a body from its end, adding gradient ops to the builder's current body. */
function backward(gradients: Gradients, body: readonly Op[]): void {
  for (const op of [...body].reverse()) {
    if (!op.outputs.some((v) => gradients.of(v))) continue;
    if (op.loop) {
      backwardLoop(gradients, op, op.loop);
      continue;
    }
    const rule = spec(op.kind).gradient;
    if (!rule) throw new Error(`${op.kind} has no gradient, but one flows into it`);
    const results = rule({
      op,
      d: (i) => gradients.of(op.outputs[i]!),
      emit: (kind, inputs, attrs: Attrs = {}) => emit(gradients.builder, kind, inputs, attrs, op.origins)[0]!,
      emitAll: (kind, inputs, attrs: Attrs = {}) => emit(gradients.builder, kind, inputs, attrs, op.origins),
    });
    results.forEach((d, i) => {
      const input = op.inputs[i]!;
      if (d && !isConstant(input)) gradients.add(input, d, op.origins);
    });
  }
}

/** No gradient is wanted of the tokens, of integers, or of state that only the update moves. */
function isConstant(v: Value): boolean {
  return v.type.dtype === "i32" || (v.def.is === "input" && (v.def.parameter === undefined || v.def.parameter.kind === "state"));
}

function backwardLoop(outer: Gradients, op: Op, loop: Loop): void {
  const { builder } = outer;
  const carriedCount = loop.carried.length;
  const origins = op.origins;
  const inner = new Gradients(builder);
  const back: Op = { id: builder.fresh(), kind: "repeat", inputs: [], attrs: op.attrs, outputs: [], origins };
  const backLoop: Loop = { count: loop.count, label: loop.label, reverse: true, carried: [], slices: [], body: [], yields: [], stacks: [] };
  back.loop = backLoop;
  const initial: Value[] = [];
  const stacked: Value[] = [];

  const carry = (init: Value, gradientOf: Value): Value => {
    const v: Value = { id: builder.fresh(), type: init.type, def: { is: "carried", op: back, index: backLoop.carried.length } };
    if (gradientOf.name) v.name = `d_${gradientOf.name}`;
    backLoop.carried.push(v);
    initial.push(init);
    return v;
  };
  const slice = (of: Value, name?: string): Value => {
    const type = { ...of.type, dims: of.type.dims.slice(1) };
    const v: Value = {
      id: builder.fresh(),
      type,
      def: { is: "slice", op: back, index: backLoop.slices.length },
      ...(name ? { name } : {}),
    };
    backLoop.slices.push(v);
    stacked.push(of);
    return v;
  };

  // Which carried values carry a gradient: all real ones. Those that nothing flows into stay zero and are simplified away.
  const real = loop.carried.map((v, i) => ({ v, i })).filter(({ v }) => v.type.dtype !== "i32");
  const dCarried = real.map(({ v, i }) => {
    const final = op.outputs[i]!;
    return carry(outer.of(final) ?? outer.zeros(v.type, origins), v);
  });
  const dStacks = loop.stacks.map((_, j) => {
    const d = outer.of(op.outputs[carriedCount + j]!);
    return d ? slice(d) : undefined;
  });

  const inside = definedIn(loop);
  let captured: Value[] = [];
  const { ops } = builder.within(() => {
    for (const [n, { i }] of real.entries()) inner.add(loop.yields[i]!, dCarried[n]!, origins);
    loop.stacks.forEach((v, j) => {
      const d = dStacks[j];
      if (d) inner.add(v, d, origins);
    });
    backward(inner, loop.body);
    captured = [...inner.keys()].filter((v) => !inside.has(v));
    const sums = captured.map((v) => {
      const sum = carry({ ...v }, v); // the start value is put in below, outside the body
      return { v, sum };
    });
    backLoop.yields = [
      ...real.map(({ v }) => inner.of(v) ?? inner.zeros(v.type, origins)),
      ...sums.map(({ v, sum }) => emit(builder, "add", [sum, inner.of(v)!], {}, origins)[0]!),
    ];
    loop.slices.forEach((v) => {
      if (isDifferentiable(v, op)) backLoop.stacks.push(inner.of(v) ?? inner.zeros(v.type, origins));
    });
  });
  captured.forEach((v, n) => {
    initial[real.length + n] = outer.zeros(v.type, origins);
  });
  backLoop.body = ops;
  keepForward(builder, op, loop, backLoop, slice);

  back.inputs = [...initial, ...stacked];
  const layer = { name: loop.label, size: loop.count };
  const types = [...backLoop.yields.map((v) => v.type), ...backLoop.stacks.map((v) => ({ ...v.type, dims: [layer, ...v.type.dims] }))];
  back.outputs = types.map((type, index) => ({ id: builder.fresh(), type, def: { is: "op", op: back, index } }));
  builder.body.push(back);

  for (const [n, { i }] of real.entries()) outer.add(op.inputs[i]!, back.outputs[n]!, origins);
  for (const [n, v] of captured.entries()) outer.add(v, back.outputs[real.length + n]!, origins);
  let at = backLoop.yields.length;
  loop.slices.forEach((v, j) => {
    if (isDifferentiable(v, op)) outer.add(op.inputs[carriedCount + j]!, back.outputs[at++]!, origins);
  });
}

function isDifferentiable(slice: Value, op: Op): boolean {
  const operand = op.inputs[op.loop!.carried.length + (slice.def.is === "slice" ? slice.def.index : 0)]!;
  return slice.type.dtype !== "i32" && !isConstant(operand);
}

function definedIn(loop: Loop): Set<Value> {
  const inside = new Set<Value>([...loop.carried, ...loop.slices]);
  for (const op of allOps(loop.body)) {
    for (const v of op.outputs) inside.add(v);
    for (const v of [...(op.loop?.carried ?? []), ...(op.loop?.slices ?? [])]) inside.add(v);
  }
  return inside;
}

/** Gives the backward body its own access to every forward value it uses: the same operand's slice, or a kept copy. */
function keepForward(builder: Builder, op: Op, loop: Loop, back: Loop, slice: (of: Value, name?: string) => Value): void {
  const replaced = new Map<Value, Value>();
  const access = (v: Value): Value => {
    const known = replaced.get(v);
    if (known) return known;
    let kept: Value;
    if (v.def.is === "slice" && v.def.op === op) kept = slice(op.inputs[loop.carried.length + v.def.index]!, v.name);
    else kept = slice(keep(builder, op, loop, v), v.name);
    replaced.set(v, kept);
    return kept;
  };
  const inside = definedIn(loop);
  const visit = (body: Op[]): void => {
    for (const o of body) {
      o.inputs = o.inputs.map((v) => (inside.has(v) ? access(v) : v));
      if (!o.loop) continue;
      visit(o.loop.body);
      o.loop.yields = o.loop.yields.map((v) => (inside.has(v) ? access(v) : v));
      o.loop.stacks = o.loop.stacks.map((v) => (inside.has(v) ? access(v) : v));
    }
  };
  visit(back.body);
  back.yields = back.yields.map((v) => (inside.has(v) ? access(v) : v));
  back.stacks = back.stacks.map((v) => (inside.has(v) ? access(v) : v));
}

/** The forward loop's result that holds `v` of every round; made if there is none yet. */
export function keep(builder: Builder, op: Op, loop: Loop, v: Value): Value {
  const known = loop.stacks.indexOf(v);
  if (known >= 0) return op.outputs[loop.carried.length + known]!;
  loop.stacks.push(v);
  const dims = [{ name: loop.label, size: loop.count }, ...v.type.dims];
  const index = op.outputs.length;
  const output: Value = {
    id: builder.fresh(),
    type: { ...v.type, dims },
    def: { is: "op", op, index },
    ...(v.name ? { name: v.name } : {}),
  };
  op.outputs.push(output);
  return output;
}
