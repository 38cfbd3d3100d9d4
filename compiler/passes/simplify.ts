/** Removes what need not be computed: the same op twice, sums with zero, factors of one, and whatever nobody uses. */
import type { Graph, Loop, Op, Value } from "../ir.js";
import { allOps, leaves, maker, replaceInGraph } from "./rewrite.js";

export function simplify(graph: Graph): Graph {
  let before: number;
  do {
    before = [...allOps(graph.body)].length;
    replaceInGraph(graph, identities(graph.body));
    replaceInGraph(graph, repeated(graph.body, new Map()));
    graph.body = withoutDead(graph);
  } while ([...allOps(graph.body)].length < before);
  return graph;
}

const isFill = (v: Value, value: number): boolean => {
  const op = maker(v);
  return op?.kind === "fill" && op.attrs.value === value;
};

function identities(body: readonly Op[]): Map<Value, Value> {
  const same = new Map<Value, Value>();
  for (const op of allOps(body)) {
    const [a, b] = op.inputs;
    const out = op.outputs[0];
    if (!out || !a) continue;
    if (op.kind === "add" && b && isFill(b, 0)) same.set(out, a);
    else if (op.kind === "add" && b && isFill(a, 0)) same.set(out, b);
    else if (op.kind === "scale" && op.attrs.by === 1) same.set(out, a);
    else if (op.kind === "shift" && op.attrs.by === 0) same.set(out, a);
    else if (op.kind === "expand" && out.type.dims.length === a.type.dims.length) same.set(out, a);
    else if (op.kind === "sumOver" && out.type.dims.length === a.type.dims.length) same.set(out, a);
  }
  return same;
}

/** Common subexpressions: an op with the kind, operands and attributes of an earlier one in reach is that one. */
function repeated(body: readonly Op[], known: ReadonlyMap<string, Op>, same = new Map<Value, Value>()): Map<Value, Value> {
  const seen = new Map(known);
  for (const op of body) {
    if (op.loop) {
      repeated(op.loop.body, seen, same);
      continue;
    }
    const key = `${op.kind} ${op.inputs.map((v) => (same.get(v) ?? v).id).join()} ${JSON.stringify(op.attrs)}`;
    const first = seen.get(key);
    if (!first) seen.set(key, op);
    else {
      op.outputs.forEach((v, i) => void same.set(v, first.outputs[i]!));
      first.origins = [...first.origins, ...op.origins.filter((o) => !first.origins.includes(o))];
    }
  }
  return same;
}

function withoutDead(graph: Graph): Op[] {
  const live = new Set<Value>();
  for (const output of graph.outputs) live.add(output.value);
  return sweep(graph.body, live, true);
}

/** Keeps what leads to a live value; if `trimming`, a loop within is cut down to the results and slices that are used. */
function sweep(body: readonly Op[], live: Set<Value>, trimming: boolean): Op[] {
  const kept: Op[] = [];
  for (const op of [...body].reverse()) {
    if (!op.outputs.some((v) => live.has(v))) continue;
    if (op.loop && trimming) trim(op, op.loop, live);
    else if (op.loop) for (const inner of allOps([op])) for (const v of [...inner.inputs, ...leaves(inner)]) live.add(v);
    for (const v of op.inputs) live.add(v);
    kept.push(op);
  }
  return kept.reverse();
}

function trim(op: Op, loop: Loop, live: Set<Value>): void {
  const carriedCount = loop.carried.length;
  const stacks = loop.stacks.map((v, i) => ({ v, output: op.outputs[carriedCount + i]! })).filter(({ output }) => live.has(output));
  loop.stacks = stacks.map(({ v }) => v);
  let outputs = [...op.outputs.slice(0, carriedCount), ...stacks.map(({ output }) => output)];

  // A carried value is needed if its final value is, or if a needed value of the body depends on it.
  const wanted = loop.carried.map((_, i) => live.has(op.outputs[i]!));
  const needed = (trimming: boolean): { inner: Set<Value>; ops: Op[] } => {
    const inner = new Set<Value>(loop.stacks);
    loop.yields.forEach((v, i) => void (wanted[i] && inner.add(v)));
    return { inner, ops: sweep(loop.body, inner, trimming) };
  };
  for (let more = true; more; ) {
    const { inner } = needed(false);
    more = false;
    loop.carried.forEach((v, i) => {
      if (!wanted[i] && inner.has(v)) more = wanted[i] = true;
    });
  }
  const { inner, ops } = needed(true);
  loop.body = ops;
  for (const v of inner) if (!loop.slices.includes(v) && !loop.carried.includes(v)) live.add(v);
  const slices = loop.slices.map((v, i) => ({ v, operand: op.inputs[carriedCount + i]! })).filter(({ v }) => inner.has(v));
  const initial = op.inputs.slice(0, carriedCount).filter((_, i) => wanted[i]);
  loop.carried = loop.carried.filter((_, i) => wanted[i]);
  loop.yields = loop.yields.filter((_, i) => wanted[i]);
  loop.slices = slices.map(({ v }) => v);
  op.inputs = [...initial, ...slices.map(({ operand }) => operand)];
  outputs = outputs.filter((_, i) => i >= carriedCount || wanted[i]);
  op.outputs = outputs;
  renumber(op, loop);
}

/** After carried values, slices or stacks were removed: the positions in their definitions. */
export function renumber(op: Op, loop: Loop): void {
  for (const [index, v] of op.outputs.entries()) v.def = { is: "op", op, index };
  for (const [index, v] of loop.carried.entries()) v.def = { is: "carried", op, index };
  for (const [index, v] of loop.slices.entries()) v.def = { is: "slice", op, index };
}
