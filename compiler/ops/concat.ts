import { last, names, sameDims, size } from "../ir.js";
import { leading, mustLack } from "./dims.js";
import { type OpSpec, ShapeProblem, tensor } from "./op.js";

const help = 'expand(x, "H") repeats a tensor along a dimension that it lacks';

export const concat: OpSpec = {
  name: "concat",
  formula: "y = [a, b] along the last dimension, whose name becomes the sum of both names",
  infer([a, b]) {
    if (!a || !b || a.dims.length === 0) throw new ShapeProblem("shape/arguments", "concat takes a and b with at least one dimension");
    if (!sameDims(leading(a), leading(b)))
      throw new ShapeProblem("shape/concat", `concat: [${names(a)}] and [${names(b)}] must differ in the last dimension only`, 1, help);
    const name = `${last(a).name}+${last(b).name}`;
    mustLack("concat", a, name, "the two last dimensions make together", 0);
    return [{ dims: [...leading(a), { name, size: last(a).size + last(b).size }], dtype: a.dtype }];
  },
  gradient({ op, d, emit }) {
    const dy = d(0);
    if (!dy) return [];
    let offset = 0;
    return op.inputs.map((x) => {
      const { name: dim, size: width } = last(x.type);
      offset += width;
      return emit("part", [dy], { offset: offset - width, dim, size: width });
    });
  },
  flops: () => 0,
  reference([a, b], _, [out]) {
    const columns = last(out!).size;
    const first = last(a!.type).size;
    const y = new Float64Array(size(out!));
    for (let row = 0; row < y.length / columns; row++)
      for (let i = 0; i < columns; i++)
        y[row * columns + i] = i < first ? a!.data[row * first + i]! : b!.data[row * (columns - first) + i - first]!;
    return [y];
  },
  form: {
    is: "rowwise",
    lines({ args: [a, b], outs: [y], argTypes, loop, at }) {
      const [first, second] = argTypes.map((type) => last(type).size);
      return [...loop(0, first!, `${at(y!)} = ${at(a!)};`), ...loop(0, second!, `${at(y!, first)} = ${at(b!)};`)];
    },
  },
  samples: [
    { args: [{ type: tensor("B T H N", { B: 2, T: 3, H: 2, N: 5 }) }, { type: tensor("B T H R", { B: 2, T: 3, H: 2, R: 4 }) }], attrs: {} },
    { args: [{ type: tensor("N", { N: 3 }) }, { type: tensor("R", { R: 4 }) }], attrs: {} },
  ],
};
