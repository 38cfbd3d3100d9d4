import { type Dim, names, sameDims, size, type Type } from "../ir.js";
import { count } from "./dims.js";
import { type Attrs, type OpSpec, type Reference, ShapeProblem, tensor } from "./op.js";

/** How many values one op writes; its operands are so many values, as many caches, the slots and the positions. */
export const written = (operands: readonly unknown[]): number => (operands.length - 2) / 2;

/** Dimensions in front of what is kept of a token: [B T …] of a window, [B …] of single tokens. */
const lead = (attrs: Attrs): number => (attrs.window ? 2 : 1);

const sizes = { B: 3, T: 3, slots: 4, context: 5, G: 2, A: 3, C: 4 };
const slot = { type: tensor("B", sizes, "i32"), data: [2, -1, 0] };

/**
 * Keeps values of tokens along T: row slot[b], position[b] of each cache [slots context …] becomes value b. With `window` the values
 * are [B T …], of the positions 0 to position[b], and what comes behind is padding that is not written. A slot of −1 keeps nothing.
 *
 * Inputs: values…, their caches…, slot [B], position [B]. Results: the caches. They lie where the caches lie, so a kernel writes the
 * rows in place and does not read the operands; to the graph they are other values, by which readers come after writers.
 */
export const cacheWrite: OpSpec = {
  name: "cacheWrite",
  formula: "cache[slot[b], position[b]] = value[b]; window: cache[slot[b], t] = value[b, t], t ≤ position[b]",
  infer(args, attrs) {
    const n = written(args);
    if (!Number.isInteger(n) || n < 1)
      throw new ShapeProblem("shape/arguments", "cacheWrite takes values, as many caches, slot and position");
    const [slots, positions] = args.slice(-2) as [Type, Type];
    if (slots.dtype !== "i32" || positions.dtype !== "i32" || !sameDims(slots.dims, positions.dims))
      throw new ShapeProblem(
        "shape/integers",
        `cacheWrite: slots [${names(slots)}] and positions [${names(positions)}] are integers, one a row`,
      );
    return args.slice(n, 2 * n).map((cache, i) => {
      const value = args[i]!;
      if (!sameDims(value.dims.slice(lead(attrs)), cache.dims.slice(2)) || value.dims[0]?.size !== slots.dims[0]?.size)
        throw new ShapeProblem("shape/same", `cacheWrite: of [${names(value)}] a row does not fit into a cache of [${names(cache)}]`, i);
      return cache;
    });
  },
  flops: () => 0,
  touched: (op, v) => (op.outputs.includes(v) ? size(op.inputs[op.outputs.indexOf(v)]!.type) : undefined),
  reference(args, attrs) {
    const n = written(args);
    const [slots, positions] = args.slice(-2) as [Reference, Reference];
    return args.slice(n, 2 * n).map((cache, i) => {
      const value = args[i]!;
      const width = count(cache.type.dims.slice(2));
      const context = cache.type.dims[1]!.size;
      const length = attrs.window ? value.type.dims[1]!.size : 1;
      const after = cache.data.slice();
      slots.data.forEach((to, b) => {
        if (to < 0) return;
        const last = positions.data[b]!;
        for (let t = 0; t < length && (!attrs.window || t <= last); t++) {
          const row = (b * length + t) * width;
          after.set(value.data.subarray(row, row + width), (to * context + (attrs.window ? t : last)) * width);
        }
      });
      return after;
    });
  },
  inPlace: written,
  form: { is: "own", template: "cacheWrite", keepsRows: (op) => written(op.inputs) === 1 && op.attrs.window !== true },
  samples: [
    {
      args: [
        { type: tensor("B G A", sizes) },
        { type: tensor("B C", sizes) },
        { type: tensor("slots context G A", sizes) },
        { type: tensor("slots context C", sizes) },
        slot,
        { type: slot.type, data: [4, 0, 1] },
      ],
      attrs: { window: false },
    },
    {
      args: [{ type: tensor("B T C", sizes) }, { type: tensor("slots context C", sizes) }, slot, { type: slot.type, data: [2, 0, 1] }],
      attrs: { window: true },
    },
  ],
};

/** The dimensions of a cache in front of what is kept of a token. */
export const cacheDims = (slots: number, context: number): readonly Dim[] => [
  { name: "slots", size: slots },
  { name: "context", size: context },
];
