import { last, size } from "../ir.js";
import { mustMatch } from "./dims.js";
import { type OpSpec, type RowScalar, tensor } from "./op.js";
import { rstd } from "./rmsnorm.js";

const x3 = tensor("B T D", { B: 2, T: 3, D: 5 });
const gain = tensor("D", { D: 5 });

/** mean(dy · gain · x): how much of the gradient goes along x. */
const along: RowScalar = {
  name: "along",
  reduce: "+",
  each: ([dy, x, g]) => `${dy} * ${g} * ${x}`,
  finish: (sum, columns) => `${sum} / ${columns}`,
};

/** 1 / sqrt(mean(x²) + eps) of the row of n that begins at `from`. */
function scaleOf(x: Float64Array, from: number, n: number, eps: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += x[from + i]! ** 2;
  return 1 / Math.sqrt(sum / n + eps);
}

export const rmsnormGradX: OpSpec = {
  name: "rmsnormGradX",
  formula: "dx = r · (dy · gain − x · r² · mean(dy · gain · x)), r = 1 / sqrt(mean(x²) + eps)",
  infer: ([dy, x]) => [mustMatch("rmsnormGradX", dy, x)],
  flops: (op) => 10 * size(op.outputs[0]!.type),
  reference([dy, x, gain], attrs, [out]) {
    const n = last(out!).size;
    const dx = new Float64Array(size(out!));
    for (let at = 0; at < dx.length; at += n) {
      const r = scaleOf(x!.data, at, n, attrs.eps as number);
      let dot = 0;
      for (let i = 0; i < n; i++) dot += dy!.data[at + i]! * gain!.data[i]! * x!.data[at + i]!;
      for (let i = 0; i < n; i++) dx[at + i] = r * (dy!.data[at + i]! * gain!.data[i]! - (x!.data[at + i]! * r * r * dot) / n);
    }
    return [dx];
  },
  form: {
    is: "rowwise",
    scalars: (attrs) => [rstd(1, attrs), along],
    value: ([dy, x, g], { rstd, along }) => `${rstd} * (${dy} * ${g} - ${x} * (${rstd} * ${rstd} * ${along}))`,
  },
  samples: [
    { args: [{ type: x3 }, { type: x3 }, { type: gain }], attrs: { eps: 1e-6 } },
    { args: [{ type: x3 }, { type: x3 }, { type: gain }], attrs: { eps: 1e-2 } },
  ],
};

export const rmsnormGradGain: OpSpec = {
  name: "rmsnormGradGain",
  formula: "dgain = Σ over rows of dy · x / sqrt(mean(x²) + eps)",
  infer: ([dy, x]) => [{ dims: [last(mustMatch("rmsnormGradGain", dy, x))], dtype: x!.dtype }],
  flops: (op) => 5 * size(op.inputs[0]!.type),
  reference([dy, x], attrs, [out]) {
    const n = last(out!).size;
    const dgain = new Float64Array(n);
    for (let at = 0; at < x!.data.length; at += n) {
      const r = scaleOf(x!.data, at, n, attrs.eps as number);
      for (let i = 0; i < n; i++) dgain[i]! += dy!.data[at + i]! * x!.data[at + i]! * r;
    }
    return [dgain];
  },
  form: { is: "rowwise", sumRows: true, scalars: (attrs) => [rstd(1, attrs)], value: ([dy, x], { rstd }) => `${dy} * ${x} * ${rstd}` },
  samples: [{ args: [{ type: x3 }, { type: x3 }], attrs: { eps: 1e-6 } }],
};
