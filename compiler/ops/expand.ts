import { type Dim, last, names, sameDims, size } from "../ir.js";
import { count, leading, list, mustLack, readDims, scalar, writeDims } from "./dims.js";
import { type OpSpec, ShapeProblem, tensor } from "./op.js";

/**
 * Repeats x over new dimensions, which stand directly before its last one; a number becomes a tensor of any dimensions.
 * Attribute `into`: all dimensions of the result, "B:2".
 */
export const expand: OpSpec = {
  name: "expand",
  formula: "y[…, h, r] = x[…, r]",
  infer([x], attrs) {
    if (!x) throw new ShapeProblem("shape/arguments", "expand takes x");
    const into = readDims(attrs.into);
    const added = newDims(x.dims, into);
    for (const d of added) mustLack("expand", x, d.name, "is to be new", 0);
    if (!sameDims([...leading(x), ...added, ...x.dims.slice(-1)], into))
      throw new ShapeProblem(
        "shape/expand",
        `expand: x is [${names(x)}], which does not become [${list(into)}] by new dimensions before its last`,
        0,
      );
    return [{ dims: into, dtype: x.dtype }];
  },
  gradient({ op, d, emit }) {
    const dy = d(0);
    const over = newDims(op.inputs[0]!.type.dims, op.outputs[0]!.type.dims).map((n) => n.name);
    return dy ? [emit("sumOver", [dy], { over })] : [];
  },
  flops: () => 0,
  reference([x], _, [out]) {
    const columns = last(x!.type).size;
    const copies = count(newDims(x!.type.dims, out!.dims));
    const y = new Float64Array(size(out!));
    for (let row = 0; row < y.length / columns; row++)
      for (let i = 0; i < columns; i++) y[row * columns + i] = x!.data[Math.floor(row / copies) * columns + i]!;
    return [y];
  },
  form: { is: "view" },
  samples: [
    {
      args: [{ type: tensor("B T R", { B: 2, T: 3, R: 5 }) }],
      attrs: { into: writeDims(tensor("B T H R", { B: 2, T: 3, H: 4, R: 5 }).dims) },
    },
    { args: [{ type: tensor("R", { R: 5 }) }], attrs: { into: ["T:3", "H:2", "R:5"] } },
    { args: [{ type: scalar }], attrs: { into: ["layers:3"] } },
  ],
};

const newDims = (from: readonly Dim[], into: readonly Dim[]): readonly Dim[] =>
  from.length === 0 ? into : into.slice(from.length - 1, -1);
