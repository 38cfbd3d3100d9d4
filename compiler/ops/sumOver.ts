import { last, names, size } from "../ir.js";
import { writeDims } from "./dims.js";
import { type OpSpec, ShapeProblem, tensor } from "./op.js";

/**
 * Sums over some dimensions: the gradient of expand, and the total of a number that each layer has.
 * Attribute `over`: their names, either of dimensions that stand directly before the last, or of all.
 */
export const sumOver: OpSpec = {
  name: "sumOver",
  formula: "y[…, r] = Σ_h x[…, h, r]",
  infer([x], attrs) {
    if (!x) throw new ShapeProblem("shape/arguments", "sumOver takes x");
    const over = attrs.over as readonly string[];
    const at = x.dims.length - 1 - over.length;
    const run = x.dims.slice(Math.max(at, 0), -1).map((d) => d.name);
    const all = x.dims.length === over.length && x.dims.every((d) => over.includes(d.name));
    if (!all && (at < 0 || run.some((name) => !over.includes(name))))
      throw new ShapeProblem(
        "shape/over",
        `sumOver: [${over.join(" ")}] are neither all dimensions of [${names(x)}] nor those directly before its last`,
        0,
      );
    return [{ dims: x.dims.filter((d) => !over.includes(d.name)), dtype: x.dtype }];
  },
  gradient({ op, d, emit }) {
    const dy = d(0);
    return dy ? [emit("expand", [dy], { into: writeDims(op.inputs[0]!.type.dims) })] : [];
  },
  flops: (op) => size(op.inputs[0]!.type),
  reference([x], attrs, [out]) {
    const over = attrs.over as readonly string[];
    const y = new Float64Array(size(out!));
    x!.data.forEach((v, i) => {
      let rest = i;
      let to = 0;
      let stride = 1;
      for (const d of [...x!.type.dims].reverse()) {
        if (!over.includes(d.name)) {
          to += (rest % d.size) * stride;
          stride *= d.size;
        }
        rest = Math.floor(rest / d.size);
      }
      y[to]! += v;
    });
    return [y];
  },
  mixes: (op) => op.attrs.over as readonly string[],
  form: {
    is: "rowwise",
    lines({ args: [x], outs: [y], argTypes: [from], outTypes: [to], loop }) {
      const columns = to!.dims.length === 0 ? 1 : last(to!).size;
      const copies = size(from!) / size(to!);
      return loop(
        0,
        columns,
        `real sum = ${x}[i];`,
        `for (int64_t copy = 1; copy < ${copies}; ++copy) sum += real(${x}[copy * ${columns} + i]);`,
        `${y}[i] = sum;`,
      );
    },
  },
  samples: [
    { args: [{ type: tensor("B T H R", { B: 2, T: 3, H: 4, R: 5 }) }], attrs: { over: ["H"] } },
    { args: [{ type: tensor("B T H R", { B: 2, T: 3, H: 2, R: 3 }) }], attrs: { over: ["T", "H"] } },
    { args: [{ type: tensor("T R", { T: 3, R: 5 }) }], attrs: { over: ["T", "R"] } },
    { args: [{ type: tensor("layers", { layers: 3 }) }], attrs: { over: ["layers"] } },
  ],
};
