/**
 * cuda: a program with a token a row gets along with fewer launches, each of which costs as much as reading some megabytes. What several
 * kernels could each do a part of is taken apart here, so that fuse can give every part to a kernel that there is anyway:
 *
 * - values that one op keeps are kept by an op each: the row loop that makes a value then stores it in its cache;
 * - a norm that products and others read is two: products do it for themselves while they read, and need not wait for the other.
 */
import type { Builder, Graph, Op, Value } from "../ir.js";
import { written } from "../ops/cacheWrite.js";
import { isNorm, normalises } from "./fewRows.js";
import { operands } from "./groups.js";
import { leaves } from "./rewrite.js";

/** `gathers`: whether rows that are gathered for a product are gathered while it reads them. */
export function takeApart(builder: Builder, graph: Graph, gathers: boolean): Graph {
  const part = (body: readonly Op[], escaping: ReadonlySet<Value>): Op[] => {
    const users = new Map<Value, Op[]>();
    for (const op of body) for (const v of operands(op)) users.set(v, [...(users.get(v) ?? []), op]);
    return body.flatMap((op) => {
      if (op.loop) op.loop.body = part(op.loop.body, new Set(leaves(op)));
      if (op.kind === "cacheWrite") return oneByOne(builder, op);
      return isNorm(op) ? twice(builder, op, (v) => users.get(v) ?? [], escaping, gathers) : [op];
    });
  };
  return { ...graph, body: part(graph.body, new Set(graph.outputs.map((o) => o.value))) };
}

/** The results stay the same values, each of an op of its own. */
function oneByOne(builder: Builder, op: Op): Op[] {
  const n = written(op.inputs);
  if (n === 1) return [op];
  return op.outputs.map((cache, i) => {
    const one: Op = { ...op, id: builder.fresh(), inputs: [op.inputs[i]!, op.inputs[n + i]!, ...op.inputs.slice(-2)], outputs: [cache] };
    cache.def = { is: "op", op: one, index: 0 };
    return one;
  });
}

function twice(builder: Builder, op: Op, usersOf: (v: Value) => readonly Op[], escaping: ReadonlySet<Value>, gathers: boolean): Op[] {
  const out = op.outputs[0]!;
  const products = usersOf(out).filter((user) => normalises(user, out, usersOf, gathers));
  if (products.length === 0 || (products.length === usersOf(out).length && !escaping.has(out))) return [op];
  const other: Op = { ...op, id: builder.fresh(), outputs: [] };
  const copy: Value = { ...out, id: builder.fresh(), def: { is: "op", op: other, index: 0 } };
  other.outputs = [copy];
  for (const user of products) user.inputs = user.inputs.map((v) => (v === out ? copy : v));
  return [op, other];
}
