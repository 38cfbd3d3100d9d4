/** What only products of few rows do: norms of their left operand, sums of chosen rows. */
import { last, type Op, type Value } from "../../ir.js";
import { spec } from "../../ops/index.js";
import { times } from "../access.js";
import { dimName, type Names } from "../names.js";

/** Gives the name of a member of the epilogue. */
type Member = (v: Value) => string;

/** A run of the sum of the rows that a token has chosen; rows are as wide as C. */
export function sumOfChosen(op: Op, member: Member): string {
  const [rows, slot, , gates] = op.inputs;
  const top = dimName(last(slot!.type));
  const place = `${member(rows!)} + n, ${dimName(last(rows!.type))}`;
  const factors = gates ? `${member(gates)} + ${times("m", top)}` : "nullptr";
  return `sum_of_chosen<true, ${gates !== undefined}, ${top}>(${place}, ${member(slot!)} + ${times("m", top)}, ${factors})`;
}

/** What is computed while operands are loaded: gathers and norms that lead to a product. */
export function loadersOf(ops: readonly Op[], anchors: readonly Op[]): ReadonlySet<Op> {
  const found = new Set<Op>();
  const add = (v: Value): void => {
    const op = ops.find((o) => o.outputs.includes(v));
    if (!op || anchors.includes(op)) return;
    found.add(op);
    op.inputs.forEach(add);
  };
  for (const anchor of anchors) anchor.inputs.forEach(add);
  return found;
}

/** few::Normed of lib/contract_few.cuh. */
export function normText(norm: Op, names: Names): string {
  const { form } = spec(norm.kind);
  const eps = form.is === "rowwise" ? form.normed?.(norm.attrs).eps : undefined;
  if (eps === undefined) throw new Error(`${norm.kind} cannot be computed inside an operand`);
  return `few::Normed{${names.of(norm.inputs[1]!)}, float(${eps})}`;
}
