import { last, names, sameDims, size, type Type } from "../ir.js";
import { dot } from "./attention.js";
import { leading } from "./dims.js";
import { type OpSpec, type Reference, ShapeProblem, tensor } from "./op.js";

/**
 * Calls `each` for every row and head with the row of the caches at which the keys begin and how many keys it sees. A row without a
 * request (slot −1) repeats row 0.
 */
export function eachCachedQuery(
  slot: Reference,
  position: Reference,
  heads: number,
  context: number,
  each: (query: number, head: number, firstKey: number, keys: number) => void,
): void {
  for (let b = 0; b < slot.data.length; b++) {
    const from = slot.data[b]! < 0 ? 0 : b;
    for (let h = 0; h < heads; h++) each(b * heads + h, h, slot.data[from]! * context, position.data[from]! + 1);
  }
}

/** e^score over their sum. */
export function shares(scores: readonly number[]): number[] {
  const peak = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - peak));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

/** What slot and position must be like. */
export function checkRows(op: string, q: Type, slot: Type | undefined, position: Type | undefined): void {
  if (slot?.dtype !== "i32" || position?.dtype !== "i32") throw new ShapeProblem("shape/integers", `${op}: slot and position are integers`);
  if (!sameDims(slot.dims, q.dims.slice(0, 1)) || !sameDims(position.dims, slot.dims))
    throw new ShapeProblem(
      "shape/same",
      `${op}: q is [${names(q)}], slot [${names(slot)}] and position [${names(position)}]; each row has one of both`,
    );
}

const sizes = { B: 3, H: 4, G: 2, A: 3, U: 5, slots: 3, context: 6 };
const rows = { type: tensor("B", sizes, "i32") };

/**
 * Attention of single tokens over what their requests have kept: row b is the token at position[b] of the request in slot[b], and sees
 * the keys and values of positions 0 to position[b]. Heads share keys as in `attention`. A row with slot −1 has no request: it gets
 * row 0's result, so that a row whose token is row 0's too is the same all the way through the model, and asks for no other expert.
 * Inputs: q [B H A], k [slots context G A], v [slots context G U], slot [B], position [B].
 */
export const cachedAttention: OpSpec = {
  name: "cachedAttention",
  formula: "y[b, h] = softmax_{t ≤ position[b]}(q[b, h]·k[slot[b], t, g] · scale) · v[slot[b], t, g], g = h / (H / G)",
  infer([q, k, v, slot, position]) {
    if (!q || !k || !v) throw new ShapeProblem("shape/arguments", "cachedAttention takes q, k, v, slot and position");
    if (q.dims.length !== 3 || k.dims.length !== 4 || !sameDims(leading(k), leading(v)) || last(k).size !== last(q).size)
      throw new ShapeProblem("shape/attention", `cachedAttention: q is [${names(q)}], k [${names(k)}], v [${names(v)}]`, 0);
    checkRows("cachedAttention", q, slot, position);
    return [{ dims: [...leading(q), last(v)], dtype: q.dtype }];
  },
  flops: (op) =>
    2 * size(op.inputs[0]!.type) * op.inputs[1]!.type.dims[1]!.size * (1 + last(op.inputs[2]!.type).size / last(op.inputs[0]!.type).size),
  reference([q, k, v, slot, position], { scale }, [out]) {
    const [, H, A] = q!.type.dims.map((d) => d.size) as [number, number, number];
    const [, context, G, U] = v!.type.dims.map((d) => d.size) as [number, number, number, number];
    const y = new Float64Array(size(out!));
    eachCachedQuery(slot!, position!, H, context, (query, head, first, keys) => {
      const from = slot!.data[Math.floor(query / H)]! < 0 ? head : query;
      const row = (t: number): number => (first + t) * G + Math.floor((head * G) / H);
      const scores = Array.from({ length: keys }, (_, t) => (scale as number) * dot(q!.data, from * A, k!.data, row(t) * A, A));
      shares(scores).forEach((p, t) => {
        for (let u = 0; u < U; u++) y[query * U + u]! += p * v!.data[row(t) * U + u]!;
      });
    });
    return [y];
  },
  outputs: ["mixed"],
  form: { is: "own", template: "cachedAttention" },
  samples: [
    {
      args: [
        { type: tensor("B H A", sizes) },
        { type: tensor("slots context G A", sizes) },
        { type: tensor("slots context G U", sizes) },
        { ...rows, data: [2, -1, 0] },
        { ...rows, data: [5, 5, 0] },
      ],
      attrs: { scale: 0.6 },
    },
  ],
};
