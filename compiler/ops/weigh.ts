import { names, sameDims, size } from "../ir.js";
import { readDims, writeDims } from "./dims.js";
import { expertRows } from "./linear.js";
import { type OpSpec, ShapeProblem, tensor } from "./op.js";
import { sampleRouting } from "./routing.js";

const rows = { type: expertRows("F", 5) };
const weights = { type: { ...rows.type, dims: rows.type.dims.slice(0, 2) } };

/**
 * Each row of the experts times a number of its own. The gates are put in here, before the last product of an expert, where the
 * target would rather not keep that product's result for the gates' gradient (passes/weighEarly.ts).
 */
export const weigh: OpSpec = {
  name: "weigh",
  formula: "y[row, f] = x[row, f] · w[row]",
  infer([x, w]) {
    if (!x || !w) throw new ShapeProblem("shape/arguments", "weigh takes rows and their weights");
    if (!sameDims(x.dims.slice(0, -1), w.dims))
      throw new ShapeProblem("shape/same", `weigh: the rows are [${names(x)}], their weights [${names(w)}]`, 1);
    return [x];
  },
  gradient({ op, d, emit }) {
    const [x, w] = op.inputs;
    const dy = d(0);
    if (!x || !w || !dy) return [];
    return [emit("weigh", [dy, w]), emit("sumColumns", [emit("dotOfRuns", [dy, x])])];
  },
  flops: (op) => size(op.outputs[0]!.type),
  reference([x, w]) {
    const columns = x!.data.length / w!.data.length;
    return [x!.data.map((v, i) => v * w!.data[Math.floor(i / columns)]!)];
  },
  form: { is: "pointwise", c: ([x, w]) => `${x} * ${w}` },
  samples: [{ args: [rows, weights], attrs: {} }],
};

/**
 * Numbers put in another order: y[i] = x[index[i]], all dimensions counted as one. Inputs: x, index, and the index that leads back.
 * Attribute `into`: the result's dimensions.
 */
export const pick: OpSpec = {
  name: "pick",
  formula: "y[i] = x[index[i]]",
  infer([x, index, back], attrs) {
    if (!x || !index || !back) throw new ShapeProblem("shape/arguments", "pick takes x, an index and the one that leads back");
    const type = { dims: readDims(attrs.into), dtype: x.dtype };
    if (size(type) !== size(index) || size(x) !== size(back) || size(x) !== size(index))
      throw new ShapeProblem("shape/same", `pick: [${names(x)}], [${names(index)}] and [${names(type)}] are not of one size`, 1);
    return [type];
  },
  gradient({ op, d, emit }) {
    const [x, index, back] = op.inputs;
    const dy = d(0);
    return dy && x && index && back ? [emit("pick", [dy, back, index], { into: writeDims(x.type.dims) })] : [];
  },
  flops: () => 0,
  reference: ([x, index]) => [Float64Array.from(index!.data, (i) => x!.data[i]!)],
  gradientOnly: [2],
  form: { is: "own", template: "pick" },
  samples: [{ args: [sampleRouting.gates, sampleRouting.source, sampleRouting.slot], attrs: { into: ["E:4", "rows:12:ragged"] } }],
};

/** Columns whose products are summed together: as many as eight lanes of a product's epilogue hold. */
export const RUN_COLUMNS = 64;

/** Dot products of two rows, 64 columns at a time: a product's epilogue has no more of a row at hand. */
export const dotOfRuns: OpSpec = {
  name: "dotOfRuns",
  formula: "y[row, s] = Σ a[row, f] · b[row, f] over 64·s ≤ f < 64·(s + 1)",
  infer([a, b]) {
    if (!a || !b || !sameDims(a.dims, b.dims)) throw new ShapeProblem("shape/same", "dotOfRuns takes two tensors of the same dimensions");
    const runs = { name: "runs", size: Math.ceil(a.dims[a.dims.length - 1]!.size / RUN_COLUMNS) };
    return [{ dims: [...a.dims.slice(0, -1), runs], dtype: a.dtype }];
  },
  flops: (op) => 2 * size(op.inputs[0]!.type),
  reference([a, b], _, [out]) {
    const columns = a!.type.dims[a!.type.dims.length - 1]!.size;
    const runs = out!.dims[out!.dims.length - 1]!.size;
    const y = new Float64Array(size(out!));
    a!.data.forEach((v, i) => {
      y[Math.floor(i / columns) * runs + Math.floor((i % columns) / RUN_COLUMNS)]! += v * b!.data[i]!;
    });
    return [y];
  },
  form: {
    is: "rowwise",
    dots: true,
    lines({ args: [a, b], outs: [y], argTypes: [from], outTypes: [to], loop }) {
      const columns = from!.dims[from!.dims.length - 1]!.size;
      const runs = to!.dims[to!.dims.length - 1]!.size;
      const last = columns - RUN_COLUMNS * (runs - 1);
      return loop(
        0,
        runs,
        "real sum = 0;",
        `for (int64_t f = 0; f < (i + 1 < ${runs} ? ${RUN_COLUMNS} : ${last}); ++f) sum += real(${a}[${RUN_COLUMNS} * i + f]) * real(${b}[${RUN_COLUMNS} * i + f]);`,
        `${y}[i] = sum;`,
      );
    },
  },
  samples: [
    { args: [rows, rows], attrs: {} },
    { args: [{ type: tensor("T D", { T: 3, D: 130 }) }, { type: tensor("T D", { T: 3, D: 130 }) }], attrs: {} },
  ],
};

/** The sum of each row. */
export const sumColumns: OpSpec = {
  name: "sumColumns",
  formula: "y[row] = Σ_f x[row, f]",
  infer([x]) {
    if (!x || x.dims.length === 0) throw new ShapeProblem("shape/arguments", "sumColumns takes x with at least one dimension");
    return [{ dims: x.dims.slice(0, -1), dtype: x.dtype }];
  },
  flops: (op) => size(op.inputs[0]!.type),
  reference([x], _, [out]) {
    const y = new Float64Array(size(out!));
    const columns = x!.data.length / y.length;
    x!.data.forEach((v, i) => {
      y[Math.floor(i / columns)]! += v;
    });
    return [y];
  },
  form: { is: "rowwise", sumColumns: () => [{ name: "sum_of_row", reduce: "+", each: ([x]) => `${x}` }] },
  samples: [{ args: [rows], attrs: {} }],
};
