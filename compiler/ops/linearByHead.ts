import { type Dim, last, names, sameDims, size, type Type } from "../ir.js";
import { leading } from "./dims.js";
import { type Attrs, type OpSpec, ShapeProblem, tensor } from "./op.js";

/** Of the weight [C H N]: what is read and what is written by each head. */
const sides = (w: Type, attrs: Attrs): { reads: Dim; writes: Dim } => {
  const [first, , second] = w.dims as [Dim, Dim, Dim];
  return attrs.back ? { reads: second, writes: first } : { reads: first, writes: second };
};

const sizes = { B: 3, H: 2, C: 5, N: 4 };

/**
 * A product for each head with its own part of a weight [C H N]: of x [… H C] to [… H N], or, with `back`, the weight's other way round,
 * of x [… H N] to [… H C]. By it a weight that keys or values are made with is taken to the query's or the result's side.
 */
export const linearByHead: OpSpec = {
  name: "linearByHead",
  formula: "y[…, h, n] = Σ_c x[…, h, c] · w[c, h, n]; back: y[…, h, c] = Σ_n x[…, h, n] · w[c, h, n]",
  infer([x, w], attrs) {
    if (!x || !w || w.dims.length !== 3 || x.dims.length < 2)
      throw new ShapeProblem("shape/arguments", "linearByHead takes x [… H C] and a weight [C H N]");
    const { reads, writes } = sides(w, attrs);
    if (!sameDims(x.dims.slice(-2), [w.dims[1]!, reads]))
      throw new ShapeProblem("shape/reads", `linearByHead: the weight is [${names(w)}], x [${names(x)}]`, 0);
    return [{ dims: [...leading(x), writes], dtype: x.dtype }];
  },
  flops: (op) => 2 * size(op.outputs[0]!.type) * last(op.inputs[0]!.type).size,
  reference([x, w], attrs, [out]) {
    const H = w!.type.dims[1]!.size;
    const second = last(w!.type).size;
    const { reads, writes } = sides(w!.type, attrs);
    const y = new Float64Array(size(out!));
    for (let i = 0; i < y.length; i++) {
      const row = Math.floor(i / writes.size);
      const j = i % writes.size;
      for (let k = 0; k < reads.size; k++) {
        const [c, n] = attrs.back ? [j, k] : [k, j];
        y[i]! += x!.data[row * reads.size + k]! * w!.data[(c * H + (row % H)) * second + n]!;
      }
    }
    return [y];
  },
  form: { is: "own", template: "linearByHead" },
  samples: [
    { args: [{ type: tensor("B H C", sizes) }, { type: tensor("C H N", sizes) }], attrs: { back: false } },
    { args: [{ type: tensor("B H N", sizes) }, { type: tensor("C H N", sizes) }], attrs: { back: true } },
  ],
};
