import { last, type Type } from "../ir.js";
import { attention, heads, pairs } from "./attention.js";
import { leading } from "./dims.js";
import { expanded, latentKeys, latentSamples, referenceByParts, turnTables } from "./latentKeys.js";
import { type OpSpec, ShapeProblem } from "./op.js";

/**
 * attention where keys and values are made from a latent, as in latentAttentionGrad: k = rope(rmsnorm([latent·kWeight, rotary], gain)),
 * v = latent·vWeight. A kernel makes each tile of them again for each tile of queries. Made by passes/latentKeys.ts.
 *
 * Inputs: q [… T H N+R], latent [… T C], kWeight [C G N], vWeight [C G U], rotary [… T R], gain [N+R]. Outputs: attention's.
 * Attributes: `causal` and `scale` of attention, `eps` of the norm, `along` and `theta` of the rotation.
 */
export const latentAttention: OpSpec = {
  name: "latentAttention",
  formula: "attention of k = rope(rmsnorm([c·Wk, kr], gain)) and v = c·Wv",
  infer([q, latent, kWeight, vWeight, rotary, gain]) {
    if (!q || !latent || !kWeight || !vWeight || !rotary || !gain)
      throw new ShapeProblem("shape/arguments", "latentAttention takes q, latent, two weights, rotary and a gain");
    return [
      { dims: [...leading(q), last(vWeight)], dtype: q.dtype },
      { dims: leading(q), dtype: q.dtype },
    ];
  },
  flops({ inputs: [q, latent, kWeight, vWeight], attrs }) {
    const k: Type = { ...q!.type, dims: [...leading(expanded(latent!.type, kWeight!.type)), last(q!.type)] };
    const s = heads(q!.type, k, vWeight!.type);
    const width = (weight: Type): number => (weight.dims[0]!.size * last(weight).size) / QUERIES;
    return 2 * pairs(s, attrs) * (s.A + s.U + width(kWeight!.type) + width(vWeight!.type));
  },
  decompose(inputs, attrs, emit) {
    const { k, v } = latentKeys(inputs, attrs, emit);
    return emit("attention", [inputs[0]!, k, v], { causal: attrs.causal!, scale: attrs.scale! });
  },
  reference: (args, attrs) => referenceByParts(latentAttention.decompose!, [attention], args, attrs),
  outputs: attention.outputs!,
  form: { is: "own", template: "latentAttention", tables: (attrs, [q, , kWeight, , rotary]) => turnTables(attrs, kWeight!, rotary!, q!) },
  samples: latentSamples(() => []),
};

/** Each tile of keys and values is made again for so many queries. */
const QUERIES = 128;
