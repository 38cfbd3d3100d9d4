import { last, names, size } from "../ir.js";
import { type Attrs, type OpSpec, type RowScalar, ShapeProblem, tensor } from "./op.js";

const eps = (attrs: Attrs): number => attrs.eps as number;

/** 1 / sqrt(mean(x²) + eps), with x the argument of that number. */
export const rstd = (argument: number, attrs: Attrs): RowScalar => ({
  name: "rstd",
  reduce: "+",
  each: (args) => `${args[argument]} * ${args[argument]}`,
  finish: (sum, columns) => `1 / std::sqrt(${sum} / ${columns} + real(${eps(attrs)}))`,
});

/** rms(x, g) = x / sqrt(mean(x²) + eps) · g over the last dimension. Zhang and Sennrich 2019, arXiv 1910.07467. */
export const rmsnorm: OpSpec = {
  name: "rmsnorm",
  formula: "y = x / sqrt(mean(x²) + eps) · gain, over the last dimension",
  infer([x, gain]) {
    if (x === undefined || gain === undefined) throw new ShapeProblem("shape/arguments", "rmsnorm takes x and a gain");
    if (last(x).name !== names(gain))
      throw new ShapeProblem(
        "shape/gain",
        `rmsnorm: the gain is over [${names(gain)}]; x is [${names(x)}], whose last dimension is ${last(x).name}`,
        1,
      );
    return [x];
  },
  gradient({ op, d, emit }) {
    const [x, gain] = op.inputs;
    const dy = d(0);
    if (!x || !gain || !dy) return [];
    return [emit("rmsnormGradX", [dy, x, gain], op.attrs), emit("rmsnormGradGain", [dy, x], op.attrs)];
  },
  flops: (op) => 4 * size(op.outputs[0]!.type),
  reference([x, gain], attrs, [out]) {
    const n = last(out!).size;
    const y = new Float64Array(size(out!));
    for (let r = 0; r < y.length; r += n) {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += x!.data[r + i]! ** 2;
      const scale = 1 / Math.sqrt(sum / n + eps(attrs));
      for (let i = 0; i < n; i++) y[r + i] = x!.data[r + i]! * scale * gain!.data[i]!;
    }
    return [y];
  },
  form: {
    is: "rowwise",
    scalars: (attrs) => [rstd(0, attrs)],
    value: ([x, g], { rstd }) => `${x} * ${rstd} * ${g}`,
    normed: (attrs) => ({ eps: eps(attrs) }),
  },
  samples: [
    { args: [{ type: tensor("B T D", { B: 2, T: 3, D: 5 }) }, { type: tensor("D", { D: 5 }) }], attrs: { eps: 1e-6 } },
    { args: [{ type: tensor("T N+R", { T: 4, "N+R": 6 }) }, { type: tensor("N+R", { "N+R": 6 }) }], attrs: { eps: 1e-2 } },
  ],
};
