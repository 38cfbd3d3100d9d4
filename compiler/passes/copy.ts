/** Copies of ops and whole programs, so that each program's passes may change their own. */
import type { Builder, Graph, Loop, Op, Value } from "../ir.js";

/** Copies `ops` in order; operands that `map` knows are replaced, and every new value is entered into it. */
export function copyOps(builder: Builder, ops: readonly Op[], map: Map<Value, Value>): Op[] {
  const to = (v: Value): Value => map.get(v) ?? v;
  return ops.map((op) => {
    const copy: Op = { ...op, id: builder.fresh(), inputs: op.inputs.map(to), outputs: [] };
    copy.outputs = op.outputs.map((v, index) => copyValue(builder, v, { is: "op", op: copy, index }, map));
    if (op.loop) copy.loop = copyLoop(builder, op.loop, copy, map);
    return copy;
  });
}

function copyLoop(builder: Builder, loop: Loop, op: Op, map: Map<Value, Value>): Loop {
  const carried = loop.carried.map((v, index) => copyValue(builder, v, { is: "carried", op, index }, map));
  const slices = loop.slices.map((v, index) => copyValue(builder, v, { is: "slice", op, index }, map));
  const body = copyOps(builder, loop.body, map);
  const to = (v: Value): Value => map.get(v) ?? v;
  return { ...loop, carried, slices, body, yields: loop.yields.map(to), stacks: loop.stacks.map(to) };
}

function copyValue(builder: Builder, v: Value, def: Value["def"], map: Map<Value, Value>): Value {
  const copy: Value = { ...v, id: builder.fresh(), def };
  map.set(v, copy);
  return copy;
}

/** A program of its own; its inputs are the same tensors, but may be typed anew. */
export function copyGraph(builder: Builder, graph: Graph, name: string): { graph: Graph; map: ReadonlyMap<Value, Value> } {
  const map = new Map<Value, Value>();
  const inputs = graph.inputs.map((v) => ({ ...v }));
  graph.inputs.forEach((v, i) => void map.set(v, inputs[i]!));
  const body = copyOps(builder, graph.body, map);
  const outputs = graph.outputs.map((o) => ({ ...o, value: map.get(o.value) ?? o.value }));
  return { graph: { name, inputs, body, outputs }, map };
}
