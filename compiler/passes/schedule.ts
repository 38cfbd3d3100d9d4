/**
 * The order of kernels within a body: of those whose operands are there, the one that leaves the least memory in use goes
 * first. The order found is kept only if its peak is lower than that of the order of the program.
 *
 * Few rows on cuda take little memory, and much time for what waits for one another: there the kernel goes first that the most others wait
 * for, one after the other. Products of experts fetch no weights before it is known which; they stand back for what can.
 */
import { size, type Value } from "../ir.js";
import type { KernelProgram, Step } from "../kernel.js";
import { formOf, operands } from "./groups.js";
import { leaves } from "./rewrite.js";

export function schedule(program: KernelProgram, fewRows = false): KernelProgram {
  return { ...program, steps: scheduleBody(program.steps, new Set(program.graph.outputs.map((o) => o.value)), fewRows) };
}

interface Node {
  step: Step;
  reads: Value[];
  writes: Value[];
}

function scheduleBody(steps: readonly Step[], escaping: ReadonlySet<Value>, fewRows: boolean): Step[] {
  const nodes = steps.map((step): Node => {
    if (step.is === "kernel") return { step, reads: step.kernel.inputs, writes: step.kernel.outputs };
    const inner: Step = { ...step, steps: scheduleBody(step.steps, new Set(leaves(step.op)), fewRows) };
    return { step: inner, reads: operands(step.op), writes: step.op.outputs };
  });
  if (fewRows) return byWaiting(nodes).map((n) => n.step);
  const greedy = byMemory(nodes, escaping);
  const best = peak(greedy, escaping) < peak(nodes, escaping) ? greedy : nodes;
  return best.map((n) => n.step);
}

/** Orders nodes so that each comes after what makes its operands: `choose` takes one of those that may be next. */
function inOrder(nodes: readonly Node[], choose: (ready: readonly Node[], done: ReadonlySet<Node>) => Node): Node[] {
  const maker = makersOf(nodes);
  const done = new Set<Node>();
  while (done.size < nodes.length) {
    const ready = nodes.filter((n) => !done.has(n) && n.reads.every((v) => !maker.has(v) || done.has(maker.get(v)!)));
    done.add(choose(ready, done));
  }
  return [...done];
}

function byWaiting(nodes: readonly Node[]): Node[] {
  const readers = readersOf(nodes);
  /** Kernels that wait for it, one after the other. */
  const waiting = new Map<Node, number>();
  for (const n of [...nodes].reverse())
    waiting.set(n, Math.max(0, ...n.writes.flatMap((v) => (readers.get(v) ?? []).map((reader) => 1 + waiting.get(reader)!))));
  return inOrder(nodes, (ready, done) => {
    const last = [...done].at(-1);
    const free = ready.filter((n) => !weightsDependOn(n, last?.writes ?? []));
    return (free.length > 0 ? free : ready).reduce((best, n) => (waiting.get(n)! > waiting.get(best)! ? n : best));
  });
}

/** Whether which of its weights a kernel reads is told by one of these values. */
function weightsDependOn({ step }: Node, values: readonly Value[]): boolean {
  if (step.is !== "kernel") return false;
  return step.kernel.anchors.some((op) => {
    const form = formOf(op);
    return form?.is === "contraction" && form.describe(op).ragged && values.includes(op.inputs[form.describe(op).ragged!.offsets]!);
  });
}

function byMemory(nodes: readonly Node[], escaping: ReadonlySet<Value>): Node[] {
  const maker = makersOf(nodes);
  const readers = readersOf(nodes);
  return inOrder(nodes, (ready, done) => {
    const growth = (n: Node): number => {
      const made = n.writes.reduce((sum, v) => sum + size(v.type), 0);
      const freed = new Set(
        n.reads.filter((v) => maker.has(v) && !escaping.has(v) && readers.get(v)!.every((r) => r === n || done.has(r))),
      );
      return made - [...freed].reduce((sum, v) => sum + size(v.type), 0);
    };
    return ready.reduce((best, n) => (growth(n) < growth(best) ? n : best));
  });
}

const makersOf = (nodes: readonly Node[]): Map<Value, Node> => new Map(nodes.flatMap((n) => n.writes.map((v) => [v, n])));

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
