/** What several passes share: who uses a value, and copies of ops with other operands. */
import type { Graph, Op, Value } from "../ir.js";

/** Every op of a body and of the loops within, in order. */
export function* allOps(body: readonly Op[]): Generator<Op> {
  for (const op of body) {
    yield op;
    if (op.loop) yield* allOps(op.loop.body);
  }
}

/** The values a loop hands to the outside or to its next round. */
export const leaves = (op: Op): readonly Value[] => (op.loop ? [...op.loop.yields, ...op.loop.stacks] : []);

/** Replaces values everywhere they are used in a body and the loops within. */
export function replaceUses(body: readonly Op[], map: ReadonlyMap<Value, Value>): void {
  const to = (v: Value): Value => {
    let at = v;
    for (let next = map.get(at); next !== undefined; next = map.get(at)) at = next;
    return at;
  };
  for (const op of allOps(body)) {
    op.inputs = op.inputs.map(to);
    if (op.loop) {
      op.loop.yields = op.loop.yields.map(to);
      op.loop.stacks = op.loop.stacks.map(to);
    }
  }
}

export function replaceInGraph(graph: Graph, map: ReadonlyMap<Value, Value>): void {
  replaceUses(graph.body, map);
  for (const output of graph.outputs) {
    let at = output.value;
    for (let next = map.get(at); next !== undefined; next = map.get(at)) at = next;
    output.value = at;
  }
}

/** How often each value is used: by ops, by loops' results, by the program's outputs. */
export function countUses(graph: Graph): Map<Value, number> {
  const uses = new Map<Value, number>();
  const use = (v: Value): void => void uses.set(v, (uses.get(v) ?? 0) + 1);
  for (const op of allOps(graph.body)) {
    op.inputs.forEach(use);
    leaves(op).forEach(use);
  }
  for (const output of graph.outputs) use(output.value);
  return uses;
}

/** The op that makes a value, if one does. */
export const maker = (v: Value): Op | undefined => (v.def.is === "op" ? v.def.op : undefined);

/** The op that makes a value, if it is one of these kinds. */
export function madeBy(v: Value | undefined, ...kinds: readonly string[]): Op | undefined {
  const op = v && maker(v);
  return op && kinds.includes(op.kind) ? op : undefined;
}

/** A parameter's path, if the value is one or a layer of one. */
export function parameterPath(v: Value): string | undefined {
  if (v.def.is === "input") return v.def.parameter?.path;
  if (v.def.is !== "slice") return undefined;
  const operand = v.def.op.inputs[v.def.op.loop!.carried.length + v.def.index];
  return operand && parameterPath(operand);
}
