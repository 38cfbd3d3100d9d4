/**
 * Fusion: groups ops into kernels. It speaks of forms only, and writes down why (decisions.ts).
 *
 * 0. A piece of a parameter is read where it lies: nothing computes it (pieces.ts).
 * 1. An op that is cheap to compute per element (pointwise, a norm, a gather, a view) and used by nothing but the operands of
 *    contractions is computed there, while the operand is being loaded (`inlined`).
 * 2. Pointwise ops join the contraction whose result they take, and with it other contractions of the same size: a gate and
 *    an up projection with swiglu become one kernel, so do sums of products.
 * 3. Contractions of one size over the same left operand become one kernel.
 * 4. cuda: what follows a product row by row (norms, rotations) joins it where a row of its result is within a tile.
 * 5. What is left of pointwise and rowwise ops over the same rows becomes one row loop.
 * 6. Few rows on cuda: kernels that do not need one another are one launch (fewLaunches.ts).
 */
import type { Graph, Op, Value } from "../ir.js";
import { sameDims } from "../ir.js";
import type { KernelProgram, Step } from "../kernel.js";
import type { Target } from "../target.js";
import type { Decision } from "./decisions.js";
import { joinInEpilogue, joinKept, joinProducts, joinRowLoops, standsBeside } from "./fewLaunches.js";
import { formOf, type Group, Grouping, isDots, isPointwise, rowNames, rowSpace, standsAlone } from "./groups.js";
import { findInlined } from "./inlining.js";
import { Joining } from "./joining.js";
import { gradientValues } from "./landing.js";
import { type Piece, piecesOf } from "./pieces.js";
import { leaves } from "./rewrite.js";
import { fitsTensorCores, type Unfit } from "./tensorCores.js";
import { toKernel } from "./toKernel.js";
import { joinWholeRows } from "./wholeRows.js";

export interface FuseChoices {
  /** fused: in the operand that is loaded (cpu), or in the epilogue of the product that makes the rows (cuda). */
  norm: "own" | "fused";
  swiglu: "own" | "fused";
  moeIn: "gather" | "fused";
  /** scatter: the product that makes experts' rows adds them to their tokens; on cuda only. */
  moeOut: "gatherSum" | "scatter";
  /** cuda: operands of products lie in memory, or are gathered from there; a kernel has one product, sums of products, or two that share A. */
  target: Target;
  /** cuda: of a program with so few rows that a launch costs as much as its memory traffic. */
  fewRows?: boolean;
}

export function fuse(graph: Graph, choices: FuseChoices): KernelProgram {
  const decisions: Decision[] = [];
  const context: Context = { choices, added: gradientValues(graph), decisions, pieces: new Map() };
  return { graph, steps: fuseBody(graph.body, new Set(graph.outputs.map((o) => o.value)), context), decisions, pieces: context.pieces };
}

interface Context {
  choices: FuseChoices;
  /** Values that are added to what is there. */
  added: ReadonlySet<Value>;
  decisions: Decision[];
  /** Of all bodies. */
  pieces: Map<Value, Piece>;
}

function fuseBody(body: readonly Op[], escaping: ReadonlySet<Value>, context: Context): Step[] {
  const { choices, added } = context;
  const pieces = piecesOf(body, escaping);
  for (const [op, piece] of pieces) context.pieces.set(op.outputs[0]!, piece);
  const { inlined, notInlined } = findInlined(body, escaping, choices);
  const grouping = new Grouping(body, inlined, new Set(pieces.keys()));
  const joining = new Joining(grouping, escaping, notInlined);
  const unfit: Unfit = choices.target === "cuda" ? fitsTensorCores(grouping, inlined, escaping) : () => undefined;
  const left = body.filter((op) => !inlined.has(op) && !pieces.has(op));
  for (const op of left) if (isPointwise(op) || (choices.target === "cuda" && isDots(op))) joinContractions(joining, op, choices, unfit);
  if (choices.target === "cuda") for (const op of left) joinWholeRows(joining, op, { added, norm: choices.norm });
  joinSiblings(joining, body, unfit, choices);
  if (choices.moeOut === "scatter") for (const op of body) if (op.kind === "combine") joinScatter(joining, op);
  if (choices.target === "cuda") for (const op of left) if (isPointwise(op)) joinEpilogue(joining, op, choices);
  for (const op of left) if (grouping.of(op)?.form === "rowwise") joinRows(joining, op);
  if (choices.fewRows) {
    for (const op of left) joinInEpilogue(joining, op);
    for (const op of left) joinKept(joining, op);
    joinProducts(joining, left);
    joinRowLoops(joining, left);
  }
  context.decisions.push(...joining.decisions());
  return grouping.sorted().map((group): Step => {
    const [op] = group.ops;
    if (group.form === "loop") return { is: "loop", op: op!, steps: fuseBody(op!.loop!.body, new Set(leaves(op!)), context) };
    return { is: "kernel", kernel: toKernel(grouping, escaping, group) };
  });
}

