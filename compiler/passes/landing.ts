/**
 * Makes every value that has a fixed place land there by itself: the next round's carried values, what a loop keeps, loop
 * starts, and gradients. Where one value would have to lie in two places, or is not computed by an op that could write it
 * there, a copy is put in. After this pass the memory pass only has to hand out places.
 */
import type { Builder, Graph, Loop, Op, Value } from "../ir.js";
import { spec } from "../ops/index.js";
import { operands } from "./groups.js";
import { countUses, maker } from "./rewrite.js";

export function land(builder: Builder, graph: Graph): Graph {
  landRegion(builder, graph.body, undefined);
  landGradients(builder, graph);
  return graph;
}

/** x · 1: the smallest op that fuses with its neighbours and writes a value to another place. */
function copyOf(builder: Builder, v: Value, origins: Op["origins"]): Op {
  const { ops } = builder.within(() => builder.op("scale", [v], { by: 1 }, [v.type], origins));
  const [copy] = ops;
  if (v.name) copy!.outputs[0]!.name = v.name;
  return copy!;
}

function landRegion(builder: Builder, body: Op[], within: Op | undefined): void {
  for (const op of [...body]) {
    if (!op.loop) continue;
    landRegion(builder, op.loop.body, op);
    landLoop(builder, op, op.loop, within === undefined);
    landStarts(builder, op, op.loop, body, within);
  }
}

const isKernelOutput = (v: Value, body: readonly Op[]): boolean => {
  const op = maker(v);
  return op !== undefined && !op.loop && body.includes(op);
};

/** What a loop inside this body keeps of each of its rounds can itself be kept, all rounds side by side. */
function isKeptInside(v: Value, body: readonly Op[]): boolean {
  const op = maker(v);
  if (!op?.loop || !body.includes(op) || v.def.is !== "op") return false;
  const kept = op.loop.stacks[v.def.index - op.loop.carried.length];
  return kept !== undefined && !isOwnCarried(op, kept);
}

function landLoop(builder: Builder, op: Op, loop: Loop, top: boolean): void {
  const taken = new Set<Value>();
  const land = (v: Value, kept: boolean): Value => {
    if ((isKernelOutput(v, loop.body) || (kept && isKeptInside(v, loop.body))) && !taken.has(v)) {
      taken.add(v);
      return v;
    }
    const copy = copyOf(builder, v, op.origins);
    loop.body.push(copy);
    return copy.outputs[0]!;
  };
  loop.yields = loop.yields.map((v) => land(v, false));
  loop.stacks = loop.stacks.map((v, i) =>
    isOwnCarried(op, v) && top && !loop.reverse && loop.stacks.indexOf(v) === i ? v : land(v, true),
  );
}

const isOwnCarried = (op: Op, v: Value): boolean => v.def.is === "carried" && v.def.op === op;

/** Where a carried value starts: the op before the loop writes it straight into the loop's first slot, if it may. */
function landStarts(builder: Builder, op: Op, loop: Loop, body: Op[], within: Op | undefined): void {
  const elsewhere = new Set<Value>(within ? [...within.loop!.yields, ...within.loop!.stacks] : []);
  loop.carried.forEach((carried, i) => {
    const start = op.inputs[i]!;
    const later = body.slice(body.indexOf(op) + 1).some((o) => operands(o).includes(start));
    const inside = operands({ ...op, inputs: [] }).includes(start);
    const twice =
      op.inputs.filter((v) => v === start).length > 1 ||
      body.some((o) => o !== op && o.loop && o.inputs.slice(0, o.loop.carried.length).includes(start));
    const staysInSlot = loop.stacks.includes(carried);
    const free = isKernelOutput(start, body) && !elsewhere.has(start) && !twice && (staysInSlot || (!later && !inside));
    if (free) return;
    const copy = copyOf(builder, start, op.origins);
    body.splice(body.indexOf(op), 0, copy);
    op.inputs[i] = copy.outputs[0]!;
  });
}

/** Gradients are added to what earlier micro-steps left; the op that makes one must be able to add, and make it for nobody else. */
function landGradients(builder: Builder, graph: Graph): void {
  graph.outputs = graph.outputs.filter((o) => !(o.is === "gradient" && maker(o.value)?.kind === "fill"));
  const uses = countUses(graph);
  const seen = new Set<Value>();
  for (const output of graph.outputs) {
    if (output.is !== "gradient") continue;
    const v = output.value;
    const op = maker(v);
    const twice = seen.has(v);
    seen.add(v);
    if (op?.loop && !twice && uses.get(v) === 1) {
      const j = v.def.is === "op" ? v.def.index - op.loop.carried.length : -1;
      const inner = op.loop.stacks[j];
      if (inner && landsWithAdd(inner, uses)) continue;
      if (inner && j >= 0) {
        const copy = copyOf(builder, inner, op.origins);
        op.loop.body.push(copy);
        op.loop.stacks[j] = copy.outputs[0]!;
        continue;
      }
    } else if (op && !op.loop && !twice && landsWithAdd(v, uses)) continue;
    const copy = copyOf(builder, v, op?.origins ?? []);
    graph.body.push(copy);
    output.value = copy.outputs[0]!;
  }
}

/** Own forms that add to their result instead of overwriting it. */
const addingForms = new Set(["latentAttentionGrad", "lookupGrad", "linearCrossEntropyTrain", "linearCrossEntropyGrad"]);

function landsWithAdd(v: Value, uses: ReadonlyMap<Value, number>): boolean {
  const op = maker(v);
  if (!op || op.loop || uses.get(v) !== 1) return false;
  const { form } = spec(op.kind);
  return form.is === "contraction" || form.is === "pointwise" || form.is === "rowwise" || addingForms.has(op.kind);
}

/** Values that land in a gradient, whole or layer by layer: they are added to what earlier micro-steps left. */
export function gradientValues(graph: Graph): Set<Value> {
  const found = new Set<Value>();
  for (const output of graph.outputs) {
    if (output.is !== "gradient") continue;
    found.add(output.value);
    const { def } = output.value;
    let at = def.is === "op" ? { op: def.op, index: def.index } : undefined;
    while (at?.op.loop) {
      const inner = at.op.loop.stacks[at.index - at.op.loop.carried.length];
      if (!inner) break;
      found.add(inner);
      at = inner.def.is === "op" ? { op: inner.def.op, index: inner.def.index } : undefined;
    }
  }
  return found;
}
