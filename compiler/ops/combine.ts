import { last, names, size } from "../ir.js";
import { leading, readDims, writeDim } from "./dims.js";
import { type OpSpec, ShapeProblem } from "./op.js";
import { sampleRouting } from "./routing.js";

const { x, rows, slot, source, gates } = sampleRouting;
const into = ["B:2", "T:3"];

/**
 * Each token's rows back together: y[t] = Σ_k gates[t, k] · rows[slot[t, k]], or the plain sum without gates (as the gradient
 * of dispatch does). Attribute `into`: the tokens' dimensions.
 */
export const combine: OpSpec = {
  name: "combine",
  formula: "y[t] = Σ_k (gates[t, k] ·) rows[slot[t, k]]",
  infer([rows, slot, source], attrs) {
    if (!rows || !slot || !source) throw new ShapeProblem("shape/arguments", "combine takes rows and a routing");
    if (rows.dims.length !== 3 || !rows.dims[1]!.ragged)
      throw new ShapeProblem("shape/rows", `combine takes the experts' rows [E rows D]; got [${names(rows)}]`, 0);
    if (rows.dims[1]!.size !== size(source))
      throw new ShapeProblem(
        "shape/rows",
        `combine: ${rows.dims[1]!.size} rows were given, the routing has ${size(source)}; they are not of the same tokens`,
        0,
      );
    return [{ dims: [...readDims(attrs.into), last(rows)], dtype: rows.dtype }];
  },
  gradient({ op, d, emit }) {
    const [rows, slot, source, gates] = op.inputs;
    const dy = d(0);
    if (!rows || !slot || !source || !dy) return [];
    const attrs = { topK: last(slot.type).size, experts: writeDim(rows.type.dims[0]!) };
    const dRows = emit("dispatch", [dy, source, slot, ...(gates ? [gates] : [])], attrs);
    return gates ? [dRows, undefined, undefined, emit("combineGradGates", [dy, rows, slot])] : [dRows];
  },
  flops: (op) => (op.inputs[3] ? 2 : 1) * size(op.inputs[0]!.type),
  reference([rows, slot, , gates], _, [out]) {
    const D = last(out!).size;
    const topK = last(slot!.type).size;
    const y = new Float64Array(size(out!));
    slot!.data.forEach((row, i) => {
      const token = Math.floor(i / topK);
      for (let c = 0; c < D; c++) y[token * D + c]! += rows!.data[row * D + c]! * (gates ? gates.data[i]! : 1);
    });
    return [y];
  },
  gradientOnly: [2],
  form: { is: "own", template: "combine", inEpilogue: true },
  samples: [
    { args: [rows, slot, source], attrs: { into } },
    { args: [rows, slot, source, gates], attrs: { into } },
  ],
};

/** The gradient of combine's gates: how far each chosen row goes along the token's gradient. */
export const combineGradGates: OpSpec = {
  name: "combineGradGates",
  formula: "dGates[t, k] = Σ_d dy[t, d] · rows[slot[t, k], d]",
  infer([dy, rows, slot]) {
    if (!dy || !rows || !slot) throw new ShapeProblem("shape/arguments", "combineGradGates takes dy, rows and slot");
    return [{ dims: [...leading(dy), last(slot)], dtype: dy.dtype }];
  },
  flops: (op) => 2 * size(op.inputs[1]!.type),
  reference([dy, rows, slot], _, [out]) {
    const D = last(dy!.type).size;
    const topK = last(slot!.type).size;
    const dGates = new Float64Array(size(out!));
    slot!.data.forEach((row, i) => {
      const token = Math.floor(i / topK);
      for (let c = 0; c < D; c++) dGates[i]! += dy!.data[token * D + c]! * rows!.data[row * D + c]!;
    });
    return [dGates];
  },
  form: { is: "own", template: "combineGradGates" },
  samples: [{ args: [x, rows, slot], attrs: {} }],
};
