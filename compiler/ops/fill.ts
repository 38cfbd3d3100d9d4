import { size } from "../ir.js";
import { readDims } from "./dims.js";
import type { OpSpec } from "./op.js";

/** Attributes: `value`; `into`, the dimensions of the result ("B:2", "rows:6:ragged"). */
export const fill: OpSpec = {
  name: "fill",
  formula: "y = value everywhere",
  infer: (_, attrs) => [{ dims: readDims(attrs.into), dtype: "f32" }],
  flops: () => 0,
  reference: (_, attrs, [out]) => [new Float64Array(size(out!)).fill(attrs.value as number)],
  form: { is: "own", template: "fill" },
  samples: [
    { args: [], attrs: { value: 0, into: ["B:2", "T:3"] } },
    { args: [], attrs: { value: -1.5, into: [] } },
    { args: [], attrs: { value: 0, into: ["E:3", "rows:6:ragged", "D:5"] } },
  ],
};
