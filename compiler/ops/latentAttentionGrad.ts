import { type Dim, last, size, type Type, type Value } from "../ir.js";
import { heads, pairs } from "./attention.js";
import { attentionGrad } from "./attentionGrad.js";
import { concat } from "./concat.js";
import { leading, writeDims } from "./dims.js";
import { expand } from "./expand.js";
import { linear } from "./linear.js";
import { type Attrs, type Emit, type OpSpec, type Reference, ShapeProblem, tensor } from "./op.js";
import { part } from "./part.js";
import { rmsnorm } from "./rmsnorm.js";
import { rmsnormGradGain, rmsnormGradX } from "./rmsnormGrad.js";
import { rope } from "./rope.js";

/** How the last columns of the keys turn, as rope has it. */
function turn(plain: Dim, rotary: Dim, { along, theta }: Attrs): Attrs {
  return { along: along!, theta: theta!, offset: plain.size, width: rotary.size, inverse: false };
}

/** The keys before their norm, the keys, and the values, of [q, latent, kWeight, vWeight, rotary, gain, …]. */
export function latentKeys(
  [, latent, kWeight, vWeight, rotary, gain]: readonly Value[],
  attrs: Attrs,
  emit: Emit,
): Record<"x" | "k" | "v", Value> {
  const [, groups, plain] = kWeight!.type.dims as [Dim, Dim, Dim];
  const product = { reads: 1, each: 0 };
  const into = writeDims([...leading(rotary!.type), groups, last(rotary!.type)]);
  const [shared] = emit("expand", [rotary!], { into });
  const [x] = emit("concat", [emit("linear", [latent!, kWeight!], product)[0]!, shared!]);
  const [normal] = emit("rmsnorm", [x!, gain!], { eps: attrs.eps! });
  const [k] = emit("rope", [normal!], turn(plain, last(rotary!.type), attrs));
  const [v] = emit("linear", [latent!, vWeight!], product);
  return { x: x!, k: k!, v: v! };
}

const parts = new Map(
  [linear, expand, concat, rmsnorm, rope, attentionGrad, rmsnormGradX, rmsnormGradGain, part].map((op) => [op.name, op]),
);

const sample = (sizes: Readonly<Record<string, number>>, group: string, causal: boolean): OpSpec["samples"][number] => {
  const of = (dims: string): { type: Type } => ({ type: tensor(dims, sizes) });
  const out = of("B T H U");
  return {
    args: [
      ...[of("B T H N+R"), of("B T C"), of(`C ${group} N`), of(`C ${group} U`), of("B T R"), { ...of("N+R"), range: [0.5, 1.5] as const }],
      ...[out, { ...of("B T H"), range: [4, 6] as const }, out],
    ],
    attrs: { causal, scale: 0.125, eps: 1e-6, along: "T", theta: 100 },
  };
};

/**
 * attentionGrad where keys and values are made from a latent, and the gradients go back through their norm and rotation: multi-head latent
 * attention (DeepSeek-V2, arXiv 2405.04434) with normalised keys. k = rope(rmsnorm([latent·kWeight, rotary], gain)), v = latent·vWeight.
 * So a kernel can make its tile of them itself, and they never lie in memory. Made by passes/latentKeys.ts.
 *
 * Inputs: q [… T H N+R], latent [… T C], kWeight [C G N], vWeight [C G U], rotary [… T R], gain [N+R], and attention's out, lse and dOut.
 * Outputs: the gradients of q; of latent·kWeight [… T G N]; of rotary, each group's own [… T G R]; of v; of the gain.
 * Attributes: `causal` and `scale` of attention, `eps` of the norm, `along` and `theta` of the rotation.
 */
