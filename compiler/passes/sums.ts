/** Which of a contraction kernel's running sums each product adds to. */
import type { Op, Value } from "../ir.js";

export interface Sums {
  /** How many there are. */
  sums: number;
  /** The sum that a product's result, or a sum of such results, is. */
  of: ReadonlyMap<Value, number>;
}

/** Sums of products that nothing else uses add up in one. `uses` counts the places that read a value. */
export function assignSums(ops: readonly Op[], anchors: readonly Op[], uses: (v: Value) => number): Sums {
  const joined = new Map<Value, Value>(anchors.map((op) => [op.outputs[0]!, op.outputs[0]!]));
  const root = (v: Value): Value | undefined => {
    let at = joined.get(v);
    while (at && joined.get(at) !== at) at = joined.get(at);
    return at;
  };
  for (const op of ops) {
    if (op.kind !== "add") continue;
    const [a, b] = op.inputs;
    const [ra, rb] = [root(a!), root(b!)];
    if (!ra || !rb || ra === rb || uses(a!) > 1 || uses(b!) > 1) continue;
    joined.set(rb, ra);
    joined.set(op.outputs[0]!, ra);
  }
  const roots = [...new Set(anchors.map((op) => root(op.outputs[0]!)!))];
  return { sums: roots.length, of: new Map([...joined.keys()].map((v) => [v, roots.indexOf(root(v)!)])) };
}
