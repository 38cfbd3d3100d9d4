/** A parameter that the loss does not depend on would never be trained: that is a mistake. */
import { fail } from "../diagnostics.js";
import type { Graph, Op, Value } from "../ir.js";

export function refuseUnused(graph: Graph): void {
  const needed = new Set<Value>(graph.outputs.filter((o) => o.is !== "load").map((o) => o.value));
  need(graph.body, needed);
  for (const value of graph.inputs) {
    if (value.def.is !== "input" || !value.def.parameter || value.def.parameter.kind === "state" || needed.has(value)) continue;
    const { path, origin } = value.def.parameter;
    fail("plan/unused", `the loss does not depend on ${path}, so it would never be trained`, {
      spans: origin,
      help: "use it, or take it out of its block's parameters",
    });
  }
}

/** Walks a body from its end and adds what the needed values are made of. A loop is taken as a whole. */
function need(body: readonly Op[], needed: Set<Value>): void {
  for (const op of body.toReversed()) {
    if (!op.outputs.some((v) => needed.has(v))) continue;
    for (const v of op.inputs) needed.add(v);
    if (!op.loop) continue;
    for (const v of [...op.loop.yields, ...op.loop.stacks]) needed.add(v);
    need(op.loop.body, needed);
  }
}
