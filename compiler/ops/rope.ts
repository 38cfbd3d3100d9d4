import { last, names, size, type Type } from "../ir.js";
import { count } from "./dims.js";
import { type Attrs, type OpSpec, ShapeProblem, tensor } from "./op.js";

interface Turn {
  along: string;
  /** How many there may be, where rows say their own. */
  positions?: number;
  theta: number;
  offset: number;
  width: number;
  inverse: boolean;
}

const turnOf = (attrs: Attrs): Turn => attrs as unknown as Turn;

/** The angle of pair `i` at position `t`, in radians. */
const angle = ({ theta, width }: Turn, t: number, i: number): number => t * theta ** ((-2 * i) / width);

const extent = (type: Type, { along, positions }: Turn): number => positions ?? type.dims.find((d) => d.name === along)?.size ?? 0;

/**
 * Rotary position embedding on the columns offset … offset + width of the last dimension; the others are copied. Column i
 * of the first half turns with column i of the second. Su et al. 2021, arXiv 2104.09864; the pairing is GPT-NeoX's.
 * Inputs: x and, where rows along that dimension are at positions of their own, those positions [along].
 * Attributes: `along`, the dimension that counts positions; `theta`; `offset`, `width`; `inverse` turns the other way, which is the gradient;
 * with positions, `positions`, below which they all are.
 */
export const rope: OpSpec = {
  name: "rope",
  formula: "(u, v) → (u·cos a − v·sin a, v·cos a + u·sin a), a = t·theta^(−2i/width), pairs (i, i + width/2)",
  infer([x, at], attrs) {
    if (!x) throw new ShapeProblem("shape/arguments", "rope takes x");
    const { along, offset, width, positions } = turnOf(attrs);
    if (at && (at.dtype !== "i32" || names(at) !== along || !(positions && positions >= 1)))
      throw new ShapeProblem("shape/positions", `rope: the positions are integers [${along}] below a known number; got [${names(at)}]`, 1);
    if (!x.dims.slice(0, -1).some((d) => d.name === along))
      throw new ShapeProblem(
        "shape/along",
        `rope: x is [${names(x)}], which has no ${along} before its last dimension to count positions along`,
        0,
        `there is ${x.dims
          .slice(0, -1)
          .map((d) => d.name)
          .join(", ")}`,
      );
    if (width % 2 !== 0 || width <= 0)
      throw new ShapeProblem(
        "shape/pairs",
        `rope turns pairs of columns; ${last(x).name} would turn ${width} of them, which is not an even number`,
        0,
      );
    if (offset < 0 || offset + width > last(x).size)
      throw new ShapeProblem(
        "shape/part",
        `rope: ${last(x).name} has ${last(x).size} columns, so columns ${offset} to ${offset + width} do not lie in it`,
        0,
      );
    return [x];
  },
  gradient({ op, d, emit }) {
    const dy = d(0);
    return dy ? [emit("rope", [dy, ...op.inputs.slice(1)], { ...op.attrs, inverse: op.attrs.inverse !== true })] : [];
  },
  flops: (op) => 3 * (size(op.outputs[0]!.type) / last(op.outputs[0]!.type).size) * turnOf(op.attrs).width,
  reference([x, positions], attrs, [out]) {
    const turn = turnOf(attrs);
    const columns = last(out!).size;
    const at = out!.dims.findIndex((d) => d.name === turn.along);
    const inner = count(out!.dims.slice(at + 1, -1));
    const half = turn.width / 2;
    const y = x!.data.slice();
    for (let row = 0; row < y.length / columns; row++) {
      const place = Math.floor(row / inner) % out!.dims[at]!.size;
      const t = positions ? positions.data[place]! : place;
      for (let i = 0; i < half; i++) {
        const a = turn.inverse ? -angle(turn, t, i) : angle(turn, t, i);
        const p = row * columns + turn.offset + i;
        y[p] = x!.data[p]! * Math.cos(a) - x!.data[p + half]! * Math.sin(a);
        y[p + half] = x!.data[p + half]! * Math.cos(a) + x!.data[p]! * Math.sin(a);
      }
    }
    return [y];
  },
  form: {
    is: "rowwise",
    /** One row of cosines and one of sines for each position. */
    tables(attrs, _, [out]) {
      const { theta, width } = turnOf(attrs);
      const half = width / 2;
      const length = extent(out!, turnOf(attrs)) * half;
      const a = `double(int64_t(i) / ${half}) * std::pow(double(${theta}), -2.0 * double(int64_t(i) % ${half}) / ${width})`;
      return [
        { name: "rope_cos", length, c: `std::cos(${a})` },
        { name: "rope_sin", length, c: `std::sin(${a})` },
      ];
    },
    lines(row, attrs) {
      const { along, offset, width, inverse } = turnOf(attrs);
      const [x, ownPosition] = row.args;
      const [y] = row.outs;
      const half = width / 2;
      const position = ownPosition ? `${ownPosition}[0]` : row.position(along);
      const columns = last(row.outTypes[0]!).size;
      const [minus, plus] = inverse ? ["+", "-"] : ["-", "+"];
      const entry = (table: string): string => row.entry(row.table(table), position, half);
      const at = (name: string | undefined, shift?: number): string => row.at(name!, shift);
      const copy = (from: number, to: number): readonly string[] => (from < to ? row.loop(from, to, `${at(y)} = ${at(x)};`) : []);
      return [
        ...copy(0, offset),
        ...row.loop(
          0,
          half,
          `const real cosine = ${entry("rope_cos")}, sine = ${entry("rope_sin")};`,
          `const real turned_u = ${at(x, offset)}, turned_v = ${at(x, offset + half)};`,
          `${at(y, offset)} = turned_u * cosine ${minus} turned_v * sine;`,
          `${at(y, offset + half)} = turned_v * cosine ${plus} turned_u * sine;`,
        ),
        ...copy(offset + width, columns),
      ];
    },
  },
  samples: [
    {
      args: [{ type: tensor("B T H R", { B: 2, T: 3, H: 2, R: 6 }) }],
      attrs: { along: "T", theta: 100, offset: 0, width: 6, inverse: false },
    },
    {
      args: [{ type: tensor("T H N+R", { T: 5, H: 3, "N+R": 7 }) }],
      attrs: { along: "T", theta: 10_000, offset: 3, width: 4, inverse: false },
    },
    { args: [{ type: tensor("B T A", { B: 2, T: 4, A: 9 }) }], attrs: { along: "T", theta: 10, offset: 1, width: 4, inverse: true } },
    {
      args: [{ type: tensor("B H R", { B: 3, H: 2, R: 4 }) }, { type: tensor("B", { B: 3 }, "i32"), data: [7, 0, 3] }],
      attrs: { along: "B", theta: 10, offset: 0, width: 4, inverse: false, positions: 8 },
    },
  ],
};
