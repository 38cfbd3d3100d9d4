import { attentionSamples, dot, eachQuery, heads, pairs } from "./attention.js";
import { leading } from "./dims.js";
import { type OpSpec, ShapeProblem } from "./op.js";

/**
 * The gradients of attention's q, k and v. The probabilities are rebuilt from lse, so no T × T matrix is kept
 * (Dao et al. 2022, arXiv 2205.14135): p = exp(score − lse), dscore = p · (dOut·v − dOut·out).
 */
export const attentionGrad: OpSpec = {
  name: "attentionGrad",
  formula: "dv = pᵀ·dOut, ds = p · (dOut·vᵀ − Σ dOut·out), dq = ds·k · scale, dk = dsᵀ·q · scale, p = exp(q·kᵀ · scale − lse)",
  infer([q, k, v, out, lse, dOut]) {
    if (!q || !k || !v || !out || !lse || !dOut)
      throw new ShapeProblem("shape/arguments", "attentionGrad takes q, k, v, out, lse and dOut");
    return [q, k, v];
  },
  flops(op) {
    const [q, k, v] = op.inputs;
    const s = heads(q!.type, k!.type, v!.type);
    return 2 * pairs(s, op.attrs) * (3 * s.A + 2 * s.U);
  },
  reference([q, k, v, out, lse, dOut], { causal, scale }) {
    const s = heads(q!.type, k!.type, v!.type);
    const dq = new Float64Array(q!.data.length);
    const dk = new Float64Array(k!.data.length);
    const dv = new Float64Array(v!.data.length);
    eachQuery(s, (query, firstKey, t) => {
      const along = dot(dOut!.data, query * s.U, out!.data, query * s.U, s.U);
      for (let j = 0; j < (causal ? t + 1 : s.T); j++) {
        const key = firstKey + j * s.G;
        const p = Math.exp(dot(q!.data, query * s.A, k!.data, key * s.A, s.A) * (scale as number) - lse!.data[query]!);
        const dScore = p * (dot(dOut!.data, query * s.U, v!.data, key * s.U, s.U) - along) * (scale as number);
        for (let u = 0; u < s.U; u++) dv[key * s.U + u]! += p * dOut!.data[query * s.U + u]!;
        for (let a = 0; a < s.A; a++) {
          dq[query * s.A + a]! += dScore * k!.data[key * s.A + a]!;
          dk[key * s.A + a]! += dScore * q!.data[query * s.A + a]!;
        }
      }
    });
    return [dq, dk, dv];
  },
  outputs: ["d_q", "d_k", "d_v"],
  form: { is: "own", template: "attentionGrad" },
  samples: attentionSamples.map(({ q, k, v, attrs }) => {
    const lse = { ...q, dims: leading(q) };
    const out = { ...q, dims: [...leading(q), ...v.dims.slice(-1)] };
    return { args: [{ type: q }, { type: k }, { type: v }, { type: out }, { type: lse, range: [2, 4] }, { type: out }], attrs };
  }),
};
