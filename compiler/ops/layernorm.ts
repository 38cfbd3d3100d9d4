import { last, names, size } from "../ir.js";
import { type Attrs, type OpSpec, type RowScalar, ShapeProblem, tensor } from "./op.js";

/** The mean of the argument of that number. */
export const meanOf = (argument: number): RowScalar => ({
  name: "mean",
  reduce: "+",
  each: (args) => `${args[argument]}`,
  finish: (sum, columns) => `${sum} / ${columns}`,
});

/** 1 / sqrt(var(x) + eps); two passes over the row, since E[x²] − E[x]² loses digits. */
export const deviationOf = (argument: number, attrs: Attrs): RowScalar => ({
  name: "rstd",
  reduce: "+",
  each: (args, { mean }) => `(${args[argument]} - ${mean}) * (${args[argument]} - ${mean})`,
  finish: (sum, columns) => `1 / std::sqrt(${sum} / ${columns} + real(${attrs.eps}))`,
});

/** The row of n that begins at `from`: its mean and 1 / sqrt(var + eps). */
export function moments(x: Float64Array, from: number, n: number, eps: number): { mean: number; rstd: number } {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += x[from + i]!;
  const mean = sum / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (x[from + i]! - mean) ** 2;
  return { mean, rstd: 1 / Math.sqrt(squares / n + eps) };
}

/** Ba, Kiros and Hinton 2016, arXiv 1607.06450. */
export const layernorm: OpSpec = {
  name: "layernorm",
  formula: "y = (x − mean(x)) / sqrt(var(x) + eps) · gain + bias, over the last dimension",
  infer([x, gain, bias]) {
    if (!x || !gain || !bias) throw new ShapeProblem("shape/arguments", "layernorm takes x, a gain and a bias");
    const check = (slug: string, what: string, type: typeof gain, argument: number): void => {
      if (last(x).name === names(type)) return;
      throw new ShapeProblem(
        slug,
        `layernorm: the ${what} is over [${names(type)}]; x is [${names(x)}], whose last dimension is ${last(x).name}`,
        argument,
      );
    };
    check("shape/gain", "gain", gain, 1);
    check("shape/bias", "bias", bias, 2);
    return [x];
  },
  gradient({ op, d, emit }) {
    const [x, gain] = op.inputs;
    const dy = d(0);
    if (!x || !gain || !dy) return [];
    return [emit("layernormGradX", [dy, x, gain], op.attrs), emit("layernormGradGain", [dy, x], op.attrs), emit("sumRows", [dy])];
  },
  flops: (op) => 8 * size(op.outputs[0]!.type),
  reference([x, gain, bias], attrs, [out]) {
    const n = last(out!).size;
    const y = new Float64Array(size(out!));
    for (let at = 0; at < y.length; at += n) {
      const { mean, rstd } = moments(x!.data, at, n, attrs.eps as number);
      for (let i = 0; i < n; i++) y[at + i] = (x!.data[at + i]! - mean) * rstd * gain!.data[i]! + bias!.data[i]!;
    }
    return [y];
  },
  form: {
    is: "rowwise",
    scalars: (attrs) => [meanOf(0), deviationOf(0, attrs)],
    value: ([x, gain, bias], { mean, rstd }) => `(${x} - ${mean}) * ${rstd} * ${gain} + ${bias}`,
  },
  samples: [
    {
      args: [{ type: tensor("B T D", { B: 2, T: 3, D: 5 }) }, { type: tensor("D", { D: 5 }) }, { type: tensor("D", { D: 5 }) }],
      attrs: { eps: 1e-5 },
    },
    {
      args: [{ type: tensor("T D", { T: 4, D: 7 }) }, { type: tensor("D", { D: 7 }) }, { type: tensor("D", { D: 7 }) }],
      attrs: { eps: 0.1 },
    },
  ],
};
