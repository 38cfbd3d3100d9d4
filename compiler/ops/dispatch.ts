import { last, names, size } from "../ir.js";
import { leading, mustLack, readDim, writeDims } from "./dims.js";
import { type OpSpec, ShapeProblem } from "./op.js";
import { rowsType, sampleRouting } from "./routing.js";

const { x, slot, source, gates } = sampleRouting;

/**
 * A copy of each token for each expert it has chosen, sorted by expert: row i = x[source[i] / topK], times gates[source[i]] where
 * gates are given (as the gradient of combine does). Attributes: `topK`; `experts`, "E:8".
 */
export const dispatch: OpSpec = {
  name: "dispatch",
  formula: "y[i] = x[⌊source[i] / topK⌋] (· gates[source[i]])",
  infer([x, source, slot], attrs) {
    if (!x || !source || !slot || x.dims.length === 0) throw new ShapeProblem("shape/arguments", "dispatch takes x and a routing");
    const tokens = leading(slot);
    if (names({ ...x, dims: leading(x) }) !== names({ ...slot, dims: tokens }))
      throw new ShapeProblem(
        "shape/tokens",
        `dispatch: x is [${names(x)}]; the routing is of tokens [${names({ ...slot, dims: tokens })}]`,
        0,
      );
    const experts = readDim(attrs.experts as string);
    mustLack("dispatch", { ...x, dims: x.dims.slice(-1) }, experts.name, "counts experts", 0);
    return [rowsType(experts, size(source), last(x), x.dtype)];
  },
  gradient({ op, d, emit }) {
    const [x, source, slot, gates] = op.inputs;
    const dRows = d(0);
    if (!x || !source || !slot || !dRows) return [];
    const dx = emit("combine", [dRows, slot, source, ...(gates ? [gates] : [])], { into: writeDims(leading(x.type)) });
    return gates ? [dx, undefined, undefined, emit("combineGradGates", [x, dRows, slot])] : [dx];
  },
  flops: (op) => (op.inputs[3] ? size(op.outputs[0]!.type) : 0),
  reference([x, source, , gates], attrs, [out]) {
    const D = last(out!).size;
    const y = new Float64Array(size(out!));
    source!.data.forEach((from, row) => {
      const token = Math.floor(from / (attrs.topK as number));
      for (let i = 0; i < D; i++) y[row * D + i] = x!.data[token * D + i]! * (gates ? gates.data[from]! : 1);
    });
    return [y];
  },
  gradientOnly: [2],
  form: { is: "gather" },
  samples: [
    { args: [x, source, slot], attrs: { topK: 2, experts: "E:4" } },
    { args: [x, source, slot, gates], attrs: { topK: 2, experts: "E:4" } },
  ],
};
