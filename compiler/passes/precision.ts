/**
 * What each number is kept as on a target with bf16: matrices of activations and weights in bf16, and in float32 whatever is small
 * and decides much (scalars, vectors, gains, expert scores and gates, log-sum-exp), and gradients of parameters, which are summed up.
 * Arithmetic is in float32 everywhere. Integers stay.
 */
import type { DType, Graph, Op, Type, Value } from "../ir.js";
import { written } from "../ops/cacheWrite.js";
import { spec } from "../ops/index.js";
import { gradientValues } from "./landing.js";
import { allOps } from "./rewrite.js";

/** Results that are float32 whatever their shape, by op and number. */
const exact: Readonly<Record<string, readonly number[]>> = {
  route: [0, 6, 7],
  combineGradGates: [0],
  attention: [1],
  latentAttention: [1],
  linearCrossEntropy: [0, 1],
  linearCrossEntropyTrain: [0],
  nextLogits: [0],
  pick: [0],
  dotOfRuns: [0],
  sumColumns: [0],
  rstd: [0],
};

export function precision(graph: Graph): Graph {
  const gradients = gradientValues(graph);
  const scores = new Set([...allOps(graph.body)].filter((op) => op.kind === "route").map((op) => op.inputs[0]!));
  const set = (v: Value, dtype: DType): void => {
    if (v.type.dtype !== "i32") v.type = { ...v.type, dtype };
  };
  const wanted = (v: Value, op: Op, index: number): DType =>
    gradients.has(v) || scores.has(v) || exact[op.kind]?.includes(index) ? "f32" : byShape(v.type);

  for (const v of graph.inputs) {
    const parameter = v.def.is === "input" ? v.def.parameter : undefined;
    set(v, parameter ? parameterType(parameter.kind) : "f32");
  }
  const region = (body: readonly Op[]): void => {
    for (const op of body) {
      if (!op.loop) {
        op.outputs.forEach((v, i) => void set(v, wanted(v, op, i)));
        if (op.kind === "cacheWrite") keepAsWritten(op, set);
        continue;
      }
      const { loop } = op;
      loop.carried.forEach((v) => void set(v, byShape(v.type)));
      loop.slices.forEach((v, i) => void set(v, op.inputs[loop.carried.length + i]!.type.dtype));
      region(loop.body);
      // A cache that a layer writes is the stack's.
      loop.slices.forEach((v, i) => void set(op.inputs[loop.carried.length + i]!, v.type.dtype));
      // Carried values are one thing from round to round, whoever makes the next.
      loop.carried.forEach((v, i) => {
        for (const same of [op.inputs[i]!, loop.yields[i]!, op.outputs[i]!]) set(same, v.type.dtype);
      });
      loop.stacks.forEach((v, i) => void set(op.outputs[loop.carried.length + i]!, v.type.dtype));
    }
  };
  region(graph.body);
  for (const op of allOps(graph.body)) checkOperands(op);
  return graph;
}

/** How a parameter is kept where kernels read it: matrices in bf16 (the rest of their float32 lies apart), the others in float32. */
export const parameterType = (kind: string): DType => (kind === "weight" || kind === "embedding" || kind === "router" ? "bf16" : "f32");

/** A cache keeps values as they are: what goes in, and what comes out. */
function keepAsWritten(op: Op, set: (v: Value, dtype: DType) => void): void {
  const n = written(op.inputs);
  op.outputs.forEach((cache, i) => {
    for (const same of [cache, op.inputs[n + i]!]) set(same, op.inputs[i]!.type.dtype);
  });
}

/** Vectors and scalars are small; what has rows and columns is not. Experts in front of ragged rows take no storage. */
function byShape(type: Type): DType {
  const dims = type.dims.filter((_, i) => !type.dims[i + 1]?.ragged);
  return dims.length <= 1 ? "f32" : "bf16";
}

/** Tensor cores multiply bf16. */
function checkOperands(op: Op): void {
  if (op.loop) return;
  const { form } = spec(op.kind);
  if (form.is !== "contraction") return;
  const { a, b } = form.describe(op);
  for (const { input } of [a, b]) {
    const v = op.inputs[input]!;
    if (v.type.dtype !== "bf16") v.type = { ...v.type, dtype: "bf16" };
  }
}