/** A pointwise op joins the contractions whose results it takes, if they all have its dimensions. */
function joinContractions(joining: Joining, op: Op, choices: FuseChoices, unfit: Unfit): void {
  const { grouping } = joining;
  const out = op.outputs[0]!;
  const own = grouping.of(op)!;
  // What reads through a view takes whole rows of the product.
  const rows = choices.target === "cuda" && op.inputs.some((v) => v.def.is === "op" && formOf(v.def.op)?.is === "view");
  const apart = keptApart(op, choices) ?? (rows && choices.norm === "own" ? "norm=own" : undefined);
  for (const v of op.inputs) {
    const from = v.def.is === "op" ? v.def.op : undefined;
    const maker = from && grouping.of(from);
    if (!maker || maker === grouping.of(op) || maker.form !== "contraction") continue;
    const current = grouping.of(op)!;
    const problem = unfit(maker, current);
    if (apart) joining.refuse("choice", from, op, apart);
    else if (!isDots(op) && !sameDims(v.type.dims, out.type.dims)) joining.refuse("dimensions", from, op);
    else if (problem) joining.refuse(problem.why, from, op, problem.about);
    else if (current === own && own.form === "rowwise") joining.join("epilogue", maker, own, from, op);
    else if (sameExtent(current, maker)) joining.join("epilogue", current, maker, from, op);
    else joining.refuse("extent", from, op);
  }
}

/** The choice that keeps an activation a kernel of its own. */
const keptApart = (op: Op, { swiglu }: FuseChoices): string | undefined =>
  swiglu === "own" && op.kind.startsWith("swiglu") ? "swiglu=own" : undefined;

/** A pointwise op of the same elements as an epilogue that reads what it reads, or what it makes: the epilogue has them at hand. */
function joinEpilogue(joining: Joining, op: Op, choices: FuseChoices): void {
  const { grouping } = joining;
  if (grouping.of(op)?.form !== "rowwise" || keptApart(op, choices)) return;
  const out = op.outputs[0]!;
  const near = [
    ...grouping.users(out),
    ...op.inputs.flatMap((v) => (v.type.dims.length > 1 ? [...(v.def.is === "op" ? [v.def.op] : []), ...grouping.users(v)] : [])),
  ];
  for (const other of near) {
    const group = grouping.of(other);
    if (other === op || group?.form !== "contraction" || !(isPointwise(other) || isDots(other))) continue;
    const product = group.ops.find((o) => formOf(o)?.is === "contraction")!;
    if (!sameDims(product.outputs[0]!.type.dims, out.type.dims)) joining.refuse("dimensions", op, other);
    else if (joining.join("neighbour", group, grouping.of(op)!, op, other)) return;
  }
}

/** Rows without gates of their own that only this op reads go straight to their tokens. */
function joinScatter(joining: Joining, op: Op): void {
  const { grouping, escaping } = joining;
  const [rows] = op.inputs;
  const from = rows!.def.is === "op" ? rows!.def.op : undefined;
  const group = from && grouping.of(from);
  if (op.inputs.length > 3 || group?.form !== "contraction") return;
  if (grouping.users(rows!).length > 1 || escaping.has(rows!)) joining.refuse("stored", from!, op);
  else joining.join("scatter", group, grouping.of(op)!, from!, op);
}

/** Contractions of one size that read the same left operand load it once. */
function joinSiblings(joining: Joining, body: readonly Op[], unfit: Unfit, { fewRows = false }: FuseChoices): void {
  const { grouping } = joining;
  const first = new Map<string, { group: Group; op: Op }>();
  for (const op of body) {
    const form = formOf(op);
    const group = grouping.of(op);
    if (form?.is !== "contraction" || !group || group.ops.filter((o) => formOf(o)?.is === "contraction").length > 1) continue;
    if (fewRows && standsBeside(op)) continue;
    const { a } = form.describe(op);
    const key = `${op.inputs[a.input]!.id} ${a.transposed}`;
    const sibling = first.get(key);
    if (sibling && joinsSibling(joining, sibling, { group, op }, unfit)) continue;
    first.set(key, { group, op });
  }
}

type Product = { group: Group; op: Op };

function joinsSibling(joining: Joining, sibling: Product, product: Product, unfit: Unfit): boolean {
  const problem = sameExtent(sibling.group, product.group) ? unfit(sibling.group, product.group) : { why: "extent" as const };
  if (!problem) return joining.join("siblings", sibling.group, product.group, sibling.op, product.op);
  joining.refuse(problem.why, sibling.op, product.op, problem.about);
  return false;
}

/** Rows, columns and experts agree, so the products can share one loop over output blocks. */
function sameExtent(a: Group, b: Group): boolean {
  const extent = (g: Group): string => {
    const op = g.ops.find((o) => formOf(o)?.is === "contraction")!;
    const form = formOf(op);
    if (form?.is !== "contraction") return "";
    const c = form.describe(op);
    return `${c.m} ${c.n} ${c.groups} ${c.ragged?.axis ?? ""} ${c.ragged ? op.inputs[c.ragged.offsets]!.id : ""}`;
  };
  return extent(a) === extent(b);
}

/** Joins an op's row loop with those of its operands and of the ops that read the same values. */
function joinRows(joining: Joining, op: Op): void {
  const { grouping } = joining;
  const space = rowSpace(op);
  const near = new Set<Op>();
  for (const v of op.inputs) {
    const from = v.def.is === "op" ? v.def.op : undefined;
    if (from && grouping.of(from)) near.add(from);
    if (v.type.dims.length > 1) for (const user of grouping.users(v)) near.add(user);
  }
  for (const other of near) {
    const group = grouping.of(other);
    if (!group || other === op || group.form !== "rowwise") continue;
    const alone = [op, other].find(standsAlone);
    if (alone) joining.refuse("index", op, other, alone.kind);
    else if (rowSpace(other) !== space) joining.refuse("rows", op, other, `[${rowNames(op)}] and [${rowNames(other)}]`);
    else joining.join("rows", group, grouping.of(op)!, op, other);
  }
}
