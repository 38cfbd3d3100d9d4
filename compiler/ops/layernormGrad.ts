import { last, size } from "../ir.js";
import { mustMatch } from "./dims.js";
import { deviationOf, meanOf, moments } from "./layernorm.js";
import { type OpSpec, type RowScalar, tensor } from "./op.js";

const x3 = tensor("B T D", { B: 2, T: 3, D: 5 });
const gain = tensor("D", { D: 5 });

/** mean(dy · gain) */
const level: RowScalar = {
  name: "level",
  reduce: "+",
  each: ([dy, , g]) => `${dy} * ${g}`,
  finish: (sum, columns) => `${sum} / ${columns}`,
};

/** mean(dy · gain · z) with z the normalized row */
const along: RowScalar = {
  name: "along",
  reduce: "+",
  each: ([dy, x, g], { mean, rstd }) => `${dy} * ${g} * ((${x} - ${mean}) * ${rstd})`,
  finish: (sum, columns) => `${sum} / ${columns}`,
};

export const layernormGradX: OpSpec = {
  name: "layernormGradX",
  formula: "dx = r · (h − mean(h) − z · mean(h · z)), h = dy · gain, z = (x − mean(x)) · r, r = 1 / sqrt(var(x) + eps)",
  infer: ([dy, x]) => [mustMatch("layernormGradX", dy, x)],
  flops: (op) => 16 * size(op.outputs[0]!.type),
  reference([dy, x, gain], attrs, [out]) {
    const n = last(out!).size;
    const dx = new Float64Array(size(out!));
    for (let at = 0; at < dx.length; at += n) {
      const { mean, rstd } = moments(x!.data, at, n, attrs.eps as number);
      const h = (i: number): number => dy!.data[at + i]! * gain!.data[i]!;
      const z = (i: number): number => (x!.data[at + i]! - mean) * rstd;
      let level = 0;
      let along = 0;
      for (let i = 0; i < n; i++) {
        level += h(i) / n;
        along += (h(i) * z(i)) / n;
      }
      for (let i = 0; i < n; i++) dx[at + i] = rstd * (h(i) - level - z(i) * along);
    }
    return [dx];
  },
  form: {
    is: "rowwise",
    scalars: (attrs) => [meanOf(1), deviationOf(1, attrs), level, along],
    value: ([dy, x, g], { mean, rstd, level, along }) => `${rstd} * (${dy} * ${g} - ${level} - (${x} - ${mean}) * (${rstd} * ${along}))`,
  },
  samples: [
    { args: [{ type: x3 }, { type: x3 }, { type: gain }], attrs: { eps: 1e-5 } },
    { args: [{ type: x3 }, { type: x3 }, { type: gain }], attrs: { eps: 0.1 } },
  ],
};

export const layernormGradGain: OpSpec = {
  name: "layernormGradGain",
  formula: "dgain = Σ over rows of dy · (x − mean(x)) / sqrt(var(x) + eps)",
  infer: ([dy, x]) => [{ dims: [last(mustMatch("layernormGradGain", dy, x))], dtype: x!.dtype }],
  flops: (op) => 8 * size(op.inputs[0]!.type),
  reference([dy, x], attrs, [out]) {
    const n = last(out!).size;
    const dgain = new Float64Array(n);
    for (let at = 0; at < x!.data.length; at += n) {
      const { mean, rstd } = moments(x!.data, at, n, attrs.eps as number);
      for (let i = 0; i < n; i++) dgain[i]! += dy!.data[at + i]! * (x!.data[at + i]! - mean) * rstd;
    }
    return [dgain];
  },
  form: {
    is: "rowwise",
    sumRows: true,
    scalars: (attrs) => [meanOf(1), deviationOf(1, attrs)],
    value: ([dy, x], { mean, rstd }) => `${dy} * (${x} - ${mean}) * ${rstd}`,
  },
  samples: [{ args: [{ type: x3 }, { type: x3 }], attrs: { eps: 1e-5 } }],
};
