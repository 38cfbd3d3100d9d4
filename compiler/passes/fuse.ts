/**
 * Fusion: groups ops into kernels. It speaks of forms only.
 *
 * 1. An op that is cheap to compute per element (pointwise, a norm, a gather, a view) and used by nothing but the operands of
 *    contractions is computed there, while the operand is being loaded (`inlined`).
 * 2. Pointwise ops join the contraction whose result they take, and with it other contractions of the same size: a gate and
 *    an up projection with swiglu become one kernel, so do sums of products.
 * 3. Contractions of one size over the same left operand become one kernel.
 * 4. cuda: what follows a product row by row (norms, rotations) joins it where a row of its result is within a tile.
 * 5. What is left of pointwise and rowwise ops over the same rows becomes one row loop.
 */
import type { Graph, Op, Value } from "../ir.js";
import { sameDims } from "../ir.js";
import type { Kernel, KernelProgram, Step } from "../kernel.js";
import { spec } from "../ops/index.js";
import type { Form } from "../ops/op.js";
import type { Target } from "../target.js";
import { type Group, Grouping, isDots, isRowEpilogue, operands, rowSpace, standsAlone } from "./groups.js";
import { gradientValues } from "./landing.js";
import { leaves } from "./rewrite.js";
import { assignSums } from "./sums.js";
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
}

export function fuse(graph: Graph, choices: FuseChoices): KernelProgram {
  return { graph, steps: fuseBody(graph.body, new Set(graph.outputs.map((o) => o.value)), choices, gradientValues(graph)) };
}

/** `added`: values that are added to what is there. */
function fuseBody(body: readonly Op[], escaping: ReadonlySet<Value>, choices: FuseChoices, added: ReadonlySet<Value>): Step[] {
  const inlined = findInlined(body, escaping, choices);
  const grouping = new Grouping(body, inlined);
  const may = choices.target === "cuda" ? fitsTensorCores(grouping, inlined, escaping) : () => true;
  for (const op of body)
    if (!inlined.has(op) && (isPointwise(op) || (choices.target === "cuda" && isDots(op)))) joinContractions(grouping, op, choices, may);
  if (choices.target === "cuda" && choices.norm === "fused")
    for (const op of body) if (!inlined.has(op)) joinWholeRows(grouping, op, { added, escaping });
  joinSiblings(grouping, body, may);
  if (choices.moeOut === "scatter") for (const op of body) if (op.kind === "combine") joinScatter(grouping, op, escaping);
  if (choices.target === "cuda") for (const op of body) if (!inlined.has(op) && isPointwise(op)) joinEpilogue(grouping, op, choices);
  for (const op of body) if (!inlined.has(op) && grouping.of(op)?.form === "rowwise") joinRows(grouping, op);
  return grouping.sorted().map((group): Step => {
    const [op] = group.ops;
    if (group.form === "loop") {
      const inner = new Set<Value>(leaves(op!));
      return { is: "loop", op: op!, steps: fuseBody(op!.loop!.body, inner, choices, added) };
    }
    return { is: "kernel", kernel: toKernel(group, grouping, escaping) };
  });
}

const formOf = (op: Op): Form | undefined => (op.loop ? undefined : spec(op.kind).form);
const isPointwise = (op: Op): boolean => formOf(op)?.is === "pointwise";

/** From the last op to the first: whether every user can compute it in the place where it reads an operand. */
function findInlined(body: readonly Op[], escaping: ReadonlySet<Value>, choices: FuseChoices): Set<Op> {
  const users = new Map<Value, { op: Op; input: number }[]>();
  for (const op of body) {
    for (const v of operands(op)) {
      const input = op.loop ? -1 : op.inputs.indexOf(v);
      users.set(v, [...(users.get(v) ?? []), { op, input }]);
    }
  }
  const inlined = new Set<Op>();
  for (const op of [...body].reverse()) {
    const form = formOf(op);
    const out = op.outputs[0];
    if (!form || !out || op.outputs.length > 1 || escaping.has(out) || !mayInline(op, form, choices)) continue;
    const uses = users.get(out) ?? [];
    // What several products would each compute again is cheaper to store: it may still join the kernel that makes its operand.
    if (form.is === "pointwise" && uses.length > 1) continue;
    const rowScalars = form.is === "rowwise";
    const asOperand = (use: { op: Op; input: number }): boolean =>
      (choices.target === "cpu" || form.is === "gather") && isOperand(use.op, use.input, rowScalars);
    const fits = uses.every((use) => (inlined.has(use.op) ? mayNest(use.op) : asOperand(use) || (form.is === "view" && isRowLoop(use.op))));
    if (uses.length > 0 && fits) inlined.add(op);
  }
  return inlined;
}

