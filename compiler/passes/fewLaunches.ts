/** cuda, few rows: what saves launches, of which each costs as much as reading some megabytes; a part of fuse.ts. */
import { type Op, sameDims } from "../ir.js";
import { fewRowsOf } from "./fewRows.js";
import { formOf, type Group, isPointwise } from "./groups.js";
import type { Joining } from "./joining.js";

/** Products side by side in one launch: contract_few_side_by_side of lib/contract_few.cuh. */
const MOST_PRODUCTS = 4;
/** Row loops side by side in one launch. */
const MOST_ROW_LOOPS = 8;

/** What takes a few reads an element is computed by the epilogue that alone reads it. */
export function joinInEpilogue(joining: Joining, op: Op): void {
  const { grouping, escaping } = joining;
  const form = formOf(op);
  const [out] = op.outputs;
  const [user, ...others] = grouping.users(out!);
  if (form?.is !== "own" || !form.inEpilogue || !user || others.length > 0 || escaping.has(out!)) return;
  const epilogue = grouping.of(user);
  const product = epilogue?.ops.find((o) => formOf(o)?.is === "contraction");
  if (!product || !isPointwise(user)) return;
  if (!sameDims(product.outputs[0]!.type.dims, out!.type.dims)) joining.refuse("dimensions", op, user);
  else if (fewRowsOf(product) !== undefined) joining.join("chosen", epilogue!, grouping.of(op)!, op, user);
}

/** A value that is kept for later tokens is stored by the row loop that makes it. */
export function joinKept(joining: Joining, op: Op): void {
  const { grouping } = joining;
  const form = formOf(op);
  const [rows] = op.inputs;
  const from = rows?.def.is === "op" ? rows.def.op : undefined;
  const maker = from && grouping.of(from);
  if (form?.is !== "own" || !form.keepsRows?.(op) || maker?.form !== "rowwise") return;
  joining.join("kept", maker, grouping.of(op)!, from!, op);
}

/** A dense product of few rows can be launched together with others of its left operand, whatever their widths are. */
export function standsBeside(op: Op): boolean {
  const form = formOf(op);
  return form?.is === "contraction" && fewRowsOf(op) !== undefined && !form.describe(op).ragged && form.describe(op).groups === 1;
}

/** Products of the same left operand, with a sum each. */
export function joinProducts(joining: Joining, body: readonly Op[]): void {
  const { grouping } = joining;
  const launches = new Map<string, { group: Group; op: Op }[]>();
  for (const op of body) {
    const group = grouping.of(op);
    const form = formOf(op);
    if (!group || form?.is !== "contraction" || !standsBeside(op)) continue;
    if (group.ops.filter((o) => formOf(o)?.is === "contraction").length > 1) continue;
    const { a, b } = form.describe(op);
    const key = `${op.inputs[a.input]!.id} ${b.transposed}`;
    const others = launches.get(key) ?? [];
    const found = others.find(
      (other) => (other.group.parts?.length ?? 1) < MOST_PRODUCTS && joining.joinBeside(other.group, group, other.op, op),
    );
    if (!found) launches.set(key, [...others, { group, op }]);
  }
}

/** Row loops that neither need nor make what another one needs. */
export function joinRowLoops(joining: Joining, body: readonly Op[]): void {
  const { grouping } = joining;
  const launches: Group[] = [];
  for (const op of body) {
    const group = grouping.of(op);
    if (group?.form !== "rowwise" || launches.includes(group)) continue;
    const found = launches.find(
      (other) => (other.parts?.length ?? 1) < MOST_ROW_LOOPS && joining.joinBeside(other, group, other.ops[0]!, op),
    );
    if (!found) launches.push(group);
  }
}
