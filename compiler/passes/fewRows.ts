/**
 * cuda: a program with a token a row gets along with fewer launches, each of which costs as much as reading some megabytes. What several
 * kernels could each do a part of is taken apart here, so that fuse can give every part to a kernel that there is anyway:
 *
 * - values that one op keeps are kept by an op each: the row loop that makes a value then stores it in its cache.
 */
import type { Builder, Graph, Op } from "../ir.js";
import { written } from "../ops/cacheWrite.js";
import { formOf } from "./groups.js";

/** Rows that lib/contract_few.cuh is faster for: of one product, and of all experts together. */
const MOST_ROWS = 64;
const MOST_EXPERT_ROWS = 512;

/** How many rows a product has, where lib/contract_few.cuh can compute it; what it loads and stores are runs of eight. */
export function fewRowsOf(op: Op): number | undefined {
  const form = formOf(op);
  if (form?.is !== "contraction") return undefined;
  const { a, m, n, k, ragged } = form.describe(op);
  const fits = !a.transposed && ragged?.axis !== "k" && n % 8 === 0 && k % 8 === 0;
  return fits && m <= (ragged ? MOST_EXPERT_ROWS : MOST_ROWS) ? m : undefined;
}

export function fewRows(builder: Builder, graph: Graph): Graph {
  return { ...graph, body: apart(builder, graph.body) };
}

function apart(builder: Builder, body: readonly Op[]): Op[] {
  return body.flatMap((op) => {
    if (op.loop) op.loop.body = apart(builder, op.loop.body);
    return op.kind === "cacheWrite" ? oneByOne(builder, op) : [op];
  });
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
