import { last, names, sameDims, size, type Type } from "../ir.js";
import { dot } from "./attention.js";
import { leading, scalar } from "./dims.js";
import { type OpSpec, type Reference, ShapeProblem, tensor } from "./op.js";

const x = { type: tensor("B T D", { B: 2, T: 3, D: 5 }) };
const w = { type: tensor("V D", { V: 7, D: 5 }) };
const targets = { type: tensor("B T", { B: 2, T: 3 }, "i32"), data: [3, 0, 6, 3, 2, 5] };
const lse = { type: tensor("B T", { B: 2, T: 3 }), range: [2, 4] } as const;
const dLoss = { type: scalar };

/** The sentences shared by the ops below. */
function check(op: string, x: Type | undefined, w: Type | undefined, targets: Type | undefined): void {
  if (!x || !w || !targets) throw new ShapeProblem("shape/arguments", `${op} takes x, an embedding and targets`);
  if (w.dims.length !== 2 || last(w).name !== last(x).name)
    throw new ShapeProblem(
      "shape/reads",
      `${op}: the embedding is [${names(w)}]; x is [${names(x)}], whose last dimension is ${last(x).name}`,
      1,
    );
  if (targets.dtype !== "i32")
    throw new ShapeProblem("shape/integers", `${op}: targets must be integers; [${names(targets)}] holds real numbers`, 2);
  if (!sameDims(leading(x), targets.dims))
    throw new ShapeProblem(
      "shape/targets",
      `${op}: x is [${names(x)}]; the targets are [${names(targets)}], not [${names({ ...x, dims: leading(x) })}]`,
      2,
    );
}

/** The logits of one token, and ln Σ exp of them. */
function rowOf(x: Reference, w: Reference, t: number): { logits: Float64Array; lse: number } {
  const D = last(x.type).size;
  const logits = Float64Array.from({ length: w.data.length / D }, (_, v) => dot(x.data, t * D, w.data, v * D, D));
  const peak = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return { logits, lse: peak + Math.log(logits.reduce((sum, l) => sum + Math.exp(l - peak), 0)) };
}

function lossOf(x: Reference, w: Reference, targets: Reference): { loss: number; lse: Float64Array } {
  const rows = Array.from(targets.data, (target, t) => ({ target, ...rowOf(x, w, t) }));
  const loss = rows.reduce((sum, r) => sum + (r.lse - r.logits[r.target]!), 0) / rows.length;
  return { loss, lse: Float64Array.from(rows, (r) => r.lse) };
}

/** dlogits = (softmax − onehot) · dLoss / tokens, and from it the gradients of both operands. */
function gradientOf(x: Reference, w: Reference, targets: Reference, lse: Float64Array, dLoss: number): [Float64Array, Float64Array] {
  const D = last(x.type).size;
  const dx = new Float64Array(x.data.length);
  const dw = new Float64Array(w.data.length);
  targets.data.forEach((target, t) => {
    rowOf(x, w, t).logits.forEach((logit, v) => {
      const d = ((Math.exp(logit - lse[t]!) - (v === target ? 1 : 0)) * dLoss) / targets.data.length;
      for (let i = 0; i < D; i++) {
        dx[t * D + i]! += d * w.data[v * D + i]!;
        dw[v * D + i]! += d * x.data[t * D + i]!;
      }
    });
  });
  return [dx, dw];
}

/** Multiplications and additions of one pass over the logits. */
const product = (x: Type, w: Type): number => (2 * size(x) * size(w)) / last(x).size;

/** Mean cross entropy, in nats a token, of the logits x·wᵀ, which need never exist all at once. */
export const linearCrossEntropy: OpSpec = {
  name: "linearCrossEntropy",
  formula: "loss = mean(lse − logits[target]), lse = ln Σ_v exp(logits), logits = x·wᵀ",
  infer([x, w, targets]) {
    check("linearCrossEntropy", x, w, targets);
    return [
      { dims: [], dtype: x!.dtype },
      { dims: leading(x!), dtype: x!.dtype },
    ];
  },
  gradient({ op, d, emitAll }) {
    const dLoss = d(0);
    return dLoss ? emitAll("linearCrossEntropyGrad", [dLoss, ...op.inputs, op.outputs[1]!]) : [];
  },
  flops: (op) => product(op.inputs[0]!.type, op.inputs[1]!.type),
  reference([x, w, targets]) {
    const { loss, lse } = lossOf(x!, w!, targets!);
    return [Float64Array.of(loss), lse];
  },
  outputs: ["loss", "lse"],
  form: { is: "own", template: "linearCrossEntropy" },
  samples: [{ args: [x, w, targets], attrs: {} }],
};

/** The gradients of x and w; the logits are formed again, lse makes them probabilities. */
export const linearCrossEntropyGrad: OpSpec = {
  name: "linearCrossEntropyGrad",
  formula: "g = (exp(x·wᵀ − lse) − onehot(target)) · dLoss / tokens; dx = g·w, dw = gᵀ·x",
  infer([dLoss, x, w, targets, lse]) {
    check("linearCrossEntropyGrad", x, w, targets);
    if (!dLoss || !lse) throw new ShapeProblem("shape/arguments", "linearCrossEntropyGrad takes dLoss, x, w, targets and lse");
    return [x!, w!];
  },
  flops: (op) => 3 * product(op.inputs[1]!.type, op.inputs[2]!.type),
  reference: ([dLoss, x, w, targets, lse]) => gradientOf(x!, w!, targets!, lse!.data, dLoss!.data[0]!),
  outputs: ["d_x", "d_head"],
  form: { is: "own", template: "linearCrossEntropyGrad" },
  samples: [{ args: [dLoss, x, w, targets, lse], attrs: {} }],
};

/**
 * Loss and gradients in one pass over the logits: what the crossEntropy choices full and chunk:ROWS put for the two ops above.
 * Attribute `rows`: how many tokens' logits exist at a time.
 */
export const linearCrossEntropyTrain: OpSpec = {
  name: "linearCrossEntropyTrain",
  formula: "loss of linearCrossEntropy, dx and dw of linearCrossEntropyGrad",
  infer([x, w, targets, dLoss]) {
    check("linearCrossEntropyTrain", x, w, targets);
    if (!dLoss) throw new ShapeProblem("shape/arguments", "linearCrossEntropyTrain takes x, w, targets and dLoss");
    return [{ dims: [], dtype: x!.dtype }, x!, w!];
  },
  flops: (op) => 3 * product(op.inputs[0]!.type, op.inputs[1]!.type),
  reference([x, w, targets, dLoss]) {
    const { loss, lse } = lossOf(x!, w!, targets!);
    return [Float64Array.of(loss), ...gradientOf(x!, w!, targets!, lse, dLoss!.data[0]!)];
  },
  outputs: ["loss", "d_x", "d_head"],
  form: { is: "own", template: "linearCrossEntropyTrain" },
  samples: [{ args: [x, w, targets, dLoss], attrs: { rows: 4 } }],
};
