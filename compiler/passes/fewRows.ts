/** What lib/contract_few.cuh can do: products of few rows, whose left operand may be normalised while it is read. */
import type { Op, Value } from "../ir.js";
import type { Contraction } from "../ops/op.js";
import { formOf } from "./groups.js";
import { parameterPath } from "./rewrite.js";

/** Rows that it is faster for: of one product, and of all experts together. */
const MOST_ROWS = 64;
const MOST_EXPERT_ROWS = 512;

/** How many rows a product has, if that can be computed as one of few rows. It loads runs of eight; so do epilogues, but not the forms of their own. */
export function fewRowsOf(op: Op): number | undefined {
  const c = productOf(op);
  if (!c) return undefined;
  const { a, m, n, k, ragged } = c;
  const aligned = k % 8 === 0 && (n % 8 === 0 || formOf(op)?.is === "own");
  return aligned && !a.transposed && ragged?.axis !== "k" && m <= (ragged ? MOST_EXPERT_ROWS : MOST_ROWS) ? m : undefined;
}

function productOf(op: Op): Contraction | undefined {
  const form = formOf(op);
  return form?.is === "contraction" || form?.is === "own" ? form.describe?.(op) : undefined;
}

/** Rows that a norm is worth doing again for in every block of every product that reads them: of 64, on an H200, lite's head took 232 µs in place of 126. */
const MOST_NORMED_ROWS = 16;

/** Whether an op can be a factor of each row, which is put to the sums, and a gain, which no kernel writes. */
export function isNorm(op: Op): boolean {
  const form = formOf(op);
  if (form?.is !== "rowwise" || form.normed === undefined || parameterPath(op.inputs[1]!) === undefined) return false;
  return rowsOf(op.inputs[0]!) <= MOST_NORMED_ROWS;
}

const rowsOf = (v: Value): number => v.type.dims.slice(0, -1).reduce((n, d) => n * d.size, 1);

/** Whether a use of a norm's result is one by products of few rows: as their left operand, or through rows that are gathered for it. */
export function normalises(user: Op, v: Value, usersOf: (v: Value) => readonly Op[], gathers: boolean): boolean {
  if (user.inputs.filter((x) => x === v).length !== 1) return false;
  const at = user.inputs.indexOf(v);
  if (formOf(user)?.is === "gather") {
    const rows = user.outputs[0]!;
    return gathers && at === 0 && user.inputs.length < 4 && usersOf(rows).every((op) => normalises(op, rows, usersOf, false));
  }
  return fewRowsOf(user) !== undefined && productOf(user)!.a.input === at;
}
