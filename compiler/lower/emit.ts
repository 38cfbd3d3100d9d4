/** Adds ops to the graph: types from the op's own rule, the user's call as origin. */
import type { ts } from "ts-morph";
import { type Attribute, showType, type Type, type Value } from "../ir.js";
import { spec } from "../ops/index.js";
import { ShapeProblem } from "../ops/op.js";
import type { Context } from "./context.js";
import type { Routing } from "./known.js";
import type { ModelState } from "./model.js";

/** A value and where the user wrote it. */
export interface Operand {
  value: Value;
  node: ts.Node;
}

export function emit(
  c: Context,
  node: ts.Node,
  kind: string,
  operands: readonly Operand[],
  attrs: Readonly<Record<string, Attribute>> = {},
): Value[] {
  const m = c.model(node);
  const routing = oneRouting(c, m, kind, operands);
  const types = infer(c, node, kind, operands, attrs);
  const op = m.builder.op(
    kind,
    operands.map((o) => o.value),
    attrs,
    types,
    [c.origin(node)],
  );
  if (routing) for (const value of op.outputs) if (value.type.dims.some((d) => d.ragged)) m.rows.set(value, routing);
  return op.outputs;
}

function infer(
  c: Context,
  node: ts.Node,
  kind: string,
  operands: readonly Operand[],
  attrs: Readonly<Record<string, Attribute>>,
): readonly Type[] {
  try {
    return spec(kind).infer(
      operands.map((o) => o.value.type),
      attrs,
    );
  } catch (problem) {
    if (!(problem instanceof ShapeProblem)) throw problem;
    const at = operands[problem.argument ?? -1];
    const label = at ? { label: withSizes(at.value.type) } : {};
    const help = problem.help === undefined ? {} : { help: problem.help };
    const also = problem.sizes.flatMap((name) => c.model(node).sizes.frames(name));
    throw c.error(at?.node ?? node, problem.slug, problem.message, { ...label, also, ...help });
  }
}

/** `[B T H N+R] = 8 × 2048 × 12 × 96` */
export const withSizes = (type: Type): string =>
  type.dims.length === 0 ? "a scalar" : `${showType(type)} = ${type.dims.map((d) => d.size).join(" × ")}`;

/** The names of dimensions do not tell the rows of one routing from another's, and they are in different orders. */
function oneRouting(c: Context, m: ModelState, kind: string, operands: readonly Operand[]): Routing | undefined {
  let first: Routing | undefined;
  for (const { value, node } of operands) {
    const routing = m.rows.get(value);
    if (first && routing && routing !== first)
      throw c.error(
        node,
        "shape/routing",
        `${kind}: these rows were dispatched by another routing than the first argument's, so they are of other tokens`,
        { help: "compute with the rows of one routing only" },
      );
    first ??= routing;
  }
  return first;
}
