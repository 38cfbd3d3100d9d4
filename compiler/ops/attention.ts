import { last, names, sameDims, size, type Type } from "../ir.js";
import { count, leading, list, otherName } from "./dims.js";
import { type Attrs, type OpSpec, ShapeProblem, tensor } from "./op.js";

/** The sizes of an attention, q being [sequences… T H A], k [sequences… T G A], v [sequences… T G U]. */
export interface Heads {
  sequences: number;
  T: number;
  H: number;
  G: number;
  A: number;
  U: number;
}

export function heads(q: Type, k: Type, v: Type): Heads {
  const [T, H, A] = q.dims.slice(-3).map((d) => d.size) as [number, number, number];
  return { sequences: count(q.dims.slice(0, -3)), T, H, G: k.dims.at(-2)!.size, A, U: last(v).size };
}

/** How many pairs of a query and a key count: half the square if no token sees later ones. */
export const pairs = ({ sequences, T, H }: Heads, attrs: Attrs): number => (sequences * H * T * T) / (attrs.causal ? 2 : 1);

/** q, k and v of three small attentions: grouped query heads, heads of their own, no batch. */
export const attentionSamples: readonly { q: Type; k: Type; v: Type; attrs: Attrs }[] = [
  { sizes: { B: 2, T: 3, H: 4, G: 2, A: 3, U: 5 }, over: "B T", group: "G", attrs: { causal: true, scale: 0.6 } },
  { sizes: { B: 1, T: 4, H: 3, G: 3, A: 2, U: 3 }, over: "B T", group: "H", attrs: { causal: false, scale: 0.7 } },
  { sizes: { B: 1, T: 5, H: 3, G: 1, A: 4, U: 2 }, over: "T", group: "G", attrs: { causal: true, scale: 0.5 } },
].map(({ sizes, over, group, attrs }) => ({
  q: tensor(`${over} H A`, sizes),
  k: tensor(`${over} ${group} A`, sizes),
  v: tensor(`${over} ${group} U`, sizes),
  attrs,
}));

/** The dot product of `n` numbers of a from `i` and of b from `j`. */
export function dot(a: Float64Array, i: number, b: Float64Array, j: number, n: number): number {
  let sum = 0;
  for (let c = 0; c < n; c++) sum += a[i + c]! * b[j + c]!;
  return sum;
}

/** Calls `each` for every sequence, head and position with the places of its rows: q's, lse's and out's row, the first k and v row. */
export function eachQuery(s: Heads, each: (query: number, firstKey: number, t: number) => void): void {
  for (let b = 0; b < s.sequences; b++)
    for (let t = 0; t < s.T; t++)
      for (let h = 0; h < s.H; h++) each((b * s.T + t) * s.H + h, b * s.T * s.G + Math.floor((h * s.G) / s.H), t);
}

/**
 * softmax(q·kᵀ · scale)·v for each head; with `causal` a token sees itself and those before it. Query head h uses key head
 * h / (H / G), rounded down (Ainslie et al. 2023, arXiv 2305.13245); T is the third dimension from the end.
 * lse[b, t, h] = ln Σ exp(scores), which is all that the backward pass needs beside out.
 */
export const attention: OpSpec = {
  name: "attention",
  formula: "out = softmax(q·kᵀ · scale)·v over T; lse = ln Σ exp(q·kᵀ · scale)",
  infer([q, k, v]) {
    if (!q || !k || !v) throw new ShapeProblem("shape/arguments", "attention takes q, k and v");
    if (q.dims.length < 3)
      throw new ShapeProblem("shape/heads", `attention: q is [${names(q)}]; it takes [… T H A], positions, heads and a width`, 0);
    const before = q.dims.slice(0, -2);
    if (k.dims.length !== q.dims.length || !sameDims(k.dims.slice(0, -2), before) || !sameDims(k.dims.slice(-1), q.dims.slice(-1)))
      throw new ShapeProblem(
        "shape/attention",
        `attention: q is [${names(q)}] and k is [${names(k)}]; they may differ in their heads only`,
        1,
      );
    if (v.dims.length !== k.dims.length || !sameDims(leading(v), leading(k)))
      throw new ShapeProblem(
        "shape/attention",
        `attention: k is [${names(k)}] and v is [${names(v)}]; they may differ in the last dimension only`,
        2,
      );
    const H = q.dims.at(-2)!;
    const G = k.dims.at(-2)!;
    if (H.size % G.size !== 0)
      throw new ShapeProblem(
        "shape/heads",
        `attention: the ${H.size} heads ${H.name} of q cannot be shared out over the ${G.size} heads ${G.name} of k`,
        1,
        `choose a ${G.name} that divides ${H.size}`,
        [H.name, G.name],
      );
    if (leading(q).some((d) => d.name === last(v).name))
      throw new ShapeProblem(
        "shape/twice",
        `attention: v's last dimension ${last(v).name} is already one of [${list(leading(q))}], which the result keeps`,
        2,
        otherName,
      );
    return [
      { dims: [...leading(q), last(v)], dtype: q.dtype },
      { dims: leading(q), dtype: q.dtype },
    ];
  },
  gradient({ op, d, emitAll }) {
    const dOut = d(0);
    return dOut ? emitAll("attentionGrad", [...op.inputs, ...op.outputs, dOut], op.attrs) : [];
  },
  flops(op) {
    const [q, k, v] = op.inputs;
    const s = heads(q!.type, k!.type, v!.type);
    return 2 * pairs(s, op.attrs) * (s.A + s.U);
  },
  reference([q, k, v], { causal, scale }, [outType, lseType]) {
    const s = heads(q!.type, k!.type, v!.type);
    const out = new Float64Array(size(outType!));
    const lse = new Float64Array(size(lseType!));
    eachQuery(s, (query, firstKey, t) => {
      const scores = Array.from(
        { length: causal ? t + 1 : s.T },
        (_, j) => dot(q!.data, query * s.A, k!.data, (firstKey + j * s.G) * s.A, s.A) * (scale as number),
      );
      const peak = Math.max(...scores);
      lse[query] = peak + Math.log(scores.reduce((sum, x) => sum + Math.exp(x - peak), 0));
      scores.forEach((score, j) => {
        const p = Math.exp(score - lse[query]!);
        for (let u = 0; u < s.U; u++) out[query * s.U + u]! += p * v!.data[(firstKey + j * s.G) * s.U + u]!;
      });
    });
    return [out, lse];
  },
  mixes: (op) => [op.inputs[0]!.type.dims.at(-3)!.name],
  outputs: ["mixed", "lse"],
  form: { is: "own", template: "attention" },
  samples: attentionSamples.map(({ q, k, v, attrs }) => ({ args: [{ type: q }, { type: k }, { type: v }], attrs })),
};
