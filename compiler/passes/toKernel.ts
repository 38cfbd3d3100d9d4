/** A kernel of groups that belong together: its operations, what it reads and what it writes; the end of fuse.ts. */
import type { Op, Value } from "../ir.js";
import type { Kernel } from "../kernel.js";
import { spec } from "../ops/index.js";
import type { Group, Grouping } from "./groups.js";

/** The kernel of one group, or the one that several would be. Values of `escaping` are needed outside of the body. */
export function toKernel(grouping: Grouping, escaping: ReadonlySet<Value>, ...groups: readonly [Group, ...Group[]]): Kernel {
  const { form } = groups.find((group) => group.form === "contraction") ?? groups[0];
  const own = grouping.inOrder(groups.flatMap((group) => group.ops));
  const ops = withInlined(own, grouping);
  const made = new Set(ops.flatMap((op) => op.outputs));
  const inputs = new Set<Value>();
  for (const op of ops) for (const v of form === "contraction" ? readsInProduct(op, made) : reads(op)) if (!made.has(v)) inputs.add(v);
  const inside = (op: Op): boolean => groups.some((group) => group.ops.includes(op));
  const outside = (v: Value): boolean => escaping.has(v) || grouping.users(v).some((user) => !inside(user));
  const outputs = own.flatMap((op) => op.outputs).filter((v) => outside(v) || form === "own");
  const anchors = form === "rowwise" || form === "loop" ? [] : own.filter((op) => !op.loop && spec(op.kind).form.is === form);
  const parts = groups.flatMap((group) => group.parts ?? []).map((part) => toKernel(grouping, escaping, part));
  return { name: "", form: form as Kernel["form"], ops, anchors, inputs: [...inputs], outputs, ...(parts.length > 0 ? { parts } : {}) };
}

/** What an op's code really reads. */
function reads(op: Op): Value[] {
  if (op.loop) return op.inputs;
  const { gradientOnly = [], inPlace } = spec(op.kind);
  const first = inPlace?.(op.inputs) ?? op.inputs.length;
  return op.inputs.filter((_, i) => !gradientOnly.includes(i) && (i < first || i >= first + op.outputs.length));
}

/** A sum of rows knows where each token's rows are; a product that scatters the rows it makes has to know where each row's token is. */
const readsInProduct = (op: Op, made: ReadonlySet<Value>): Value[] =>
  op.kind === "combine" && made.has(op.inputs[0]!) ? [op.inputs[0]!, op.inputs[2]!] : reads(op);

/** A group's ops with the inlined ones it computes for itself, each before its user. */
function withInlined(own: readonly Op[], grouping: Grouping): Op[] {
  const ops: Op[] = [];
  const add = (op: Op): void => {
    if (ops.includes(op)) return;
    for (const v of op.inputs) if (v.def.is === "op" && grouping.inlined.has(v.def.op)) add(v.def.op);
    ops.push(op);
  };
  own.forEach(add);
  return ops;
}
