/** What the op tests stand on: sample data, an op's gradient run through the references, and central differences. */
import { interpret } from "../compiler/interpret.js";
import { Builder, type Graph, type Op, size, type Value } from "../compiler/ir.js";
import { spec } from "../compiler/ops/index.js";
import type { Attrs, OpSpec, Reference, Sample } from "../compiler/ops/op.js";

/** Uniform in [0, 1), the same for the same seed (mulberry32). */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function normal(next: () => number, length: number): Float64Array {
  return Float64Array.from({ length }, () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()));
}

/** A sample's arguments: its own data, or drawn from its range or a normal distribution. */
export function draw(sample: Sample, seed: number): Reference[] {
  const next = uniform(seed);
  return sample.args.map(({ type, data, range }) => {
    if (data) return { type, data: Float64Array.from(data) };
    if (range) return { type, data: Float64Array.from({ length: size(type) }, () => range[0] + (range[1] - range[0]) * next()) };
    return { type, data: normal(next, size(type)) };
  });
}

export function evaluate(op: OpSpec, args: readonly Reference[], attrs: Attrs = {}): readonly Float64Array[] {
  return op.reference(
    args,
    attrs,
    op.infer(
      args.map((a) => a.type),
      attrs,
    ),
  );
}

export interface Backward {
  /** The ops that the rule has made. */
  body: readonly Op[];
  /** One per input of the op; undefined where no gradient flows. */
  results: readonly (Value | undefined)[];
  data: readonly (Float64Array | undefined)[];
}

/** Runs the op forwards and its rule backwards, given gradients of some of its outputs. */
export function backward(op: OpSpec, args: readonly Reference[], attrs: Attrs, dOutputs: ReadonlyMap<number, Float64Array>): Backward {
  const builder = new Builder();
  const inputs = args.map((a, i) => builder.input(`x${i}`, a.type));
  const emitAll = (kind: string, values: Value[], more: Attrs = {}): Value[] => {
    const types = spec(kind).infer(
      values.map((v) => v.type),
      more,
    );
    return builder.op(kind, values, more, types, []).outputs;
  };
  emitAll(op.name, inputs, attrs);
  const made = builder.body[0]!;
  const d = new Map([...dOutputs.keys()].map((i) => [i, builder.input(`d${i}`, made.outputs[i]!.type)]));
  const results = op.gradient!({ op: made, d: (i) => d.get(i), emitAll, emit: (...a) => emitAll(...a)[0]! });
  const outputs = results.flatMap((value, i) => (value ? [{ is: "logits" as const, name: `${i}`, value }] : []));
  const graph: Graph = { name: op.name, inputs: [...inputs, ...d.values()], body: builder.body, outputs };
  const given = [...args.map((a, i) => [`x${i}`, a.data] as const), ...[...dOutputs].map(([i, data]) => [`d${i}`, data] as const)];
  const found = interpret(graph, new Map(given));
  return { body: builder.body.slice(1), results, data: results.map((v, i) => v && found.get(`${i}`)!) };
}

/** The derivative of Σ dOutputs · outputs by each element of input number `input`, by central differences. */
export function differences(
  op: OpSpec,
  args: readonly Reference[],
  attrs: Attrs,
  dOutputs: ReadonlyMap<number, Float64Array>,
  input: number,
): Float64Array {
  const x = args[input]!.data;
  const objective = (): Float64Array => {
    const outputs = evaluate(op, args, attrs);
    return Float64Array.from([...dOutputs].flatMap(([i, d]) => Array.from(d, (v, n) => v * outputs[i]![n]!)));
  };
  return x.map((value, n) => {
    const step = 1e-5 * Math.max(1, Math.abs(value));
    x[n] = value + step;
    const above = objective();
    x[n] = value - step;
    const below = objective();
    x[n] = value;
    // Term by term, so that what this element does not touch cancels exactly.
    return above.reduce((sum, v, i) => sum + (v - below[i]!), 0) / (2 * step);
  });
}

/** The largest error, relative to the element or, for elements far below the tensor's largest, to a thousandth of that. */
export function relativeError(found: Float64Array, expected: Float64Array): number {
  const largest = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  return found.reduce((worst, v, i) => {
    const error = Math.abs(v - expected[i]!);
    return Math.max(worst, error === 0 ? 0 : error / Math.max(Math.abs(expected[i]!), largest * 1e-3, 1e-9));
  }, 0);
}
