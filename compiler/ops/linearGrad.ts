import { names, sameDims, size } from "../ir.js";
import { count, list } from "./dims.js";
import { expertRows, groups, matrix } from "./linear.js";
import { type OpSpec, ShapeProblem, tensor } from "./op.js";

const offsets = { type: tensor("E+1", { "E+1": 4 }, "i32"), data: [0, 2, 2, 6] };

/**
 * The gradient of linear's x. Inputs: dy, w and, for experts, the offsets.
 * Attributes: linear's `reads` and `each`.
 */
export const linearGradX: OpSpec = {
  name: "linearGradX",
  formula: "dx[…, reads] = Σ_writes dy[…, writes] · w[reads, writes]",
  infer([dy, w], attrs) {
    if (!dy || !w) throw new ShapeProblem("shape/arguments", "linearGradX takes dy and a weight");
    const { reads, writes } = matrix(w, attrs);
    const kept = dy.dims.slice(0, dy.dims.length - writes.length);
    if (!sameDims(dy.dims.slice(kept.length), writes))
      throw new ShapeProblem(
        "shape/writes",
        `linearGradX: the weight writes [${list(writes)}]; dy is [${names(dy)}], which does not end in it`,
        0,
      );
    return [{ dims: [...kept, ...reads], dtype: dy.dtype }];
  },
  flops(op) {
    const { writes } = matrix(op.inputs[1]!.type, op.attrs);
    return 2 * size(op.outputs[0]!.type) * count(writes);
  },
  reference([dy, w, offsets], attrs, [out]) {
    const { reads, writes } = matrix(w!.type, attrs);
    const K = count(reads);
    const N = count(writes);
    const dx = new Float64Array(size(out!));
    for (const { group, from, to } of groups(dx.length / K, offsets?.data))
      for (let m = from; m < to; m++)
        for (let k = 0; k < K; k++) {
          let sum = 0;
          for (let n = 0; n < N; n++) sum += dy!.data[m * N + n]! * w!.data[(group * K + k) * N + n]!;
          dx[m * K + k] = sum;
        }
    return [dx];
  },
  form: {
    is: "contraction",
    describe(op) {
      const [dy, w, ragged] = op.inputs;
      const { each, reads, writes } = matrix(w!.type, op.attrs);
      return {
        a: { input: 0, transposed: false },
        b: { input: 1, transposed: true },
        m: size(dy!.type) / count(writes),
        n: count(reads),
        k: count(writes),
        groups: count(each),
        ...(ragged && { ragged: { axis: "m", offsets: 2 } }),
      };
    },
  },
  samples: [
    {
      args: [{ type: tensor("B T H N", { B: 2, T: 3, H: 2, N: 3 }) }, { type: tensor("D H N", { D: 4, H: 2, N: 3 }) }],
      attrs: { reads: 1, each: 0 },
    },
    { args: [{ type: tensor("T D", { T: 3, D: 5 }) }, { type: tensor("H U D", { H: 2, U: 3, D: 5 }) }], attrs: { reads: 2, each: 0 } },
    { args: [{ type: expertRows("F", 2) }, { type: tensor("E D F", { E: 3, D: 4, F: 2 }) }, offsets], attrs: { reads: 1, each: 1 } },
  ],
};

/**
 * The gradient of linear's weight: contracted over all rows, or over those of each expert.
 * Inputs: x, dy and, for experts, the offsets. Attributes: linear's `reads` and `each`, and `writes`, how many of dy's last dimensions w writes.
 */
export const linearGradW: OpSpec = {
  name: "linearGradW",
  formula: "dw[reads, writes] = Σ over rows of x[…, reads] · dy[…, writes]",
  infer([x, dy], attrs) {
    if (!x || !dy) throw new ShapeProblem("shape/arguments", "linearGradW takes x and dy");
    const each = x.dims.slice(0, attrs.each as number);
    const kept = x.dims.length - (attrs.reads as number);
    if (!sameDims(x.dims.slice(0, kept), dy.dims.slice(0, dy.dims.length - (attrs.writes as number))))
      throw new ShapeProblem("shape/same", `linearGradW: [${names(x)}] and [${names(dy)}] do not have the same rows`, 1);
    return [{ dims: [...each, ...x.dims.slice(kept), ...dy.dims.slice(kept)], dtype: x.dtype }];
  },
  flops: (op) => 2 * size(op.inputs[0]!.type) * count(op.inputs[1]!.type.dims.slice(-(op.attrs.writes as number))),
  reference([x, dy, offsets], attrs, [out]) {
    const K = count(x!.type.dims.slice(-(attrs.reads as number)));
    const N = count(dy!.type.dims.slice(-(attrs.writes as number)));
    const dw = new Float64Array(size(out!));
    for (const { group, from, to } of groups(x!.data.length / K, offsets?.data))
      for (let m = from; m < to; m++)
        for (let k = 0; k < K; k++) for (let n = 0; n < N; n++) dw[(group * K + k) * N + n]! += x!.data[m * K + k]! * dy!.data[m * N + n]!;
    return [dw];
  },
  form: {
    is: "contraction",
    describe(op) {
      const [x, dy, ragged] = op.inputs;
      const m = count(x!.type.dims.slice(-(op.attrs.reads as number)));
      return {
        a: { input: 0, transposed: true },
        b: { input: 1, transposed: false },
        m,
        n: count(dy!.type.dims.slice(-(op.attrs.writes as number))),
        k: size(x!.type) / m,
        groups: count(x!.type.dims.slice(0, op.attrs.each as number)),
        ...(ragged && { ragged: { axis: "k", offsets: 2 } }),
      };
    },
  },
  samples: [
    {
      args: [{ type: tensor("B T D", { B: 2, T: 3, D: 4 }) }, { type: tensor("B T H N", { B: 2, T: 3, H: 2, N: 3 }) }],
      attrs: { reads: 1, each: 0, writes: 2 },
    },
    {
      args: [{ type: tensor("T H U", { T: 3, H: 2, U: 3 }) }, { type: tensor("T D", { T: 3, D: 5 }) }],
      attrs: { reads: 2, each: 0, writes: 1 },
    },
    { args: [{ type: expertRows("D", 4) }, { type: expertRows("F", 2) }, offsets], attrs: { reads: 1, each: 1, writes: 1 } },
  ],
};
