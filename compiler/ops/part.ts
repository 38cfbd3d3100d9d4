import { last, names, size } from "../ir.js";
import { leading, otherName } from "./dims.js";
import { type OpSpec, ShapeProblem, tensor } from "./op.js";

/** Takes the columns offset … offset + size of the last dimension, which is then called `dim`. */
export const part: OpSpec = {
  name: "part",
  formula: "y[…, i] = x[…, offset + i]",
  infer([x], attrs) {
    if (!x || x.dims.length === 0) throw new ShapeProblem("shape/arguments", "part takes x with at least one dimension");
    const { offset, dim, size } = attrs as { offset: number; dim: string; size: number };
    if (offset < 0 || offset + size > last(x).size)
      throw new ShapeProblem("shape/part", `part: ${dim} does not lie in the last dimension of [${names(x)}]`, 0);
    if (leading(x).some((d) => d.name === dim))
      throw new ShapeProblem("shape/twice", `part: x is [${names(x)}], which already has a ${dim} before its last dimension`, 0, otherName);
    return [{ dims: [...leading(x), { name: dim, size }], dtype: x.dtype }];
  },
  gradient({ op, d, emit }) {
    const dy = d(0);
    if (!dy) return [];
    const { name: dim, size } = last(op.inputs[0]!.type);
    return [emit("pad", [dy], { offset: op.attrs.offset!, dim, size })];
  },
  flops: () => 0,
  reference([x], attrs, [out]) {
    const from = last(x!.type).size;
    const columns = last(out!).size;
    const y = new Float64Array(size(out!));
    for (let i = 0; i < y.length; i++) y[i] = x!.data[Math.floor(i / columns) * from + (attrs.offset as number) + (i % columns)]!;
    return [y];
  },
  piece: (op) => (op.inputs[0]!.type.dims.slice(0, -1).every((d) => d.size === 1) ? (op.attrs.offset as number) : undefined),
  form: {
    is: "rowwise",
    lines: ({ args: [x], outs: [y], loop, at }, { offset, size }) => loop(0, size as number, `${at(y!)} = ${at(x!, offset as number)};`),
  },
  samples: [
    { args: [{ type: tensor("B T N+R", { B: 2, T: 3, "N+R": 7 }) }], attrs: { offset: 0, dim: "N", size: 4 } },
    { args: [{ type: tensor("B T N+R", { B: 2, T: 3, "N+R": 7 }) }], attrs: { offset: 4, dim: "R", size: 3 } },
  ],
};

/** Zeros around x: the last dimension becomes `dim` of that `size`, with x at `offset`. The gradient of part. */
export const pad: OpSpec = {
  name: "pad",
  formula: "y[…, offset + i] = x[…, i], 0 elsewhere",
  infer([x], attrs) {
    if (!x || x.dims.length === 0) throw new ShapeProblem("shape/arguments", "pad takes x with at least one dimension");
    const { offset, dim, size } = attrs as { offset: number; dim: string; size: number };
    if (offset < 0 || offset + last(x).size > size)
      throw new ShapeProblem("shape/part", `pad: ${dim} has ${size} columns; [${names(x)}] at ${offset} does not fit in`, 0);
    return [{ dims: [...leading(x), { name: dim, size }], dtype: x.dtype }];
  },
  flops: () => 0,
  reference([x], attrs, [out]) {
    const from = last(x!.type).size;
    const columns = last(out!).size;
    const y = new Float64Array(size(out!));
    x!.data.forEach((v, i) => {
      y[Math.floor(i / from) * columns + (attrs.offset as number) + (i % from)] = v;
    });
    return [y];
  },
  form: {
    is: "rowwise",
    lines({ args: [x], outs: [y], argTypes: [from], loop }, attrs) {
      const offset = attrs.offset as number;
      const end = offset + last(from!).size;
      const fill = (from: number, to: number, value: string): readonly string[] => (from < to ? loop(from, to, `${y}[i] = ${value};`) : []);
      return [...fill(0, offset, "0"), ...fill(offset, end, `${x}[i - ${offset}]`), ...fill(end, attrs.size as number, "0")];
    },
  },
  samples: [
    { args: [{ type: tensor("B T R", { B: 2, T: 3, R: 3 }) }], attrs: { offset: 4, dim: "N+R", size: 7 } },
    { args: [{ type: tensor("T R", { T: 3, R: 3 }) }], attrs: { offset: 1, dim: "N+R+S", size: 6 } },
  ],
};