function mayInline(op: Op, form: Form, choices: FuseChoices): boolean {
  if (form.is === "view") return true;
  if (form.is === "gather") return choices.moeIn === "fused" && (choices.target === "cpu" || op.inputs.length < 4);
  if (choices.target === "cuda") return false;
  if (form.is === "pointwise") return choices.swiglu === "fused";
  return form.is === "rowwise" && form.value !== undefined && !form.sumRows && choices.norm === "fused" && op.outputs.length === 1;
}

/** An inlined user computes its own operands element by element, unless it needs them as whole rows or through an index. */
const mayNest = (user: Op): boolean => formOf(user)?.is === "pointwise";

const isRowLoop = (op: Op): boolean => {
  const form = formOf(op);
  return form?.is === "pointwise" || (form?.is === "rowwise" && !form.sumRows);
};

/** Whether input number `input` of `op` is loaded element by element by a contraction. Scalars of a row need A stored by rows. */
function isOperand(op: Op, input: number, rowScalars: boolean): boolean {
  const form = formOf(op);
  if (form?.is !== "contraction") return false;
  const { a, b } = form.describe(op);
  if (input === a.input && input === b.input) return false;
  if (rowScalars) return input === a.input && !a.transposed;
  return input === a.input || input === b.input;
}

type MayJoin = (a: Group, b: Group) => boolean;

/** Whether the products of two groups together are what a kernel on tensor cores does; see FuseChoices.target. */
function fitsTensorCores(grouping: Grouping, inlined: ReadonlySet<Op>, escaping: ReadonlySet<Value>): MayJoin {
  const uses = (v: Value): number => grouping.users(v).length + (escaping.has(v) ? 1 : 0);
  const layout = (op: Op): string => {
    const form = formOf(op);
    if (form?.is !== "contraction") return "";
    const { a, b } = form.describe(op);
    const gathers = (input: number): boolean => op.inputs[input]!.def.is === "op" && inlined.has(op.inputs[input]!.def.op);
    return `${a.transposed} ${b.transposed} ${gathers(a.input)} ${gathers(b.input)}`;
  };
  const left = (op: Op): Value | undefined => {
    const form = formOf(op);
    return form?.is === "contraction" ? op.inputs[form.describe(op).a.input] : undefined;
  };
  return (a, b) => {
    const ops = [...new Set([...a.ops, ...b.ops])];
    const anchors = ops.filter((op) => formOf(op)?.is === "contraction");
    if (new Set(anchors.map(layout)).size > 1) return false;
    const { sums } = assignSums(ops, anchors, uses);
    if (sums > 1 && isRowEpilogue(ops)) return false;
    // Rows of a right operand are gathered for one sum only.
    const gathersRight = anchors.length > 0 && layout(anchors[0]!).endsWith("true");
    return sums <= 1 || (sums === 2 && anchors.length === 2 && left(anchors[0]!) === left(anchors[1]!) && !gathersRight);
  };
}

/** A pointwise op joins the contractions whose results it takes, if they all have its dimensions. */
function joinContractions(grouping: Grouping, op: Op, choices: FuseChoices, may: MayJoin): void {
  if (choices.swiglu === "own" && op.kind.startsWith("swiglu")) return;
  const out = op.outputs[0]!;
  const own = grouping.of(op)!;
  for (const v of op.inputs) {
    const maker = v.def.is === "op" ? grouping.of(v.def.op) : undefined;
    if (!maker || maker === grouping.of(op) || maker.form !== "contraction") continue;
    if (!isDots(op) && !sameDims(v.type.dims, out.type.dims)) continue;
    const current = grouping.of(op)!;
    if (!may(maker, current)) continue;
    if (current === own && own.form === "rowwise") {
      if (grouping.join(maker, own)) continue;
    } else if (sameExtent(current, maker)) grouping.join(current, maker);
  }
}