export const latentAttentionGrad: OpSpec = {
  name: "latentAttentionGrad",
  formula: "attentionGrad of k = rope(rmsnorm([c·Wk, kr] , gain)) and v = c·Wv, taken back to c·Wk, kr, v and gain",
  infer([q, latent, kWeight, vWeight, rotary, gain, out, lse, dOut]) {
    if (!q || !latent || !kWeight || !vWeight || !rotary || !gain || !out || !lse || !dOut)
      throw new ShapeProblem("shape/arguments", "latentAttentionGrad takes q, latent, two weights, rotary, gain, out, lse and dOut");
    const [, groups, plain] = kWeight.dims as [Dim, Dim, Dim];
    const rows = { ...latent, dims: [...leading(latent), groups] };
    const wide = (dim: Dim): Type => ({ ...rows, dims: [...rows.dims, dim] });
    return [q, wide(plain), wide(last(rotary)), wide(last(vWeight)), gain];
  },
  flops({ inputs: [q, latent, kWeight, vWeight], attrs }) {
    const wide = (weight: Type): Type => ({ ...weight, dims: [...leading(latent!.type), ...weight.dims.slice(1)] });
    const s = heads(q!.type, { ...q!.type, dims: [...q!.type.dims.slice(0, -2), kWeight!.type.dims[1]!, last(q!.type)] }, vWeight!.type);
    const made = size(wide(kWeight!.type)) + size(wide(vWeight!.type));
    return 2 * pairs(s, attrs) * (3 * s.A + 2 * s.U) + 2 * last(latent!.type).size * made;
  },
  decompose(inputs, attrs, emit) {
    const [q, , kWeight, , rotary, gain, out, lse, dOut] = inputs;
    const { x, k, v } = latentKeys(inputs, attrs, emit);
    const [dQ, dK, dV] = emit("attentionGrad", [q!, k, v, out!, lse!, dOut!], { causal: attrs.causal!, scale: attrs.scale! });
    const [plain, turned] = [last(kWeight!.type), last(rotary!.type)];
    const [dNormal] = emit("rope", [dK!], { ...turn(plain, turned, attrs), inverse: true });
    const [dX] = emit("rmsnormGradX", [dNormal!, x, gain!], { eps: attrs.eps! });
    const [dGain] = emit("rmsnormGradGain", [dNormal!, x], { eps: attrs.eps! });
    const [dPlain] = emit("part", [dX!], { offset: 0, dim: plain.name, size: plain.size });
    const [dRotary] = emit("part", [dX!], { offset: plain.size, dim: turned.name, size: turned.size });
    return [dQ!, dPlain!, dRotary!, dV!, dGain!];
  },
  reference(args, attrs) {
    const known = new Map<Value, Reference>();
    const hold = (reference: Reference): Value => {
      const v: Value = { id: known.size, type: reference.type, def: { is: "input", name: "" } };
      known.set(v, reference);
      return v;
    };
    const results = latentAttentionGrad.decompose!(args.map(hold), attrs, (kind, inputs, with_ = {}) => {
      const op = parts.get(kind)!;
      const given = inputs.map((v) => known.get(v)!);
      const types = op.infer(
        given.map(({ type }) => type),
        with_,
      );
      return op.reference(given, with_, types).map((data, i) => hold({ type: types[i]!, data }));
    });
    return results.map((v) => known.get(v)!.data);
  },
  outputs: ["d_q", "d_plain", "d_rotary", "d_v", "d_gain"],
  form: {
    is: "own",
    template: "latentAttentionGrad",
    tables(attrs, [, , kWeight, , rotary], types) {
      if (rope.form.is !== "rowwise") return [];
      return rope.form.tables!(turn(last(kWeight!), last(rotary!), attrs), [], [types[1]!]);
    },
  },
  samples: [
    sample({ B: 1, T: 70, H: 2, N: 64, R: 64, "N+R": 128, U: 64, C: 64 }, "H", true),
    sample({ B: 2, T: 9, H: 2, G: 1, N: 128, R: 64, "N+R": 192, U: 128, C: 128 }, "G", false),
  ],
};
