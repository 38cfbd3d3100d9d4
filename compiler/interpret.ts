/**
 * Runs a program through the ops' float64 references, in execution order and with nothing fused: the oracle of every target and
 * of every pass. Integers are held as doubles too. Slow; for small models.
 */
import { type Graph, type Loop, type Op, size, type Value } from "./ir.js";
import { spec } from "./ops/index.js";

/** What is known at some point of the program. A loop's values are those of its latest round. */
type Values = Map<Value, Float64Array>;

/** Takes every input by name and gives every output by name. Throws if an input is missing or has a wrong number of elements. */
export function interpret(graph: Graph, inputs: ReadonlyMap<string, Float64Array>): Map<string, Float64Array> {
  const values: Values = new Map();
  for (const value of graph.inputs) {
    const name = value.def.is === "input" ? value.def.name : "";
    const data = inputs.get(name);
    if (!data) throw new Error(`interpret: ${graph.name} needs the input ${name}`);
    if (data.length !== size(value.type)) throw new Error(`interpret: input ${name} has ${data.length} elements, not ${size(value.type)}`);
    values.set(value, data);
  }
  runBody(graph.body, values);
  const results = new Map<string, Float64Array>();
  for (const { name, value } of graph.outputs) {
    if (results.has(name)) throw new Error(`interpret: ${graph.name} has two outputs called ${name}`);
    results.set(name, known(values, value));
  }
  return results;
}

function runBody(body: readonly Op[], values: Values): void {
  for (const op of body) {
    if (op.loop) runLoop(op, op.loop, values);
    else runOp(op, values);
  }
}

function runOp(op: Op, values: Values): void {
  const args = op.inputs.map((value) => ({ type: value.type, data: known(values, value) }));
  const types = op.outputs.map((value) => value.type);
  const results = spec(op.kind).reference(args, op.attrs, types);
  op.outputs.forEach((value, i) => {
    const result = results[i];
    if (result?.length !== size(value.type))
      throw new Error(`interpret: output ${i} of ${op.kind} has ${result?.length} elements, not ${size(value.type)}`);
    values.set(value, result);
  });
}

/** Round i takes the i-th slice of each stacked operand and fills the i-th of each stacked result, whichever way the loop runs. */
function runLoop(op: Op, loop: Loop, values: Values): void {
  const carriedCount = loop.carried.length;
  const stacked = op.inputs.slice(carriedCount).map((value) => known(values, value));
  let carried = op.inputs.slice(0, carriedCount).map((value) => known(values, value));
  const stacks = loop.stacks.map((value) => new Float64Array(loop.count * size(value.type)));
  for (let round = 0; round < loop.count; round++) {
    const i = loop.reverse ? loop.count - 1 - round : round;
    loop.carried.forEach((value, n) => void values.set(value, carried[n]!));
    loop.slices.forEach((value, n) => {
      const length = stacked[n]!.length / loop.count;
      values.set(value, stacked[n]!.subarray(i * length, (i + 1) * length));
    });
    runBody(loop.body, values);
    carried = loop.yields.map((value) => known(values, value));
    loop.stacks.forEach((value, n) => void stacks[n]!.set(known(values, value), i * size(value.type)));
  }
  [...carried, ...stacks].forEach((data, n) => void values.set(op.outputs[n]!, data));
}

function known(values: Values, value: Value): Float64Array {
  const data = values.get(value);
  if (!data) throw new Error(`interpret: value ${value.id}${value.name ? ` (${value.name})` : ""} is used before it is computed`);
  return data;
}
