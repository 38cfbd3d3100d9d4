import { names, sameDims, size, type Type, type Value } from "../ir.js";
import { scalar } from "./dims.js";
import { type Attrs, type OpSpec, ShapeProblem, tensor } from "./op.js";

type Rule = NonNullable<OpSpec["gradient"]>;
type Emit = Parameters<Rule>[0]["emit"];

/** What sets one pointwise op apart from another. */
interface Pointwise {
  name: string;
  formula: string;
  /** The operands' names, for the sentences. */
  operands: readonly string[];
  /** The value at one place. */
  at(x: readonly number[], attrs: Attrs): number;
  /** The same in C++ over `real` scalars. */
  c(x: readonly string[], attrs: Attrs): string;
  /** Floating-point operations per element; an elementary function counts as one. */
  cost?: number;
  /** The gradients of the operands, given that of the result. */
  gradient?(dy: Value, x: readonly Value[], y: Value, emit: Emit, attrs: Attrs): Value[];
  attrs?: Attrs;
  /** Where the samples are drawn from, if the function is not defined (or not smooth) everywhere. */
  range?: readonly [low: number, high: number];
}

/** An op that works on each element by itself. All operands have the same dimensions: nothing broadcasts by itself. */
export function pointwise(p: Pointwise): OpSpec {
  return {
    name: p.name,
    formula: p.formula,
    infer: (types) => [inferSame(p.name, p.operands, types)],
    ...(p.gradient && { gradient: ruleOf(p.gradient) }),
    flops: (op) => (p.cost ?? 1) * size(op.outputs[0]!.type),
    reference(args, attrs, [out]) {
      const y = new Float64Array(size(out!));
      for (let i = 0; i < y.length; i++) {
        const x = args.map((a) => a.data[i]!);
        y[i] = p.at(x, attrs);
      }
      return [y];
    },
    form: { is: "pointwise", c: p.c },
    samples: [sampleOf(p, tensor("B T D", { B: 1, T: 3, D: 5 })), sampleOf(p, scalar)],
  };
}

function ruleOf(gradient: NonNullable<Pointwise["gradient"]>): Rule {
  return ({ op, d, emit }) => {
    const dy = d(0);
    return dy ? gradient(dy, op.inputs, op.outputs[0]!, emit, op.attrs) : [];
  };
}

function sampleOf(p: Pointwise, type: Type): OpSpec["samples"][number] {
  const args = p.operands.map(() => ({ type, ...(p.range && { range: p.range }) }));
  return { args, attrs: p.attrs ?? {} };
}

function inferSame(op: string, operands: readonly string[], types: readonly Type[]): Type {
  const [first] = types;
  if (!first || types.length !== operands.length) throw new ShapeProblem("shape/arguments", `${op} takes ${operands.join(" and ")}`);
  types.forEach((type, i) => {
    if (type.dtype === "i32")
      throw new ShapeProblem("shape/integers", `${op} takes real numbers; ${operands[i]} is [${names(type)}] of integers`, i);
    if (!sameDims(type.dims, first.dims))
      throw new ShapeProblem(
        "shape/same",
        `${op}: ${operands[0]} is [${names(first)}] and ${operands[i]} is [${names(type)}]; they must be the same`,
        i,
      );
  });
  return first;
}
