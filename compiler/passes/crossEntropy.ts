/**
 * crossEntropy = full | chunk:ROWS | recompute. In a program with a backward pass the first two compute the loss and both
 * gradients in one kernel, ROWS rows of logits at a time, the gradient written over the logits (three products); so the
 * logits of all tokens never exist. `recompute` keeps one number a row and forms the logits again (four products, no buffer).
 */
import type { Graph, Op } from "../ir.js";
import { replaceInGraph } from "./rewrite.js";

export function fuseCrossEntropy(graph: Graph, choice: string, makeTrain: (forward: Op, backward: Op, rows: number) => Op): Graph {
  if (choice === "recompute") return graph;
  for (const backward of graph.body.filter((op) => op.kind === "linearCrossEntropyGrad")) {
    const lse = backward.inputs[4];
    const forward = lse?.def.is === "op" ? lse.def.op : undefined;
    // The fused kernel stands where the loss is computed, so the factor of its gradient must be known there.
    if (!forward || backward.inputs[0]?.def.is !== "input") continue;
    const tokens = lse!.type.dims.reduce((n, d) => n * d.size, 1);
    const rows = choice === "full" ? tokens : Math.min(tokens, Number(choice.slice("chunk:".length)));
    const both = makeTrain(forward, backward, rows);
    graph.body = graph.body.flatMap((op) => (op === forward ? [both] : op === backward ? [] : [op]));
    replaceInGraph(
      graph,
      new Map([
        [forward.outputs[0]!, both.outputs[0]!],
        [backward.outputs[0]!, both.outputs[1]!],
        [backward.outputs[1]!, both.outputs[2]!],
      ]),
    );
  }
  return graph;
}
