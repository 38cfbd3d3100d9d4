/** Joins groups for the rules of fuse.ts, and writes down what was decided about which ops, and the traffic it is about. */
import type { Op, Value } from "../ir.js";
import { spec } from "../ops/index.js";
import type { Bond, Decision, Reason, Traffic } from "./decisions.js";
import { type Group, type Grouping, operands } from "./groups.js";
import { toKernel } from "./toKernel.js";

/** An op is not computed inside one of its users. */
export interface NotInlined {
  op: Op;
  user: Op;
  why: Reason;
  about?: string;
}

export class Joining {
  readonly #made: Decision[] = [];
  readonly #refused: Omit<Decision, "saved">[] = [];
  readonly #asked = new Map<Op, Set<Op>>();

  constructor(
    readonly grouping: Grouping,
    readonly escaping: ReadonlySet<Value>,
    notInlined: readonly NotInlined[],
  ) {
    for (const { op, user, why, about } of notInlined) this.refuse(why, op, user, about);
    const eachUser = (op: Op, how: Bond, saved: (first: boolean) => Traffic): void =>
      [...new Set(op.outputs.flatMap((v) => grouping.users(v)))].forEach((user, i) => {
        this.#joined(how, op, user, saved(i === 0));
      });
    for (const op of grouping.inlined) eachUser(op, "operand", (first) => savedInside(op, first));
    for (const op of grouping.pieces) eachUser(op, "piece", (first) => (first ? count([...op.inputs, ...op.outputs]) : new Map()));
  }

  /** Joins the group of `b` into that of `a`, for the sake of two ops of theirs; says whether it could. */
  join(how: Bond, a: Group, b: Group, one: Op, other: Op): boolean {
    if (a === b) return true;
    const apart = [this.#traffic(a), this.#traffic(b)];
    if (!this.grouping.join(a, b)) {
      this.refuse("between", one, other);
      return false;
    }
    this.#joined(how, one, other, less(apart, this.#traffic(a)));
    return true;
  }

  /** Launches two groups as one, if neither needs the other; says whether it could. */
  joinBeside(a: Group, b: Group, one: Op, other: Op): boolean {
    const apart = [this.#traffic(a), this.#traffic(b)];
    if (!this.grouping.joinBeside(a, b)) return false;
    this.#joined("beside", one, other, less(apart, this.#traffic(a)));
    return true;
  }

  /** The two are not joined by the rule at hand; a later one may. */
  refuse(why: Reason, one: Op, other: Op, about = ""): void {
    const [first, second] = this.grouping.inOrder([one, other]) as [Op, Op];
    this.#ask(first, second);
    this.#refused.push({ first, second, verdict: { is: "apart", why }, about });
  }

  /** Everything that was decided, once nothing is joined any more; and a reason for every op and its user that no rule spoke of. */
  decisions(): Decision[] {
    for (const second of this.grouping.body)
      for (const v of operands(second)) {
        const first = v.def.is === "op" ? v.def.op : undefined;
        if (!first || !this.grouping.has(first) || this.#asked.get(first)?.has(second)) continue;
        const { why, about } = this.#plainReason(first, second);
        this.refuse(why, first, second, about);
      }
    const apart = this.#refused.flatMap((decision): Decision[] => {
      const [a, b] = [this.grouping.of(decision.first), this.grouping.of(decision.second)];
      if (a !== undefined && a === b) return [];
      const known = a !== undefined && b !== undefined && a.form !== "loop" && b.form !== "loop";
      return [{ ...decision, saved: known ? less([this.#traffic(a), this.#traffic(b)], this.#traffic(a, b)) : new Map() }];
    });
    return [...this.#made, ...apart];
  }

  #joined(how: Bond, one: Op, other: Op, saved: Traffic): void {
    const [first, second] = this.grouping.inOrder([one, other]) as [Op, Op];
    this.#ask(first, second);
    this.#made.push({ first, second, verdict: { is: "joined", how }, about: "", saved });
  }

  /** Why an op and its user are two kernels, where no rule got so far as to look at them. */
  #plainReason(first: Op, second: Op): { why: Reason; about?: string } {
    if (first.loop || second.loop) return { why: "loop" };
    for (const op of [first, second]) if (spec(op.kind).form.is === "own") return { why: "own", about: op.kind };
    if (this.grouping.of(first)?.form !== "contraction") return { why: "apart" };
    return { why: spec(second.kind).form.is === "contraction" ? "chain" : "blocks" };
  }

  #ask(first: Op, second: Op): void {
    const asked = this.#asked.get(first) ?? new Set();
    this.#asked.set(first, asked.add(second));
  }

  #traffic(...groups: readonly [Group, ...Group[]]): Traffic {
    const { inputs, outputs } = toKernel(this.grouping, this.escaping, ...groups);
    return count([...inputs, ...outputs]);
  }
}

/**
 * By one user that computes an op for itself: it does not read the result, but the operands. With the first of them the op's own kernel
 * goes, which would read the operands and write the result.
 */
function savedInside(op: Op, first: boolean): Traffic {
  const saved = new Map<Value, number>(op.outputs.map((v) => [v, first ? 2 : 1]));
  if (!first) for (const v of op.inputs) saved.set(v, (saved.get(v) ?? 0) - 1);
  return saved;
}

const count = (values: readonly Value[]): Map<Value, number> => {
  const found = new Map<Value, number>();
  for (const v of values) found.set(v, (found.get(v) ?? 0) + 1);
  return found;
};

function less(apart: readonly Traffic[], together: Traffic): Traffic {
  const saved = new Map<Value, number>();
  for (const traffic of apart) for (const [v, n] of traffic) saved.set(v, (saved.get(v) ?? 0) + n);
  for (const [v, n] of together) saved.set(v, (saved.get(v) ?? 0) - n);
  return new Map([...saved].filter(([, n]) => n !== 0));
}