/** A pointwise op of the same elements as an epilogue that reads what it reads, or what it makes: the epilogue has them at hand. */
function joinEpilogue(grouping: Grouping, op: Op, choices: FuseChoices): void {
  if (grouping.of(op)?.form !== "rowwise" || (choices.swiglu === "own" && op.kind.startsWith("swiglu"))) return;
  const out = op.outputs[0]!;
  const near = [
    ...grouping.users(out),
    ...op.inputs.flatMap((v) => (v.type.dims.length > 1 ? [...(v.def.is === "op" ? [v.def.op] : []), ...grouping.users(v)] : [])),
  ];
  for (const other of near) {
    const group = grouping.of(other);
    if (other === op || group?.form !== "contraction" || !(isPointwise(other) || isDots(other))) continue;
    const product = group.ops.find((o) => formOf(o)?.is === "contraction")!;
    if (sameDims(product.outputs[0]!.type.dims, out.type.dims) && grouping.join(group, grouping.of(op)!)) return;
  }
}

/** Rows without gates of their own that only this op reads go straight to their tokens. */
function joinScatter(grouping: Grouping, op: Op, escaping: ReadonlySet<Value>): void {
  const [rows] = op.inputs;
  const group = rows!.def.is === "op" ? grouping.of(rows!.def.op) : undefined;
  if (op.inputs.length > 3 || group?.form !== "contraction" || grouping.users(rows!).length > 1 || escaping.has(rows!)) return;
  grouping.join(group, grouping.of(op)!);
}

/** Contractions of one size that read the same left operand load it once. */
function joinSiblings(grouping: Grouping, body: readonly Op[], may: MayJoin): void {
  const first = new Map<string, Group>();
  for (const op of body) {
    const form = formOf(op);
    const group = grouping.of(op);
    if (form?.is !== "contraction" || !group || group.ops.filter((o) => formOf(o)?.is === "contraction").length > 1) continue;
    const { a } = form.describe(op);
    const key = `${op.inputs[a.input]!.id} ${a.transposed}`;
    const sibling = first.get(key);
    if (sibling && sameExtent(sibling, group) && may(sibling, group) && grouping.join(sibling, group)) continue;
    first.set(key, group);
  }
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
function joinRows(grouping: Grouping, op: Op): void {
  if (standsAlone(op)) return;
  const space = rowSpace(op);
  const near = new Set<Op>();
  for (const v of op.inputs) {
    const from = v.def.is === "op" ? v.def.op : undefined;
    if (from && grouping.of(from)) near.add(from);
    if (v.type.dims.length > 1) for (const user of grouping.users(v)) near.add(user);
  }
  for (const other of near) {
    const group = grouping.of(other);
    if (!group || other === op || group.form !== "rowwise" || standsAlone(other) || rowSpace(other) !== space) continue;
    grouping.join(group, grouping.of(op)!);
  }
}

function toKernel(group: Group, grouping: Grouping, escaping: ReadonlySet<Value>): Kernel {
  const ops = withInlined(group, grouping);
  const made = new Set(ops.flatMap((op) => op.outputs));
  const inputs = new Set<Value>();
  for (const op of ops) for (const v of group.form === "contraction" ? readsInProduct(op) : reads(op)) if (!made.has(v)) inputs.add(v);
  const outside = (v: Value): boolean => escaping.has(v) || grouping.users(v).some((user) => grouping.of(user) !== group);
  const outputs = group.ops.flatMap((op) => op.outputs).filter((v) => outside(v) || group.form === "own");
  const anchors = group.ops.filter((op) => formOf(op)?.is === group.form && group.form !== "rowwise");
  return { name: "", form: group.form as Kernel["form"], ops, anchors, inputs: [...inputs], outputs };
}

/** What an op's code really reads. */
const reads = (op: Op): Value[] => op.inputs.filter((_, i) => !spec(op.kind).gradientOnly?.includes(i));

/** A sum of rows knows where each token's rows are; a product that scatters has to know where each row's token is. */
const readsInProduct = (op: Op): Value[] => (op.kind === "combine" ? [op.inputs[0]!, op.inputs[2]!] : reads(op));

/** A group's ops with the inlined ones it computes for itself, each before its user. */
function withInlined(group: Group, grouping: Grouping): Op[] {
  const ops: Op[] = [];
  const add = (op: Op): void => {
    if (ops.includes(op)) return;
    for (const v of op.inputs) if (v.def.is === "op" && grouping.inlined.has(v.def.op)) add(v.def.op);
    ops.push(op);
  };
  group.ops.forEach(add);
  return ops;
}
