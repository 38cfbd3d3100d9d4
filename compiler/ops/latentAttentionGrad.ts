import { type Dim, last, size, type Type } from "../ir.js";
import { heads, pairs } from "./attention.js";
import { attentionGrad } from "./attentionGrad.js";
import { leading } from "./dims.js";
import { expanded, latentKeys, latentSamples, referenceByParts, turn, turnTables } from "./latentKeys.js";
import { type OpSpec, ShapeProblem } from "./op.js";
import { part } from "./part.js";
import { rmsnormGradGain, rmsnormGradX } from "./rmsnormGrad.js";

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
    const rows = [expanded(latent!.type, kWeight!.type), expanded(latent!.type, vWeight!.type)];
    const k: Type = { ...q!.type, dims: [...leading(rows[0]!), last(q!.type)] };
    const s = heads(q!.type, k, vWeight!.type);
    return 2 * pairs(s, attrs) * (3 * s.A + 2 * s.U) + 2 * last(latent!.type).size * (size(rows[0]!) + size(rows[1]!));
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
  reference: (args, attrs) =>
    referenceByParts(latentAttentionGrad.decompose!, [attentionGrad, rmsnormGradX, rmsnormGradGain, part], args, attrs),
  outputs: ["d_q", "d_plain", "d_rotary", "d_v", "d_gain"],
  form: {
    is: "own",
    template: "latentAttentionGrad",
    tables: (attrs, [q, , kWeight, , rotary]) => turnTables(attrs, kWeight!, rotary!, q!),
  },
  samples: latentSamples((of) => [of("B T H U"), { ...of("B T H"), range: [4, 6] as const }, of("B T H U")]),
};
