import { last, names, sameDims, size, type Type } from "../ir.js";
import { dot } from "./attention.js";
import { checkRows, eachCachedQuery, shares } from "./cachedAttention.js";
import { leading } from "./dims.js";
import { type Attrs, type OpSpec, ShapeProblem, tensor } from "./op.js";

/** Operands by what they are; `rotary` and `norm` say which there are. */
export interface LatentOperands<X> {
  q: X;
  qRotary: X | undefined;
  latent: X;
  rotary: X | undefined;
  norm: X | undefined;
  slot: X;
  position: X;
}

export function latentOperands<X>(args: readonly X[], attrs: Attrs): LatentOperands<X> {
  const left = [...args];
  const next = (): X => left.shift() as X;
  const q = next();
  const qRotary = attrs.rotary ? next() : undefined;
  const latent = next();
  const rotary = attrs.rotary ? next() : undefined;
  const norm = attrs.norm ? next() : undefined;
  return { q, qRotary, latent, rotary, norm, slot: next(), position: next() };
}

const sizes = { B: 3, H: 2, C: 5, R: 4, slots: 3, context: 6 };
const rows = { type: tensor("B", sizes, "i32") };
const q = { type: tensor("B H C", sizes) };
const latent = { type: tensor("slots context C", sizes) };

/**
 * Attention of single tokens in the latent space: keys and values are never made. Row b is the token at position[b] of the request in
 * slot[b]. q has been taken through the keys' weight, so that its product with the latent is that with the keys' plain part; the
 * result is a latent for each head, which the values' weight makes values of. Rows with slot −1 are as in cachedAttention.
 * Inputs: q [B H C]; with `rotary` qRotary [B H R]; latent [slots context C]; with `rotary` the turned key that heads share
 * [slots context R]; with `norm` what each head's key is multiplied by [slots context H]; slot [B]; position [B].
 * DeepSeek-V2, arXiv 2405.04434, section 2.1; the factor makes it exact where keys are normalised, too.
 */
export const latentCachedAttention: OpSpec = {
  name: "latentCachedAttention",
  formula: "y[b, h] = Σ_t p[t]·c[t], p = softmax_{t ≤ position}(scale · s[t, h] · (q[b, h]·c[t] + qRotary[b, h]·r[t]))",
  infer(args, attrs) {
    const o = latentOperands<Type | undefined>(args, attrs);
    if (!o.q || !o.latent || !o.position) throw new ShapeProblem("shape/arguments", "latentCachedAttention lacks an operand");
    const cached = leading(o.latent);
    const fits =
      o.q.dims.length === 3 &&
      o.latent.dims.length === 3 &&
      sameDims(o.q.dims.slice(-1), o.latent.dims.slice(-1)) &&
      (!o.rotary ||
        (sameDims(leading(o.rotary), cached) &&
          o.qRotary &&
          sameDims(leading(o.qRotary), leading(o.q)) &&
          last(o.qRotary).size === last(o.rotary).size)) &&
      (!o.norm || (sameDims(leading(o.norm), cached) && last(o.norm).size === o.q.dims[1]!.size));
    if (!fits) {
      const shapes = args.map((type) => `[${names(type)}]`).join(", ");
      throw new ShapeProblem("shape/attention", `latentCachedAttention: operands of ${shapes} do not fit together`, 0);
    }
    checkRows("latentCachedAttention", o.q, o.slot, o.position);
    return [o.q];
  },
  flops(op) {
    const { q, latent, rotary } = latentOperands(op.inputs, op.attrs);
    const [B, H, C] = q.type.dims.map((d) => d.size) as [number, number, number];
    return 2 * B * H * latent.type.dims[1]!.size * (2 * C + (rotary ? last(rotary.type).size : 0));
  },
  reference(args, attrs, [out]) {
    const o = latentOperands(args, attrs);
    const [, H, C] = o.q.type.dims.map((d) => d.size) as [number, number, number];
    const R = o.rotary ? last(o.rotary.type).size : 0;
    const y = new Float64Array(size(out!));
    eachCachedQuery(o.slot, o.position, H, o.latent.type.dims[1]!.size, (query, head, first, keys) => {
      const from = o.slot.data[Math.floor(query / H)]! < 0 ? head : query;
      const scores = Array.from({ length: keys }, (_, t) => {
        const plain = dot(o.q.data, from * C, o.latent.data, (first + t) * C, C);
        const turned = o.rotary && o.qRotary ? dot(o.qRotary.data, from * R, o.rotary.data, (first + t) * R, R) : 0;
        return (attrs.scale as number) * (o.norm ? o.norm.data[(first + t) * H + head]! : 1) * (plain + turned);
      });
      shares(scores).forEach((p, t) => {
        for (let c = 0; c < C; c++) y[query * C + c]! += p * o.latent.data[(first + t) * C + c]!;
      });
    });
    return [y];
  },
  outputs: ["mixed_latent"],
  form: { is: "own", template: "latentCachedAttention" },
  samples: [
    {
      args: [
        q,
        { type: tensor("B H R", sizes) },
        latent,
        { type: tensor("slots context R", sizes) },
        { type: tensor("slots context H", sizes), range: [0.5, 1.5] },
        { ...rows, data: [2, -1, 0] },
        { ...rows, data: [5, 5, 0] },
      ],
      attrs: { scale: 0.6, rotary: true, norm: true },
    },
    { args: [q, latent, { ...rows, data: [1, 0, 2] }, { ...rows, data: [0, 3, 5] }], attrs: { scale: 0.8, rotary: false, norm: false } },
  ],
};
