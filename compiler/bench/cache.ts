/** Numbers a key-value cache would hold for a token: of plain multi-head attention, and of what keys and values can be made of again. */
import { type Op, size, type Value } from "../ir.js";
import type { Lowered } from "../lower/index.js";

export interface CacheNumbers {
  /** Of one attention, which all have if `same`. */
  plain: number;
  kept: number;
  /** Attentions, those of loops for each layer. */
  layers: number;
}

/** One entry for each attention in the model's text. */
export function cacheNumbers(model: Lowered): CacheNumbers[] {
  return within(model.graph.body, 1);
}

function within(body: readonly Op[], layers: number): CacheNumbers[] {
  return body.flatMap((op): CacheNumbers[] => {
    if (op.loop) return within(op.loop.body, layers * op.loop.count);
    if (op.kind !== "attention") return [];
    const [q, k, v] = op.inputs as [Value, Value, Value];
    return [{ plain: plainOf(q, v), kept: keptOf(q, [k, v]), layers }];
  });
}

/** The first two dimensions are sequences and tokens. */
const perToken = (v: Value): number => size({ ...v.type, dims: v.type.dims.slice(2) });

/** Keys and values for each head of the queries. */
function plainOf(q: Value, v: Value): number {
  const heads = perToken(q) / (q.type.dims.at(-1)?.size ?? 1);
  return perToken(q) + heads * (v.type.dims.at(-1)?.size ?? 1);
}

/**
 * Keys and values follow from values that nothing but parameters and the queries' own input leads to: in latent attention the latent and
 * the rotary key.
 */
function keptOf(q: Value, all: readonly Value[]): number {
  const stream = new Set<Value>();
  const walk = (v: Value): void => {
    if (stream.has(v)) return;
    stream.add(v);
    for (const input of tensorsOf(v)) walk(input);
  };
  walk(q);
  const kept = new Set<Value>();
  const seen = new Set<Value>();
  const visit = (v: Value): void => {
    if (seen.has(v)) return;
    seen.add(v);
    const inputs = tensorsOf(v);
    if (inputs.every((input) => stream.has(input))) kept.add(v);
    else for (const input of inputs) if (!stream.has(input)) visit(input);
  };
  for (const v of all) visit(v);
  return [...kept].reduce((n, v) => n + perToken(v), 0);
}

/** What an op's result depends on, token by token: parameters have no sequences and tokens in front. */
function tensorsOf(v: Value): Value[] {
  if (v.def.is !== "op" || v.def.op.loop) return [];
  const [batch, length] = v.type.dims;
  return v.def.op.inputs.filter(({ type: { dims } }) => dims.length > 2 && dims[0]!.name === batch?.name && dims[1]!.name === length?.name);
}
