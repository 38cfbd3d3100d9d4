/** Groups of ops on the way to becoming kernels, and which of them may be joined without tying a knot. */
import { last, names, type Op, size, type Type, type Value } from "../ir.js";
import { spec } from "../ops/index.js";
import type { Form } from "../ops/op.js";
import { allOps, leaves } from "./rewrite.js";

export const formOf = (op: Op): Form | undefined => (op.loop ? undefined : spec(op.kind).form);
export const isPointwise = (op: Op): boolean => formOf(op)?.is === "pointwise";

export interface Group {
  form: "rowwise" | "contraction" | "own" | "loop";
  ops: Op[];
  /** Groups that have nothing to do with one another but that they are launched together. */
  parts?: Group[];
}

/**
 * The groups of one body. Ops that are computed inside each of their users (`inlined`) belong to no group here, nor do those whose
 * results lie within a parameter (`pieces`).
 */
export class Grouping {
  readonly #groupOf = new Map<Op, Group>();
  readonly #users = new Map<Value, Op[]>();
  readonly #order = new Map<Op, number>();

  constructor(
    readonly body: readonly Op[],
    readonly inlined: ReadonlySet<Op>,
    readonly pieces: ReadonlySet<Op> = new Set(),
  ) {
    body.forEach((op, i) => void this.#order.set(op, i));
    for (const op of body) for (const v of operands(op)) this.#users.set(v, [...(this.#users.get(v) ?? []), op]);
    for (const op of body) if (!inlined.has(op) && !pieces.has(op)) this.#groupOf.set(op, { form: groupForm(op), ops: [op] });
  }

  of(op: Op): Group | undefined {
    return this.#groupOf.get(op);
  }

  /** Whether it is an op of this body. */
  has(op: Op): boolean {
    return this.#order.has(op);
  }

  /** Ops of this body, the earliest first. */
  inOrder(ops: readonly Op[]): Op[] {
    return [...ops].sort((x, y) => this.#order.get(x)! - this.#order.get(y)!);
  }

  users(v: Value): readonly Op[] {
    return this.#users.get(v) ?? [];
  }

  /** Joins b into a if no third group stands between them; says whether it did. */
  join(a: Group, b: Group): boolean {
    if (a === b) return true;
    if (this.#between(a, b) || this.#between(b, a)) return false;
    for (const op of b.ops) this.#groupOf.set(op, a);
    a.ops = this.inOrder([...a.ops, ...b.ops]);
    return true;
  }

  /** Makes one launch of two groups, if neither needs what the other makes, directly or through others; says whether it did. */
  joinBeside(a: Group, b: Group): boolean {
    if (a === b) return true;
    if (this.#leadsTo(a, b) || this.#leadsTo(b, a)) return false;
    a.parts = [a, b].flatMap((g) => g.parts ?? [{ form: g.form, ops: g.ops }]);
    for (const op of b.ops) this.#groupOf.set(op, a);
    a.ops = this.inOrder([...a.ops, ...b.ops]);
    return true;
  }

  #leadsTo(from: Group, to: Group): boolean {
    return this.next(from).has(to) || this.#between(from, to);
  }

  /** Whether something outside both depends on `from` and is needed by `to`. */
  #between(from: Group, to: Group): boolean {
    const seen = new Set<Group>([from]);
    const stack = [...this.next(from)].filter((g) => g !== to);
    for (let g = stack.pop(); g !== undefined; g = stack.pop()) {
      if (g === to) return true;
      if (seen.has(g)) continue;
      seen.add(g);
      stack.push(...this.next(g));
    }
    return false;
  }

  /** The groups that use what this one computes, through inlined ops too. */
  next(group: Group): Set<Group> {
    const found = new Set<Group>();
    const follow = (v: Value): void => {
      for (const user of this.users(v)) {
        const g = this.#groupOf.get(user);
        if (g) found.add(g);
        else for (const out of user.outputs) follow(out);
      }
    };
    for (const op of group.ops) for (const v of op.outputs) follow(v);
    found.delete(group);
    return found;
  }

  /** All groups, each after those it depends on, otherwise in the order of the body. */
  sorted(): Group[] {
    const groups = [...new Set(this.body.flatMap((op) => this.#groupOf.get(op) ?? []))];
    const waiting = new Map<Group, number>(groups.map((g) => [g, 0]));
    for (const g of groups) for (const n of this.next(g)) waiting.set(n, waiting.get(n)! + 1);
    const first = (g: Group): number => this.#order.get(g.ops[0]!)!;
    const ready = groups.filter((g) => waiting.get(g) === 0);
    const result: Group[] = [];
    while (ready.length > 0) {
      ready.sort((a, b) => first(a) - first(b));
      const g = ready.shift()!;
      result.push(g);
      for (const n of this.next(g)) {
        waiting.set(n, waiting.get(n)! - 1);
        if (waiting.get(n) === 0) ready.push(n);
      }
    }
    return result;
  }
}

/** What an op reads: its operands, and for a loop everything its body takes from outside. */
export function operands(op: Op): Value[] {
  if (!op.loop) return op.inputs;
  const inside = new Set<Value>([...op.loop.carried, ...op.loop.slices]);
  const read = new Set<Value>(op.inputs);
  for (const o of allOps(op.loop.body)) {
    for (const v of [...o.outputs, ...(o.loop?.carried ?? []), ...(o.loop?.slices ?? [])]) inside.add(v);
    for (const v of [...o.inputs, ...leaves(o)]) read.add(v);
  }
  for (const v of leaves(op)) read.add(v);
  return [...read].filter((v) => !inside.has(v));
}

function groupForm(op: Op): Group["form"] {
  if (op.loop) return "loop";
  const { form } = spec(op.kind);
  if (form.is === "contraction" || form.is === "own") return form.is;
  return "rowwise";
}

/** Whether an op is dot products of runs of columns, which a product's epilogue can leave. */
export function isDots(op: Op): boolean {
  const form = op.loop ? undefined : spec(op.kind).form;
  return form?.is === "rowwise" && form.dots === true;
}

/** Whether ops that follow a product need whole rows of its result, and not only eight neighbouring sums. */
export const isRowEpilogue = (ops: readonly Op[]): boolean =>
  ops.some((op) => !op.loop && ["rowwise", "view"].includes(spec(op.kind).form.is) && !isDots(op));

/** The rows an op works on, as text: equal texts may share a row loop. A sum over rows works on the rows of its operand. */
export function rowSpace(op: Op): string {
  const type = rowType(op);
  const rows = size(type) / (type.dims.length > 0 ? last(type).size : 1);
  return `${rows} ${type.dims
    .slice(0, -1)
    .map((d) => `${d.name}:${d.size}`)
    .join(" ")}`;
}

/** The dimensions that count those rows: "B T H". */
export const rowNames = (op: Op): string => names({ ...rowType(op), dims: rowType(op).dims.slice(0, -1) });

function rowType(op: Op): Type {
  const { form } = spec(op.kind);
  return form.is === "rowwise" && (form.sumRows || form.sumColumns) ? op.inputs[0]!.type : op.outputs[0]!.type;
}

/** Ops whose operands are not rows of the same row space. */
export function standsAlone(op: Op): boolean {
  const form = spec(op.kind).form;
  if (form.is === "gather") return true;
  const out = op.outputs[0]!.type;
  if (form.is === "view" || (form.is === "rowwise" && form.sumRows)) return false;
  const rows = form.is === "rowwise" && form.sumColumns ? rowType(op) : out;
  return form.is === "rowwise" && op.inputs.some((v) => v.type.dims.length > rows.dims.length);
}
