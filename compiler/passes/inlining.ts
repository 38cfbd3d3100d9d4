/** Which ops are computed inside each of their users, while those load their operands; a part of fuse.ts. */
import type { Op, Value } from "../ir.js";
import type { Form } from "../ops/op.js";
import type { Reason } from "./decisions.js";
import { isNorm, normalises } from "./fewRows.js";
import type { FuseChoices } from "./fuse.js";
import { formOf, operands } from "./groups.js";
import type { NotInlined } from "./joining.js";

/** An operand of an op: `input` is -1 for what a loop takes from outside. */
interface Use {
  op: Op;
  input: number;
}

/** From the last op to the first: whether every user can compute it in the place where it reads an operand. */
export function findInlined(
  body: readonly Op[],
  escaping: ReadonlySet<Value>,
  choices: FuseChoices,
): { inlined: Set<Op>; notInlined: NotInlined[] } {
  const users = new Map<Value, Use[]>();
  for (const op of body) {
    for (const v of operands(op)) {
      const input = op.loop ? -1 : op.inputs.indexOf(v);
      users.set(v, [...(users.get(v) ?? []), { op, input }]);
    }
  }
  const inlined = new Set<Op>();
  const notInlined: NotInlined[] = [];
  for (const op of [...body].reverse()) {
    const form = formOf(op);
    const out = op.outputs[0];
    const uses = op.outputs.flatMap((v) => users.get(v) ?? []);
    if (!form || !out || uses.length === 0) continue;
    const rowScalars = form.is === "rowwise";
    const asOperand = (use: Use): boolean => (choices.target === "cpu" || form.is === "gather") && isOperand(use.op, use.input, rowScalars);
    const norm = choices.fewRows === true && isNorm(op) && op.inputs[0]!.type.dtype === "bf16";
    const gathers = choices.moeIn === "fused";
    const fits = (use: Use): boolean =>
      norm
        ? normalises(use.op, out, (v) => (users.get(v) ?? []).map((u) => u.op), gathers)
        : inlined.has(use.op)
          ? mayNest(use.op)
          : asOperand(use) || (form.is === "view" && isRowLoop(use.op));
    const unfit = uses.filter((use) => !fits(use));
    const stored = op.outputs.length > 1 ? "severalResults" : escaping.has(out) ? "stored" : undefined;
    // What several products would each compute again is cheaper to store: it may still join the kernel that makes its operand.
    const several = form.is === "pointwise" && uses.length > 1 ? "severalReaders" : undefined;
    const problem = (norm ? undefined : refusal(op, form, choices)) ?? (stored ? { why: stored } : several ? { why: several } : undefined);
    if (problem === undefined && unfit.length === 0) {
      inlined.add(op);
      continue;
    }
    // Only what a product reads could have been on the way to it; of other pairs the rules for epilogues and rows speak.
    if (form.is !== "contraction" && form.is !== "own")
      for (const use of uses.filter(({ op: user }) => formOf(user)?.is === "contraction"))
        notInlined.push({
          op,
          user: use.op,
          ...(problem ?? (unfit.includes(use) ? { why: "asRows" } : { why: "otherReader", about: unfit[0]!.op.kind })),
        });
  }
  return { inlined, notInlined };
}

/** Why an op of this form is never computed inside its users, under these choices. */
function refusal(op: Op, form: Form, choices: FuseChoices): { why: Reason; about?: string } | undefined {
  const cuda = choices.target === "cuda";
  if (form.is === "view") return undefined;
  if (form.is === "gather") {
    if (choices.moeIn !== "fused") return { why: "choice", about: `moeIn=${choices.moeIn}` };
    return cuda && op.inputs.length >= 4 ? { why: "factor" } : undefined;
  }
  if (cuda) return { why: "copies" };
  if (form.is === "pointwise") return choices.swiglu === "fused" ? undefined : { why: "choice", about: `swiglu=${choices.swiglu}` };
  if (form.is !== "rowwise" || form.value === undefined || form.sumRows) return { why: "asRows" };
  if (choices.norm !== "fused") return { why: "choice", about: `norm=${choices.norm}` };
  return op.outputs.length === 1 ? undefined : { why: "severalResults" };
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
