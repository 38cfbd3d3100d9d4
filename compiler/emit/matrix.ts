/** Dimension lists as matrices. */
import type { Dim } from "../ir.js";
import type { Contraction } from "../ops/op.js";

/** A dimension list split into the row index and the column index of a matrix. */
export interface Matrix {
  outer: readonly Dim[];
  inner: readonly Dim[];
}

/** Splits dimensions into the first few whose product is `rows` and the rest. */
export function splitAt(dims: readonly Dim[], rows: number): Matrix {
  let n = 1;
  for (let i = 0; i <= dims.length; i++) {
    if (n === rows && (i === dims.length || dims[i]!.size !== 1 || rows === 1)) return { outer: dims.slice(0, i), inner: dims.slice(i) };
    n *= dims[i]?.size ?? 1;
  }
  throw new Error(`[${dims.map((d) => `${d.name}=${d.size}`).join(" ")}] has no ${rows} rows`);
}

/** Rows of a B operand stored [k, n]: what is left when its n columns are taken from the end. */
export function rowsOfB(dims: readonly Dim[], c: Contraction): number {
  return dims.reduce((n, d) => n * d.size, 1) / c.n;
}
