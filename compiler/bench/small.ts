/** A model small enough for the float64 reference: itself, where it is, else with fewer tokens, words and experts. */
import type { BuildOptions } from "../build.js";
import { type Op, size } from "../ir.js";
import type { Lowered } from "../lower/index.js";
import { settable, type Wish } from "../settable.js";

/** Parameters times tokens of a step that float64 does in seconds on a few cores. */
const enough = 2e10;
const most = { length: 192, tokens: 384, vocabulary: 2048, experts: 8 };

/** What to set; empty where the model's own sizes will do. What was set by hand stays. */
export function smallSizes(build: BuildOptions, model: Lowered): Record<string, string> {
  const tokens = model.graph.inputs.find((v) => v.def.is === "input" && v.def.name === "tokens")!;
  const [batch, length] = tokens.type.dims as [Named, Named];
  const parameters = model.parameters.reduce((n, p) => n + size(p.type), 0);
  if (parameters * batch.size * length.size <= enough) return {};
  const shorter = Math.min(length.size, most.length);
  const wishes: Wish[] = [
    { ...length, wanted: shorter },
    { ...batch, wanted: Math.min(batch.size, Math.max(1, Math.floor(most.tokens / shorter))) },
    { ...model.head.w.type.dims[0]!, wanted: Math.min(model.head.w.type.dims[0]!.size, most.vocabulary) },
    ...expertsOf(model),
  ];
  return settable(
    build,
    wishes.filter(({ name }) => !(name in build.set)),
  );
}

interface Named {
  name: string;
  size: number;
}

/** Twice as many as a token goes through, at least. */
function expertsOf(model: Lowered): Wish[] {
  const topK = Math.max(1, ...[...allOps(model.graph.body)].map((op) => Number(op.attrs["topK"] ?? 0)));
  const dims = model.parameters.filter((p) => p.each > 0).map((p) => p.type.dims[p.stacked]!);
  const names = new Map(dims.map((dim) => [dim.name, dim]));
  return [...names.values()].map((dim) => ({ ...dim, wanted: Math.min(dim.size, Math.max(most.experts, 2 * topK)) }));
}

export function* allOps(body: readonly Op[]): Generator<Op> {
  for (const op of body) {
    yield op;
    if (op.loop) yield* allOps(op.loop.body);
  }
}
