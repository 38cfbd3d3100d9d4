/** cuda: norms and rotations in the epilogue of the product that makes their rows; a part of fuse.ts. */
import { last, type Op, size, type Value } from "../ir.js";
import type { Reason } from "./decisions.js";
import { formOf, type Group, isDots, isRowEpilogue, rowNames, rowSpace, standsAlone } from "./groups.js";
import type { Joining } from "./joining.js";
import { assignSums } from "./sums.js";

/** Columns of a tile, of which a whole row has to be a part: contract.cuh's epilogue of whole rows. */
const TILES = [128, 192, 256];
/** Columns of rows that an epilogue can keep in shared memory beside the sums; few where a tile is widest. */
const mostKept = (row: number): number => (TILES.slice(0, 2).some((tile) => tile % row === 0) ? 384 : 64);

/**
 * An op on rows joins the dense product whose result it follows, if it has its rows, those are within a tile, and whatever else it reads is
 * smaller: gains, a row that heads share. What the backward pass computes again stays apart from the forward pass.
 */
export function joinWholeRows(joining: Joining, op: Op, { added, norm }: { added: ReadonlySet<Value>; norm: "own" | "fused" }): void {
  const { grouping, escaping } = joining;
  const form = formOf(op);
  const own = grouping.of(op);
  const onRows = form?.is === "pointwise" || (form?.is === "rowwise" && !form.sumRows && !form.sumColumns && !form.dots);
  const addsUp = (o: Op): boolean => o.outputs.some((v) => added.has(v));
  const uses = (v: Value): number => grouping.users(v).length + (escaping.has(v) ? 1 : 0);
  if (!onRows || own?.form !== "rowwise") return;
  for (const v of op.inputs) {
    const from = v.def.is === "op" ? v.def.op : undefined;
    const group = from && grouping.of(from);
    const products = group?.ops.filter((o) => formOf(o)?.is === "contraction") ?? [];
    const [product] = products;
    // A pointwise op that reads the sums only needs no whole rows: see joinContractions.
    if (!group || !product || (form?.is === "pointwise" && !isRowEpilogue(group.ops))) continue;
    const refuse = (why: Reason, about?: string): void => joining.refuse(why, from!, op, about);
    const result = product.outputs[0]!.type;
    const others = op.inputs.filter((x) => x.def.is !== "op" || grouping.of(x.def.op) !== group);
    const kept = keptColumns([...group.ops, op]);
    if (norm === "own") refuse("choice", "norm=own");
    else if (standsAlone(op)) refuse("index", op.kind);
    else if (!hasWholeRows(products)) refuse("tile", `${last(result).size} columns`);
    else if (!hasOneSum(group, products, uses)) refuse("sums", "several sums with whole rows");
    else if (addsUp(op) || group.ops.some(addsUp)) refuse("gradient");
    else if (rowSpace(op) !== rowSpace(product)) refuse("rows", `[${rowNames(product)}] and [${rowNames(op)}]`);
    else if (op.attrs.again !== product.attrs.again) refuse("again");
    else if (others.some((x) => size(x.type) >= size(result))) refuse("large");
    else if (kept > mostKept(last(result).size)) refuse("room", `${kept} columns`);
    else if (joining.join("wholeRows", group, own, from!, op)) return;
  }
}

const hasWholeRows = (products: readonly Op[]): boolean =>
  products.every((op) => {
    const form = formOf(op);
    const { size: row } = last(op.outputs[0]!.type);
    return (
      form?.is === "contraction" &&
      !form.describe(op).ragged &&
      form.describe(op).groups === 1 &&
      form.describe(op).n % row === 0 &&
      row % 8 === 0 &&
      TILES.some((tile) => tile % row === 0)
    );
  });

const hasOneSum = (group: Group, products: readonly Op[], uses: (v: Value) => number): boolean =>
  assignSums(group.ops, products, uses).sums === 1 && !group.ops.some(isDots);

/** Columns of the rows that ops with lines of their own read from one another. */
function keptColumns(ops: readonly Op[]): number {
  const moves = (op: Op): boolean => {
    const form = formOf(op);
    return form?.is === "rowwise" && form.lines !== undefined;
  };
  const kept = new Set(ops.filter(moves).flatMap((op) => [...op.inputs, ...op.outputs]));
  const made = (v: Value): boolean => ops.some((op) => formOf(op)?.is !== "contraction" && op.outputs.includes(v));
  const read = (v: Value): boolean => ops.some((op) => op.inputs.includes(v));
  return [...kept].filter((v) => made(v) && read(v)).reduce((n, v) => n + last(v.type).size, 0);
}
