/** cuda: which products one kernel on tensor cores can compute together; a part of fuse.ts. */
import type { Op, Value } from "../ir.js";
import type { Reason } from "./decisions.js";
import { formOf, type Group, type Grouping, isRowEpilogue } from "./groups.js";
import { assignSums } from "./sums.js";

/** Nothing, where the products of two groups together are what a kernel does; else why not. */
export type Unfit = (a: Group, b: Group) => { why: Reason; about?: string } | undefined;

/** See FuseChoices.target. */
export function fitsTensorCores(grouping: Grouping, inlined: ReadonlySet<Op>, escaping: ReadonlySet<Value>): Unfit {
  const uses = (v: Value): number => grouping.users(v).length + (escaping.has(v) ? 1 : 0);
  /** The form of what is computed while an operand is loaded. */
  const loadedBy = (v: Value | undefined): string | undefined =>
    v?.def.is === "op" && inlined.has(v.def.op) ? formOf(v.def.op)?.is : undefined;
  const layout = (op: Op): string => {
    const form = formOf(op);
    if (form?.is !== "contraction") return "";
    const { a, b } = form.describe(op);
    const gathers = (input: number): boolean => loadedBy(op.inputs[input]) === "gather";
    return `${a.transposed} ${b.transposed} ${gathers(a.input)} ${gathers(b.input)}`;
  };
  const left = (op: Op): Value | undefined => {
    const form = formOf(op);
    return form?.is === "contraction" ? op.inputs[form.describe(op).a.input] : undefined;
  };
  return (a, b) => {
    const ops = [...new Set([...a.ops, ...b.ops])];
    const anchors = ops.filter((op) => formOf(op)?.is === "contraction");
    if (new Set(anchors.map(layout)).size > 1) return { why: "layout" };
    const { sums } = assignSums(ops, anchors, uses);
    // The factor of a row is put to the sum, which is then no other product's.
    if (sums < anchors.length && anchors.some((op) => loadedBy(left(op)) === "rowwise")) return { why: "normed" };
    if (sums > 1 && isRowEpilogue(ops)) return { why: "sums", about: `${sums} sums with whole rows` };
    if (sums <= 1) return undefined;
    const twoOfOneLeft = sums === 2 && anchors.length === 2 && left(anchors[0]!) === left(anchors[1]!);
    if (!twoOfOneLeft) return { why: "sums", about: sums === 2 ? "two sums of different left operands" : `${sums} sums` };
    // Rows of a right operand are gathered for one sum only.
    return layout(anchors[0]!).endsWith("true") ? { why: "gatheredRight" } : undefined;
  };
}
