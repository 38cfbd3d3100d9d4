/** Which forward values the backward pass makes again; see recompute.ts. */
import type { Op, Value } from "../ir.js";
import { size } from "../ir.js";
import { spec } from "../ops/index.js";

/** A part of the forward pass. */
export interface Region {
  body: readonly Op[];
  /** Values that the backward pass reads. */
  kept: ReadonlySet<Value>;
  /** Whether a value comes about here, so that it has to be kept to be read later. */
  made(v: Value): boolean;
}

export interface RebuildChoices {
  recompute: "none" | "cheap" | "products" | "layer";
  mla: "materialize" | "rebuild" | "latent" | "inkernel";
}

/** What is computed again. */
export function chooseRebuilt({ body, kept, made }: Region, { recompute, mla }: RebuildChoices): Set<Value> {
  const rebuilt = new Set<Value>();
  if (recompute === "layer" || recompute === "products") {
    const needed = new Set<Value>(kept);
    for (const op of [...body].reverse()) {
      if (op.loop || !op.outputs.some((v) => needed.has(v))) continue;
      if (recompute === "products" && op.kind === "attention") continue;
      for (const v of op.outputs) rebuilt.add(v);
      for (const v of op.inputs) needed.add(v);
    }
    return rebuilt;
  }
  const throughProduct = mla !== "materialize" ? keysAndValues(body) : new Set<Op>();
  if (recompute === "none" && mla === "materialize") return rebuilt;
  const cheap = (op: Op): boolean => !op.loop && (throughProduct.has(op) || (recompute === "cheap" && isCheap(op)));
  // Outputs of cheap ops are computed again if what they need beyond the kept values is not more than what they free.
  const need = (op: Op, seen: Set<Op>): Set<Value> => {
    seen.add(op);
    const missing = new Set<Value>();
    for (const v of op.inputs) {
      if (!made(v) || v.def.is === "slice") continue;
      const from = v.def.is === "op" ? v.def.op : undefined;
      if (from && cheap(from) && !(kept.has(v) && !rebuilt.has(v) && !isCheap(from)) && !seen.has(from))
        for (const m of need(from, seen)) missing.add(m);
      else if (!kept.has(v) || rebuilt.has(v)) missing.add(v);
    }
    return missing;
  };
  for (const op of body) {
    if (!cheap(op) || !op.outputs.some((v) => kept.has(v))) continue;
    const seen = new Set<Op>();
    const missing = [...need(op, seen)].filter((v) => !rebuilt.has(v));
    const extra = missing.reduce((n, v) => n + size(v.type), 0);
    const freed = op.outputs.filter((v) => kept.has(v)).reduce((n, v) => n + size(v.type), 0);
    if (extra > freed || (extra === freed && !throughProduct.has(op))) continue;
    for (const from of seen) for (const v of from.outputs) rebuilt.add(v);
  }
  return rebuilt;
}

/** The ops between attention's keys and values and the latent they are made from: norms, rotations, copies and one product. */
function keysAndValues(body: readonly Op[]): Set<Op> {
  const found = new Set<Op>();
  const walk = (v: Value, products: number): void => {
    if (v.def.is !== "op" || !body.includes(v.def.op)) return;
    const { op } = v.def;
    if (op.kind === "linear" ? products === 0 : !isCheap(op)) return;
    found.add(op);
    for (const input of op.inputs) walk(input, op.kind === "linear" ? 0 : products);
  };
  for (const op of body) if (op.kind === "attention") for (const v of op.inputs.slice(1)) walk(v, 1);
  return found;
}

/** Worth computing twice: no product, no attention, no routing. */
export function isCheap(op: Op): boolean {
  const { form } = op.loop ? { form: undefined } : spec(op.kind);
  return form !== undefined && ["pointwise", "rowwise", "view", "gather"].includes(form.is);
}
