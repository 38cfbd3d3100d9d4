import { last, names, size } from "../ir.js";
import { dot } from "./attention.js";
import { type OpSpec, ShapeProblem, tensor } from "./op.js";

/**
 * The logits after one position of each sequence: x [B T D], w [V D], at [B] → [B V]; or, without `at`, of every row: x [B D], w [V D] →
 * [B V]. For generating; it has no gradient.
 */
export const nextLogits: OpSpec = {
  name: "nextLogits",
  formula: "y[b, v] = Σ_d x[b (, at[b]), d] · w[v, d]",
  infer([x, w, at]) {
    if (!x || !w || x.dims.length !== (at ? 3 : 2))
      throw new ShapeProblem("shape/arguments", "nextLogits takes x [B T D], an embedding and positions [B], or x [B D] and an embedding");
    if (w.dims.length !== 2 || last(w).name !== last(x).name)
      throw new ShapeProblem(
        "shape/reads",
        `nextLogits: the embedding is [${names(w)}]; x is [${names(x)}], whose last dimension is ${last(x).name}`,
        1,
      );
    if (at && (at.dtype !== "i32" || names(at) !== x.dims[0]!.name))
      throw new ShapeProblem("shape/positions", `nextLogits: the positions are integers [${x.dims[0]!.name}]; got [${names(at)}]`, 2);
    return [{ dims: [x.dims[0]!, w.dims[0]!], dtype: x.dtype }];
  },
  flops: (op) => 2 * size(op.outputs[0]!.type) * last(op.inputs[0]!.type).size,
  touched: (op, v) => (v === op.inputs[0] && op.inputs[2] ? size(v.type) / v.type.dims[1]!.size : undefined),
  reference([x, w, at], _, [out]) {
    const T = at ? x!.type.dims[1]!.size : 1;
    const D = last(x!.type).size;
    const V = last(out!).size;
    return [
      Float64Array.from({ length: size(out!) }, (_, i) => {
        const b = Math.floor(i / V);
        return dot(x!.data, (b * T + (at ? at.data[b]! : 0)) * D, w!.data, (i % V) * D, D);
      }),
    ];
  },
  form: {
    is: "own",
    template: "nextLogits",
    // With positions it is one of few of x's rows.
    describe({ inputs: [x, w, at] }) {
      if (at) return undefined;
      const k = last(x!.type).size;
      const [a, b] = [
        { input: 0, transposed: false },
        { input: 1, transposed: true },
      ];
      return { a, b, m: size(x!.type) / k, n: w!.type.dims[0]!.size, k, groups: 1 };
    },
  },
  samples: [
    {
      args: [
        { type: tensor("B T D", { B: 3, T: 4, D: 5 }) },
        { type: tensor("V D", { V: 7, D: 5 }) },
        { type: tensor("B", { B: 3 }, "i32"), data: [3, 0, 2] },
      ],
      attrs: {},
    },
    { args: [{ type: tensor("B D", { B: 3, D: 5 }) }, { type: tensor("V D", { V: 7, D: 5 }) }], attrs: {} },
  ],
};
