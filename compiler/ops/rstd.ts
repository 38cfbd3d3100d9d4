import { size } from "../ir.js";
import { leading } from "./dims.js";
import { type OpSpec, ShapeProblem, tensor } from "./op.js";
import { rstd as rowRstd } from "./rmsnorm.js";

/** What rmsnorm multiplies a row by, before the gain: one number a row. */
export const rstd: OpSpec = {
  name: "rstd",
  formula: "y = 1 / sqrt(mean(x²) + eps), over the last dimension",
  infer([x]) {
    if (!x || x.dims.length === 0) throw new ShapeProblem("shape/arguments", "rstd takes x with at least one dimension");
    return [{ dims: leading(x), dtype: x.dtype }];
  },
  flops: (op) => 2 * size(op.inputs[0]!.type),
  reference([x], attrs, [out]) {
    const y = new Float64Array(size(out!));
    const columns = x!.data.length / y.length;
    x!.data.forEach((v, i) => {
      y[Math.floor(i / columns)]! += (v * v) / columns;
    });
    return [y.map((mean) => 1 / Math.sqrt(mean + (attrs.eps as number)))];
  },
  form: { is: "rowwise", sumColumns: (attrs) => [rowRstd(0, attrs)] },
  samples: [{ args: [{ type: tensor("B H A", { B: 2, H: 3, A: 5 }) }], attrs: { eps: 1e-2 } }],
};
