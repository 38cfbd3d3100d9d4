/**
 * The order of kernels within a body: of those whose operands are there, the one that leaves the least memory in use goes
 * first. The order found is kept only if its peak is lower than that of the order of the program.
 */
import { size, type Value } from "../ir.js";
import type { KernelProgram, Step } from "../kernel.js";
import { operands } from "./groups.js";
import { leaves } from "./rewrite.js";

export function schedule(program: KernelProgram): KernelProgram {
  return { ...program, steps: scheduleBody(program.steps, new Set(program.graph.outputs.map((o) => o.value))) };
}

interface Node {
  step: Step;
  reads: Value[];
  writes: Value[];
}

function scheduleBody(steps: readonly Step[], escaping: ReadonlySet<Value>): Step[] {
  const nodes = steps.map((step): Node => {
    if (step.is === "kernel") return { step, reads: step.kernel.inputs, writes: step.kernel.outputs };
    const inner: Step = { ...step, steps: scheduleBody(step.steps, new Set(leaves(step.op))) };
    return { step: inner, reads: operands(step.op), writes: step.op.outputs };
  });
  const greedy = byMemory(nodes, escaping);
  const best = peak(greedy, escaping) < peak(nodes, escaping) ? greedy : nodes;
  return best.map((n) => n.step);
}

function byMemory(nodes: readonly Node[], escaping: ReadonlySet<Value>): Node[] {
  const maker = new Map<Value, Node>();
  for (const n of nodes) for (const v of n.writes) maker.set(v, n);
  const readers = readersOf(nodes);
  const done = new Set<Node>();
  const left = [...nodes];
  const order: Node[] = [];
  while (left.length > 0) {
    const ready = left.filter((n) => n.reads.every((v) => !maker.has(v) || done.has(maker.get(v)!)));
    const growth = (n: Node): number => {
      const made = n.writes.reduce((sum, v) => sum + size(v.type), 0);
      const freed = new Set(
        n.reads.filter((v) => maker.has(v) && !escaping.has(v) && readers.get(v)!.every((r) => r === n || done.has(r))),
      );
      return made - [...freed].reduce((sum, v) => sum + size(v.type), 0);
    };
    let next = ready[0]!;
    for (const n of ready) if (growth(n) < growth(next)) next = n;
    left.splice(left.indexOf(next), 1);
    done.add(next);
    order.push(next);
  }
  return order;
}

function readersOf(nodes: readonly Node[]): Map<Value, Node[]> {
  const readers = new Map<Value, Node[]>();
  for (const n of nodes) for (const v of n.reads) readers.set(v, [...(readers.get(v) ?? []), n]);
  return readers;
}

/** Elements in use at the fullest moment, counting what this body makes. */
function peak(nodes: readonly Node[], escaping: ReadonlySet<Value>): number {
  const last = new Map<Value, number>();
  nodes.forEach((n, i) => {
    for (const v of [...n.writes, ...n.reads]) last.set(v, escaping.has(v) ? nodes.length : i);
  });
  const made = new Set<Value>();
  let now = 0;
  let most = 0;
  nodes.forEach((n, i) => {
    for (const v of n.writes) {
      made.add(v);
      now += size(v.type);
    }
    most = Math.max(most, now);
    for (const v of new Set([...n.reads, ...n.writes])) if (made.has(v) && last.get(v) === i) now -= size(v.type);
  });
  return most;
}
