/**
 * Gates before the last product: combine(h · down, gates) becomes combine((h · gate of the row) · down). It is the same sum; but the
 * gradient of the gates then needs h, which is at hand where the gradient of h is made, and not the experts' results, the largest
 * tensor of a mixture of experts, which need no longer be kept.
 */
import type { Builder, Graph, Op, Value } from "../ir.js";
import { writeDims } from "../ops/dims.js";
import { spec } from "../ops/index.js";
import { allOps, countUses, maker } from "./rewrite.js";

export function weighEarly(builder: Builder, graph: Graph): Graph {
  const uses = countUses(graph);
  const bodies = [graph.body, ...[...allOps(graph.body)].flatMap((op) => (op.loop ? [op.loop.body] : []))];
  for (const body of bodies)
    for (const combine of body.filter((op) => op.kind === "combine" && op.inputs.length === 4)) {
      const product = maker(combine.inputs[0]!);
      if (product?.kind === "linear" && product.inputs[2] && body.includes(product) && uses.get(combine.inputs[0]!) === 1)
        move(builder, body, product, combine);
    }
  return graph;
}

function move(builder: Builder, body: Op[], product: Op, combine: Op): void {
  const [rows, slot, source, gates] = combine.inputs as [Value, Value, Value, Value];
  const hidden = product.inputs[0]!;
  const { ops } = builder.within(() => {
    const gateOfRow = emit(builder, "pick", [gates, source, slot], { into: writeDims(hidden.type.dims.slice(0, -1)) }, combine);
    product.inputs = [emit(builder, "weigh", [hidden, gateOfRow], {}, combine), ...product.inputs.slice(1)];
  });
  body.splice(body.indexOf(product), 0, ...ops);
  combine.inputs = [rows, slot, source];
}

function emit(builder: Builder, kind: string, inputs: Value[], attrs: Op["attrs"], origin: Op): Value {
  const types = spec(kind).infer(
    inputs.map((v) => v.type),
    attrs,
  );
  return builder.op(kind, inputs, attrs, types, origin.origins).outputs[0]!;
}
