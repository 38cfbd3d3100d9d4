import { last, size } from "../ir.js";
import { mustMatch } from "./dims.js";
import { type OpSpec, type RowScalar, ShapeProblem, tensor } from "./op.js";

const x3 = tensor("B T E", { B: 2, T: 3, E: 7 });

const peak: RowScalar = { name: "peak", reduce: "max", each: ([x]) => `${x}` };
const share: RowScalar = {
  name: "share",
  reduce: "+",
  each: ([x], { peak }) => `mlac::exp(${x} - ${peak})`,
  finish: (sum) => `1 / ${sum}`,
};

export const softmax: OpSpec = {
  name: "softmax",
  formula: "y = eˣ / Σ eˣ, over the last dimension",
  infer([x]) {
    if (!x || x.dims.length === 0) throw new ShapeProblem("shape/arguments", "softmax takes x with at least one dimension");
    return [x];
  },
  gradient({ op, d, emit }) {
    const dy = d(0);
    return dy ? [emit("softmaxGrad", [dy, op.outputs[0]!])] : [];
  },
  flops: (op) => 5 * size(op.outputs[0]!.type),
  reference([x], _, [out]) {
    const n = last(out!).size;
    const y = new Float64Array(size(out!));
    for (let at = 0; at < y.length; at += n) y.set(softmaxRow(x!.data.subarray(at, at + n)), at);
    return [y];
  },
  form: { is: "rowwise", scalars: () => [peak, share], value: ([x], { peak, share }) => `mlac::exp(${x} - ${peak}) * ${share}` },
  samples: [{ args: [{ type: x3 }], attrs: {} }],
};

export const softmaxGrad: OpSpec = {
  name: "softmaxGrad",
  formula: "dx = y · (dy − Σ dy · y)",
  infer: ([dy, y]) => [mustMatch("softmaxGrad", dy, y)],
  flops: (op) => 4 * size(op.outputs[0]!.type),
  reference([dy, y], _, [out]) {
    const n = last(out!).size;
    const dx = new Float64Array(size(out!));
    for (let at = 0; at < dx.length; at += n) {
      let dot = 0;
      for (let i = at; i < at + n; i++) dot += dy!.data[i]! * y!.data[i]!;
      for (let i = at; i < at + n; i++) dx[i] = y!.data[i]! * (dy!.data[i]! - dot);
    }
    return [dx];
  },
  form: {
    is: "rowwise",
    scalars: () => [{ name: "dot", reduce: "+", each: ([dy, y]) => `${dy} * ${y}` }],
    value: ([dy, y], { dot }) => `${y} * (${dy} - ${dot})`,
  },
  samples: [{ args: [{ type: x3 }, { type: x3 }], attrs: {} }],
};

/** One row in float64, the largest exponent being 0. */
export function softmaxRow(x: Float64Array): Float64Array {
  const peak = x.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const e = x.map((v) => Math.exp(v - peak));
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map((v) => v / sum);
}
