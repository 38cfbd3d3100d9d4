import { type Dim, names, sameDims, size, type Type } from "../ir.js";
import { count, list, otherName } from "./dims.js";
import { type Attrs, type OpSpec, ShapeProblem, tensor } from "./op.js";

/** A weight's dimensions apart: the experts it has one matrix for, the rows it reads, the columns it writes. */
export function matrix(weight: Type, attrs: Attrs): { each: readonly Dim[]; reads: readonly Dim[]; writes: readonly Dim[] } {
  const each = attrs.each as number;
  const reads = each + (attrs.reads as number);
  return { each: weight.dims.slice(0, each), reads: weight.dims.slice(each, reads), writes: weight.dims.slice(reads) };
}

/**
 * y[…, writes] = Σ over reads of x[…, reads] · w[reads, writes].
 * Inputs: x, w and, where x is [E rows …] with a matrix for each expert, the offsets [E+1] at which the experts' rows begin.
 * Attributes: `reads` and `each`, how many of the weight's dimensions those are.
 */
export const linear: OpSpec = {
  name: "linear",
  formula: "y[…, writes] = Σ_reads x[…, reads] · w[reads, writes]",
  infer([x, w, offsets], attrs) {
    if (!x || !w) throw new ShapeProblem("shape/arguments", "linear takes x and a weight");
    const { each, reads, writes } = matrix(w, attrs);
    const kept = x.dims.slice(0, x.dims.length - reads.length);
    if (!sameDims(x.dims.slice(kept.length), reads))
      throw new ShapeProblem("shape/reads", `linear: the weight reads [${list(reads)}]; x is [${names(x)}], which does not end in it`, 1);
    if (each.length > 0 && !sameDims(kept.slice(0, each.length), each))
      throw new ShapeProblem(
        "shape/experts",
        `linear: the weight has a matrix for each ${list(each)}; x is [${names(x)}], which does not begin with it`,
        1,
        `dispatch(x, routing) makes such rows, [${list(each)} rows …]`,
      );
    if (each.length > 0 && !offsets)
      throw new ShapeProblem(
        "shape/experts",
        `linear: the weight has a matrix for each ${list(each)}, which takes rows that dispatch has sorted; x is [${names(x)}]`,
        0,
        "dispatch(x, routing) sorts the tokens by expert",
      );
    const twice = kept.find((d) => writes.some((o) => o.name === d.name));
    if (twice)
      throw new ShapeProblem(
        "shape/twice",
        `linear: x is [${names(x)}], which already has the ${twice.name} that the weight writes`,
        1,
        otherName,
      );
    return [{ dims: [...kept, ...writes], dtype: x.dtype }];
  },
  gradient({ op, d, emit }) {
    const [x, w, ...offsets] = op.inputs;
    const dy = d(0);
    if (!x || !w || !dy) return [];
    const writes = { ...op.attrs, writes: w.type.dims.length - (op.attrs.each as number) - (op.attrs.reads as number) };
    return [emit("linearGradX", [dy, w, ...offsets], op.attrs), emit("linearGradW", [x, dy, ...offsets], writes)];
  },
  flops(op) {
    const { reads } = matrix(op.inputs[1]!.type, op.attrs);
    return 2 * size(op.outputs[0]!.type) * count(reads);
  },
  reference([x, w, offsets], attrs, [out]) {
    const { reads, writes } = matrix(w!.type, attrs);
    const K = count(reads);
    const N = count(writes);
    const M = x!.data.length / K;
    const y = new Float64Array(size(out!));
    for (const { group, from, to } of groups(M, offsets?.data))
      for (let m = from; m < to; m++)
        for (let k = 0; k < K; k++) {
          const a = x!.data[m * K + k]!;
          for (let n = 0; n < N; n++) y[m * N + n]! += a * w!.data[(group * K + k) * N + n]!;
        }
    return [y];
  },
  form: {
    is: "contraction",
    describe(op) {
      const [x, w, offsets] = op.inputs;
      const { each, reads, writes } = matrix(w!.type, op.attrs);
      return {
        a: { input: 0, transposed: false },
        b: { input: 1, transposed: false },
        m: size(x!.type) / count(reads),
        n: count(writes),
        k: count(reads),
        groups: count(each),
        ...(offsets ? { ragged: { axis: "m" as const, offsets: 2 } } : {}),
      };
    },
  },
  samples: [
    {
      args: [{ type: tensor("B T D", { B: 2, T: 3, D: 4 }) }, { type: tensor("D H N", { D: 4, H: 2, N: 3 }) }],
      attrs: { reads: 1, each: 0 },
    },
    {
      args: [{ type: tensor("T H U", { T: 3, H: 2, U: 3 }) }, { type: tensor("H U D", { H: 2, U: 3, D: 5 }) }],
      attrs: { reads: 2, each: 0 },
    },
    {
      args: [
        { type: expertRows("D", 4) },
        { type: tensor("E D F", { E: 3, D: 4, F: 2 }) },
        { type: tensor("E+1", { "E+1": 4 }, "i32"), data: [0, 2, 2, 6] },
      ],
      attrs: { reads: 1, each: 1 },
    },
  ],
};

/** [E rows D] as dispatch makes it, for samples. */
export function expertRows(column: string, width: number, experts = 3, rows = 6): Type {
  return {
    dims: [
      { name: "E", size: experts },
      { name: "rows", size: rows, ragged: true },
      { name: column, size: width },
    ],
    dtype: "f32",
  };
}

/** The runs of rows that share a matrix: one for a dense product, one per expert otherwise. */
export function groups(total: number, offsets?: Float64Array): { group: number; from: number; to: number }[] {
  if (!offsets) return [{ group: 0, from: 0, to: total }];
  return [...offsets.slice(0, -1)].map((from, group) => ({ group, from, to: offsets[group + 1]! }));
}
