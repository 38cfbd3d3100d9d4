/** The ops there are: form, mathematics, gradient and cost, read off their records. */
import { Builder, type Op, size, type Value } from "../ir.js";
import { ops, spec } from "../ops/index.js";
import type { OpSpec } from "../ops/op.js";

export interface OpRow {
  name: string;
  form: string;
  formula: string;
  /** For each operand that has one, in their order: the op whose result its gradient is; "dy" where that is passed on as it is. */
  gradient: string[];
  cost: string;
}

export const opTable = (): OpRow[] =>
  [...ops.values()].map((op) => ({ name: op.name, form: op.form.is, formula: op.formula, gradient: gradientOf(op), cost: costOf(op) }));

/** An op with the operands of one of its samples. */
function sampleOp(builder: Builder, op: OpSpec, number = 0): Op {
  const { args, attrs = {} } = op.samples[number]!;
  const types = args.map(({ type }) => type);
  return builder.op(
    op.name,
    types.map((type, i) => builder.input(`operand${i}`, type)),
    attrs,
    op.infer(types, attrs),
    [],
  );
}

function gradientOf(op: OpSpec): string[] {
  if (op.gradient === undefined || op.samples.length === 0) return [];
  const builder = new Builder();
  const emitAll = (kind: string, inputs: Value[], attrs: Op["attrs"] = {}): Value[] => {
    const types = inputs.map((v) => v.type);
    return builder.op(kind, inputs, attrs, spec(kind).infer(types, attrs), []).outputs;
  };
  const at = sampleOp(builder, op);
  const dy = at.outputs.map((v) => builder.input("dy", v.type));
  const results = op.gradient({
    op: at,
    d: (i) => dy[i],
    emit: (kind, inputs, attrs) => emitAll(kind, inputs, attrs)[0]!,
    emitAll,
  });
  return results.flatMap((v) => (v === undefined ? [] : [v.def.is === "op" ? v.def.op.kind : "dy"]));
}

/** FLOPs for each element of something, where that is the same for every sample. */
function costOf(op: OpSpec): string {
  const made = op.samples.map((_, i) => sampleOp(new Builder(), op, i));
  const each = (unit: (op: Op) => number): number | undefined => {
    const rates = made.map((sample) => op.flops(sample) / unit(sample));
    return rates.every((rate) => rate === rates[0] && Number.isInteger(rate * 2)) ? rates[0] : undefined;
  };
  if (made.every((sample) => op.flops(sample) === 0)) return "0";
  if (op.form.is === "contraction") {
    const { describe } = op.form;
    const product = each((sample) => {
      const { m, n, k } = describe(sample);
      return m * n * k;
    });
    if (product !== undefined) return `${product} · m · n · k`;
  }
  const result = each((sample) => size(sample.outputs[0]!.type));
  if (result !== undefined) return `${result} a number of the result`;
  const operand = each((sample) => size(sample.inputs[0]!.type));
  if (operand !== undefined) return `${operand} a number of the operand`;
  const [sample] = made;
  if (!sample) return "–";
  // No rule that a column has room for: one example, by its first operand.
  const [first, ...more] = sample.inputs.map((v) => `[${v.type.dims.map((d) => d.size).join(" ")}]`);
  return `${op.flops(sample).toLocaleString("en-US")} for ${first}${more.length > 0 ? " …" : ""}`;
}
