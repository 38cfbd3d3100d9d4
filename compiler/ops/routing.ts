import type { Type } from "../ir.js";
import { expertRows } from "./linear.js";
import { type SampleArg, tensor } from "./op.js";

/** Where each choice of each token lies when the rows are sorted by expert, and within one by token. */
export interface Sorted {
  /** [tokens, topK]: the row of token t's k-th choice. */
  slot: Float64Array;
  /** [rows]: t · topK + k */
  source: Float64Array;
  /** [experts + 1]: the row at which each expert's begin. */
  offsets: Float64Array;
  /** [experts]: how many tokens chose it. */
  load: Float64Array;
}

export function sortByExpert(choice: ArrayLike<number>, experts: number): Sorted {
  const load = new Float64Array(experts);
  for (let i = 0; i < choice.length; i++) load[choice[i]!]!++;
  const offsets = new Float64Array(experts + 1);
  for (let e = 0; e < experts; e++) offsets[e + 1] = offsets[e]! + load[e]!;
  const next = offsets.slice();
  const slot = new Float64Array(choice.length);
  const source = new Float64Array(choice.length);
  for (let i = 0; i < choice.length; i++) {
    const row = next[choice[i]!]!++;
    slot[i] = row;
    source[row] = i;
  }
  return { slot, source, offsets, load };
}

/** The topK experts of the highest scores, the best first; of equal ones the lower number. */
export function highest(scores: ArrayLike<number>, topK: number): number[] {
  return Array.from(scores, (_, e) => e)
    .sort((a, b) => scores[b]! - scores[a]! || a - b)
    .slice(0, topK);
}

/** A routing to check with: six tokens, two choices each, four experts of which number 2 gets nothing. */
const choice = [0, 1, 3, 0, 1, 3, 0, 3, 3, 1, 0, 1];
const sorted = sortByExpert(choice, 4);
const index = (dims: string, data: ArrayLike<number>): SampleArg => ({
  type: tensor(dims, { B: 2, T: 3, topK: 2, rows: 12, E: 4 }, "i32"),
  data: Array.from(data),
});

export const sampleRouting: { readonly [name in "x" | "rows" | "gates" | "choice" | "slot" | "source" | "load"]: SampleArg } = {
  x: { type: tensor("B T D", { B: 2, T: 3, D: 5 }) },
  rows: { type: expertRows("D", 5, 4, 12) },
  gates: { type: tensor("B T topK", { B: 2, T: 3, topK: 2 }), range: [0.1, 0.9] },
  choice: index("B T topK", choice),
  slot: index("B T topK", sorted.slot),
  source: index("rows", sorted.source),
  load: index("E", sorted.load),
};

/** [E rows D]: as many rows as tokens times choices. */
export const rowsType = (experts: Type["dims"][number], rows: number, column: Type["dims"][number], dtype: Type["dtype"]): Type => ({
  dims: [experts, { name: "rows", size: rows, ragged: true }, column],
  dtype,
});
