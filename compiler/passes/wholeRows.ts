/** cuda: norms and rotations in the epilogue of the product that makes their rows; a part of fuse.ts. */
import { last, type Op, size, type Value } from "../ir.js";
import { spec } from "../ops/index.js";
import type { Form } from "../ops/op.js";
import { type Group, type Grouping, isDots, isRowEpilogue, rowSpace, standsAlone } from "./groups.js";
import { assignSums } from "./sums.js";

const formOf = (op: Op): Form | undefined => (op.loop ? undefined : spec(op.kind).form);

/** Columns of a tile, of which a whole row has to be a part: contract.cuh's epilogue of whole rows. */
const TILES = [128, 192, 256];
/** Columns of rows that an epilogue can keep in shared memory beside the sums; few where a tile is widest. */
const mostKept = (row: number): number => (TILES.slice(0, 2).some((tile) => tile % row === 0) ? 384 : 64);

/**
 * An op on rows joins the dense product whose result it follows, if it has its rows, those are within a tile, and whatever else it reads is
 * smaller: gains, a row that heads share. What the backward pass computes again stays apart from the forward pass.
 */
export function joinWholeRows(grouping: Grouping, op: Op, { added, escaping }: Record<"added" | "escaping", ReadonlySet<Value>>): void {
  const form = formOf(op);
  const own = grouping.of(op);
  const onRows = form?.is === "pointwise" || (form?.is === "rowwise" && !form.sumRows && !form.sumColumns && !form.dots);
  const addsUp = (o: Op): boolean => o.outputs.some((v) => added.has(v));
  const uses = (v: Value): number => grouping.users(v).length + (escaping.has(v) ? 1 : 0);
  if (!onRows || own?.form !== "rowwise" || addsUp(op) || standsAlone(op)) return;
  for (const v of op.inputs) {
    const group = v.def.is === "op" ? grouping.of(v.def.op) : undefined;
    const products = group?.ops.filter((o) => formOf(o)?.is === "contraction") ?? [];
    const [product] = products;
    if (!group || !product || !isWholeRowProduct(group, products, uses) || group.ops.some(addsUp)) continue;
    const result = product.outputs[0]!.type;
    const others = op.inputs.filter((x) => x.def.is !== "op" || grouping.of(x.def.op) !== group);
    const known = rowSpace(op) === rowSpace(product) && op.attrs.again === product.attrs.again;
    if (!known || others.some((x) => size(x.type) >= size(result))) continue;
    if (keptColumns([...group.ops, op]) > mostKept(last(result).size)) continue;
    // A pointwise op that reads the sums only needs no whole rows: see joinContractions.
    if (form?.is === "pointwise" && !isRowEpilogue(group.ops)) continue;
    if (grouping.join(group, own)) return;
  }
}

function isWholeRowProduct(group: Group, products: readonly Op[], uses: (v: Value) => number): boolean {
  const rows = products.every((op) => {
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
  const { sums } = assignSums(group.ops, products, uses);
  return rows && sums === 1 && !group.ops.some(isDots);
}

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
