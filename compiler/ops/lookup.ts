import { names, size } from "../ir.js";
import { count, mustLack, readDim, writeDim } from "./dims.js";
import { type OpSpec, ShapeProblem, tensor } from "./op.js";

/** Tokens 1 and 4 come twice, 0 and 3 not at all. */
const ids = { type: tensor("B T", { B: 2, T: 3 }, "i32"), data: [4, 1, 2, 1, 5, 4] };

/** The rows of an embedding by number. Inputs: w [V D], ids of integers from 0 to V − 1. */
export const lookup: OpSpec = {
  name: "lookup",
  formula: "y[…, d] = w[ids[…], d]",
  infer([w, ids]) {
    if (!w || !ids) throw new ShapeProblem("shape/arguments", "lookup takes an embedding and ids");
    if (w.dims.length < 2) throw new ShapeProblem("shape/embedding", `lookup takes an embedding [V D]; w is [${names(w)}]`, 0);
    if (ids.dtype !== "i32")
      throw new ShapeProblem("shape/integers", `lookup: ids must be integers; [${names(ids)}] holds real numbers`, 1);
    const width = w.dims.slice(1);
    for (const d of width) mustLack("lookup", ids, d.name, "the embedding has", 1);
    return [{ dims: [...ids.dims, ...width], dtype: w.dtype }];
  },
  gradient({ op, d, emit }) {
    const [w, ids] = op.inputs;
    const dy = d(0);
    return w && ids && dy ? [emit("lookupGrad", [dy, ids], { dim: writeDim(w.type.dims[0]!) })] : [];
  },
  flops: () => 0,
  touched: (op, v) => (v === op.inputs[0] ? Math.min(size(v.type), size(op.outputs[0]!.type)) : undefined),
  reference([w, ids], _, [out]) {
    const D = count(w!.type.dims.slice(1));
    const y = new Float64Array(size(out!));
    ids!.data.forEach((id, t) => void y.set(w!.data.subarray(id * D, (id + 1) * D), t * D));
    return [y];
  },
  form: { is: "own", template: "lookup" },
  samples: [{ args: [{ type: tensor("V D", { V: 6, D: 5 }) }, ids], attrs: {} }],
};

/** Adds each token's gradient to the row it came from. Attribute `dim`: the rows, "V:256". */
export const lookupGrad: OpSpec = {
  name: "lookupGrad",
  formula: "dw[v, d] = Σ dy[…, d] where ids[…] = v",
  infer([dy, ids], attrs) {
    if (!dy || !ids) throw new ShapeProblem("shape/arguments", "lookupGrad takes dy and ids");
    return [{ dims: [readDim(attrs.dim as string), ...dy.dims.slice(ids.dims.length)], dtype: dy.dtype }];
  },
  flops: (op) => size(op.inputs[0]!.type),
  touched: (op, v) => (v === op.outputs[0] ? Math.min(size(v.type), size(op.inputs[0]!.type)) : undefined),
  reference([dy, ids], _, [out]) {
    const D = count(out!.dims.slice(1));
    const dw = new Float64Array(size(out!));
    ids!.data.forEach((id, t) => {
      for (let i = 0; i < D; i++) dw[id * D + i]! += dy!.data[t * D + i]!;
    });
    return [dw];
  },
  form: { is: "own", template: "lookupGrad" },
  samples: [{ args: [{ type: tensor("B T D", { B: 2, T: 3, D: 5 }) }, ids], attrs: { dim: "V:6" } }],
};
