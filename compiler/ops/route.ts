import { type Dim, last, names, size, type Type } from "../ir.js";
import { leading, mustLack, scalar, writeDims } from "./dims.js";
import { type Attrs, type OpSpec, ShapeProblem, tensor } from "./op.js";
import { highest, sortByExpert } from "./routing.js";
import { logistic } from "./sigmoid.js";
import { softmaxRow } from "./softmax.js";

export interface RouteAttrs {
  topK: number;
  score: "softmax" | "sigmoid";
  /** The gates of a token add up to this. */
  scale: number;
  /** The factor of the balance loss; 0 without one. */
  aux: number;
}

export const routeAttrs = (attrs: Attrs): RouteAttrs => attrs as unknown as RouteAttrs;

/**
 * Chooses topK of E experts for each token. p = softmax or sigmoid of the logits; the choice goes by p + expertBias; the gates
 * are the chosen p over their sum, times scale. DeepSeekMoE, arXiv 2401.06066; expertBias as in DeepSeek-V3, arXiv 2412.19437.
 * Inputs: logits […, E] and, optionally, expertBias [E], which has no gradient.
 * Outputs: gates and choice […, topK]; slot […, topK], source [rows] and offsets [E+1], see routing.ts; load [E];
 * probabilities p […, E]; balance [] = aux · E · Σ_e load_e / (tokens · topK) · mean(p_e / Σ p), in which load has no gradient.
 */
export const route: OpSpec = {
  name: "route",
  formula: "gates = scale · p[choice] / Σ p[choice], choice = topK of p + bias; balance = aux · E · Σ_e load_e / Σ load · mean(p_e / Σ p)",
  infer([logits, bias], attrs) {
    if (!logits || logits.dims.length === 0) throw new ShapeProblem("shape/arguments", "route takes logits that end in the experts");
    const { topK, score } = routeAttrs(attrs);
    const experts = last(logits);
    if (score !== "softmax" && score !== "sigmoid")
      throw new ShapeProblem("shape/score", `route: score is "${score}"; it is "softmax" or "sigmoid"`);
    if (!Number.isInteger(topK) || topK < 1 || topK > experts.size)
      throw new ShapeProblem(
        "shape/topK",
        `route: topK is ${topK}; of ${experts.size} experts (${experts.name}) a token can choose 1 to ${experts.size}`,
      );
    if (bias && names(bias) !== experts.name)
      throw new ShapeProblem("shape/bias", `route: the expert bias is over [${names(bias)}]; the experts are ${experts.name}`, 1);
    mustLack("route", logits, "topK", "counts a token's choices", 0);
    const tokens = leading(logits);
    const chosen = [...tokens, { name: "topK", size: topK }];
    const integers = (...dims: Dim[]): Type => ({ dims, dtype: "i32" });
    return [
      { dims: chosen, dtype: logits.dtype },
      integers(...chosen),
      integers(...chosen),
      integers({ name: "rows", size: size({ dims: chosen, dtype: "i32" }) }),
      integers({ name: `${experts.name}+1`, size: experts.size + 1 }),
      integers(experts),
      logits,
      { ...scalar, dtype: logits.dtype },
    ];
  },
  gradient({ op, d, emit }) {
    const [gates, choice, , , , load, probabilities, balance] = op.outputs;
    if (!d(0) && !d(7)) return [];
    const zeros = (type: Type) => emit("fill", [], { value: 0, into: writeDims(type.dims) });
    const dGates = d(0) ?? zeros(gates!.type);
    const dBalance = d(7) ?? zeros(balance!.type);
    return [emit("routeGrad", [probabilities!, gates!, choice!, load!, dGates, dBalance], op.attrs)];
  },
  flops: (op) => (4 + (op.attrs.topK as number)) * size(op.inputs[0]!.type),
  reference([logits, bias], attrs, [gatesType]) {
    const { topK, score, scale, aux } = routeAttrs(attrs);
    const E = last(logits!.type).size;
    const tokens = logits!.data.length / E;
    const probabilities = new Float64Array(logits!.data.length);
    const shares = new Float64Array(E);
    const gates = new Float64Array(size(gatesType!));
    const choice = new Float64Array(gates.length);
    for (let t = 0; t < tokens; t++) {
      const row = logits!.data.subarray(t * E, (t + 1) * E);
      const p = score === "softmax" ? softmaxRow(row) : row.map(logistic);
      probabilities.set(p, t * E);
      const all = p.reduce((a, b) => a + b, 0);
      p.forEach((v, e) => {
        shares[e]! += v / all / tokens;
      });
      const best = highest(bias ? p.map((v, e) => v + bias.data[e]!) : p, topK);
      const sum = best.reduce((s, e) => s + p[e]!, 0);
      best.forEach((e, k) => {
        choice[t * topK + k] = e;
        gates[t * topK + k] = (p[e]! / sum) * scale;
      });
    }
    const { slot, source, offsets, load } = sortByExpert(choice, E);
    const balance = aux * E * load.reduce((sum, n, e) => sum + (n / (tokens * topK)) * shares[e]!, 0);
    return [gates, choice, slot, source, offsets, load, probabilities, Float64Array.of(balance)];
  },
  outputs: ["gates", "choice", "slot", "source", "offsets", "load", "probabilities", "balance"],
  form: { is: "own", template: "route" },
  samples: [
    { args: [{ type: tensor("B T E", { B: 2, T: 3, E: 5 }) }], attrs: { topK: 2, score: "softmax", scale: 1, aux: 0.3 } },
    // The bias keeps everyone away from expert 2 and draws everyone to expert 3, whatever the logits are.
    {
      args: [{ type: tensor("B T E", { B: 2, T: 2, E: 5 }) }, { type: tensor("E", { E: 5 }), data: [0.1, -0.2, -2, 2, 0] }],
      attrs: { topK: 3, score: "sigmoid", scale: 2.5, aux: 0.2 },
    },
    { args: [{ type: tensor("T E", { T: 4, E: 3 }) }], attrs: { topK: 1, score: "sigmoid", scale: 1, aux: 0 } },
  ],
};
