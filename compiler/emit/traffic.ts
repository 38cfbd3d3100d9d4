/** What a kernel reads and writes of memory. */
import { size, type Value } from "../ir.js";
import type { Kernel } from "../kernel.js";
import { spec } from "../ops/index.js";

/** Elements of an operand or a result that a call touches: all of them, but for rows that an index chooses of a table. */
export function elementsTouched(kernel: Kernel, v: Value): number {
  const users = kernel.ops.filter((op) => op.inputs.includes(v) || op.outputs.includes(v));
  return Math.max(...users.map((op) => spec(op.kind).touched?.(op, v) ?? size(v.type)));
}

/** Bytes that one call moves, each operand and result once. */
export const trafficBytes = (kernel: Kernel, elementBytes: (v: Value) => number): number =>
  [...new Set([...kernel.inputs, ...kernel.outputs])].reduce((n, v) => n + elementsTouched(kernel, v) * elementBytes(v), 0);
