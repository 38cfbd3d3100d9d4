import { last, size } from "../ir.js";
import { scalar } from "./dims.js";
import { type OpSpec, ShapeProblem, tensor } from "./op.js";
import { routeAttrs } from "./route.js";
import { sampleRouting } from "./routing.js";

const { gates, choice, load } = sampleRouting;
const probabilities = { type: tensor("B T E", { B: 2, T: 3, E: 4 }), range: [0.1, 0.9] } as const;
const args = [probabilities, gates, choice, load, { type: gates.type }, { type: scalar }];

/** The gradient of route's logits: through the gates of the chosen, and through every expert's mean share. */
export const routeGrad: OpSpec = {
  name: "routeGrad",
  formula:
    "dp[choice] = scale / Σ p[choice] · (dGates − Σ dGates · gates / scale); dp += ∂balance/∂p · dBalance; dLogits = ∂p/∂logitsᵀ · dp",
  infer([probabilities, ...rest]) {
    if (!probabilities || rest.length !== 5)
      throw new ShapeProblem("shape/arguments", "routeGrad takes probabilities, gates, choice, load, dGates and dBalance");
    return [probabilities];
  },
  flops: (op) => 10 * size(op.outputs[0]!.type),
  reference([probabilities, gates, choice, load, dGates, dBalance], attrs, [out]) {
    const { topK, score, scale, aux } = routeAttrs(attrs);
    const E = last(out!).size;
    const tokens = size(out!) / E;
    const dShare = load!.data.map((n) => (((dBalance!.data[0]! * aux * E) / tokens) * n) / (tokens * topK));
    const dLogits = new Float64Array(size(out!));
    for (let t = 0; t < tokens; t++) {
      const p = probabilities!.data.subarray(t * E, (t + 1) * E);
      const all = p.reduce((a, b) => a + b, 0);
      const along = p.reduce((sum, v, e) => sum + (v / all) * dShare[e]!, 0);
      const dp = dShare.map((v) => (v - along) / all);

      const chosen = Array.from(choice!.data.subarray(t * topK, (t + 1) * topK));
      const sum = chosen.reduce((s, e) => s + p[e]!, 0);
      const alongGates = chosen.reduce((s, _, k) => s + (dGates!.data[t * topK + k]! * gates!.data[t * topK + k]!) / scale, 0);
      chosen.forEach((e, k) => {
        dp[e]! += (scale / sum) * (dGates!.data[t * topK + k]! - alongGates);
      });

      const alongP = dp.reduce((s, v, e) => s + v * p[e]!, 0);
      dp.forEach((v, e) => {
        dLogits[t * E + e] = score === "softmax" ? p[e]! * (v - alongP) : v * p[e]! * (1 - p[e]!);
      });
    }
    return [dLogits];
  },
  form: { is: "own", template: "routeGrad" },
  samples: [
    { args, attrs: { topK: 2, score: "softmax", scale: 1, aux: 0.3 } },
    { args, attrs: { topK: 2, score: "sigmoid", scale: 2.5, aux: 0.2 } },
  ],
};
