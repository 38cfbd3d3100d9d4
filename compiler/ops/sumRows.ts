import { last, size } from "../ir.js";
import { type OpSpec, ShapeProblem, tensor } from "./op.js";

/** The gradient of whatever is added to every row: a bias. */
export const sumRows: OpSpec = {
  name: "sumRows",
  formula: "y = Σ over rows of x",
  infer([x]) {
    if (!x || x.dims.length === 0) throw new ShapeProblem("shape/arguments", "sumRows takes x with at least one dimension");
    return [{ dims: [last(x)], dtype: x.dtype }];
  },
  flops: (op) => size(op.inputs[0]!.type),
  reference([x], _, [out]) {
    const y = new Float64Array(size(out!));
    x!.data.forEach((v, i) => {
      y[i % y.length]! += v;
    });
    return [y];
  },
  form: { is: "rowwise", sumRows: true, value: ([x]) => `${x}` },
  samples: [
    { args: [{ type: tensor("B T D", { B: 2, T: 3, D: 5 }) }], attrs: {} },
    { args: [{ type: tensor("D", { D: 5 }) }], attrs: {} },
  ],
};
