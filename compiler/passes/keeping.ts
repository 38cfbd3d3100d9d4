/**
 * What of a token an attention needs later on, and how attention goes over what was kept.
 *
 * `materialize` cuts right at attention's keys and values: G·(A + U) numbers a token. `absorb` goes back through what works on each token
 * by itself and is linear in something narrower: keys and values that are products of one latent,
 *
 *   k = turn(rmsnorm(concat(linear(latent, K), expand(rotary)), gain)), v = linear(latent, V)
 *
 * (each part but the first product may be missing, and norm and turn may stand the other way round) need the latent, the rotary key as it
 * is after gain and rotation, and, since a norm divides the whole row by one number, that number for each head. K goes to the query's
 * side, V to the result's, which is exact.
 */
import { type Dim, last, type Op, sameDims, size, type Type, type Value } from "../ir.js";
import { writeDims } from "../ops/dims.js";
import { madeBy } from "./rewrite.js";

/** Makes an op and gives its first result. */
export type EmitOp = (kind: string, inputs: readonly Value[], attrs?: Op["attrs"]) => Value;

export interface Kept {
  what: "keys" | "values" | "latent" | "rotary" | "norm";
  value: Value;
}

/** How one attention goes on token by token. Values are those of the forward graph, until `to` translates them. */
export interface Keeping {
  way: "absorb" | "materialize";
  /** What its makers have to be computed for: the later of two tells where keys and values are known. */
  reads: readonly Value[];
  /** Numbers of a token. */
  numbers: number;
  keep(to: (v: Value) => Value, emit: EmitOp): Kept[];
  attend(to: (v: Value) => Value, emit: EmitOp, caches: readonly Value[], rows: { slot: Value; position: Value }): Value;
}

/** `auto`: absorb where that keeps at most half the numbers. */
export function keepingOf(op: Op, mla: "auto" | "absorb" | "materialize"): Keeping {
  const plain = materialized(op);
  const absorbed = mla === "materialize" ? undefined : absorb(op);
  return absorbed && (mla === "absorb" || 2 * absorbed.numbers <= plain.numbers) ? absorbed : plain;
}

const scaleOf = (op: Op): number => op.attrs.scale as number;

function materialized(op: Op): Keeping {
  const [q, k, v] = op.inputs as [Value, Value, Value];
  const perToken = (of: Value): number => size({ dims: of.type.dims.slice(-2), dtype: "f32" });
  return {
    way: "materialize",
    reads: [k, v],
    numbers: perToken(k) + perToken(v),
    keep: (to) => [
      { what: "keys", value: to(k) },
      { what: "values", value: to(v) },
    ],
    attend: (to, emit, caches, { slot, position }) => emit("cachedAttention", [to(q), ...caches, slot, position], { scale: scaleOf(op) }),
  };
}

/** Keys and values as products of one latent. */
interface Latent {
  latent: Value;
  kWeight: Value;
  vWeight: Value;
  /** Of the keys' plain part. */
  plain: Dim;
  rotary?: {
    key: Value;
    dim: Dim;
    /** What happens to it before attention, in order: rotations, and the norm's gain. */
    steps: readonly Op[];
  };
  /** Its operand is the whole key that it divides. */
  norm?: Op;
}

function absorb(op: Op): Keeping | undefined {
  const found = latentOf(op);
  if (!found) return undefined;
  const { latent, kWeight, vWeight, plain, rotary, norm } = found;
  const q = op.inputs[0]!;
  const H = q.type.dims.at(-2)!;
  return {
    way: "absorb",
    reads: [latent, kWeight, vWeight, ...(rotary ? [rotary.key] : []), ...(norm ? norm.inputs : [])],
    numbers: last(latent.type).size + (rotary?.dim.size ?? 0) + (norm ? H.size : 0),
    keep(to, emit) {
      const kept: Kept[] = [{ what: "latent", value: to(latent) }];
      if (rotary) kept.push({ what: "rotary", value: turned(rotary, plain, to, emit) });
      if (norm) kept.push({ what: "norm", value: emit("rstd", [to(norm.inputs[0]!)], { eps: norm.attrs.eps! }) });
      return kept;
    },
    attend(to, emit, caches, { slot, position }) {
      const whole = to(q);
      const gained = norm ? emit("mul", [whole, spread(to(norm.inputs[1]!), whole, emit)]) : whole;
      const piece = (of: Value, offset: number, dim: Dim): Value =>
        rotary ? emit("part", [of], { offset, dim: dim.name, size: dim.size }) : of;
      const queries = [emit("linearByHead", [piece(gained, 0, plain), to(kWeight)], { back: true })];
      if (rotary) queries.push(piece(whole, plain.size, rotary.dim));
      const attrs = { scale: scaleOf(op), rotary: rotary !== undefined, norm: norm !== undefined };
      const mixed = emit("latentCachedAttention", [...queries, ...caches, slot, position], attrs);
      return emit("linearByHead", [mixed, to(vWeight)], { back: false });
    },
  };
}

/** A gain, the same in each row of x. */
const spread = (gain: Value, x: Value, emit: EmitOp): Value => emit("expand", [gain], { into: writeDims(x.type.dims) });

/** The rotary key as attention sees it, but for the norm's divisor. */
function turned({ key, steps }: NonNullable<Latent["rotary"]>, plain: Dim, to: (v: Value) => Value, emit: EmitOp): Value {
  return steps.reduce((x, step) => {
    if (step.kind === "rmsnorm") {
      const { name: dim, size } = last(key.type);
      return emit("mul", [x, spread(emit("part", [to(step.inputs[1]!)], { offset: plain.size, dim, size }), x, emit)]);
    }
    const ofWhole = last(step.inputs[0]!.type).size > last(key.type).size;
    return emit("rope", [x], { ...step.attrs, offset: (step.attrs.offset as number) - (ofWhole ? plain.size : 0) });
  }, to(key));
}

function latentOf(op: Op): Latent | undefined {
  const [q, k, v] = op.inputs as [Value, Value, Value];
  const values = productOfLatent(v);
  if (!values) return undefined;

  // From attention back to the product: rotations and one norm of whole keys.
  const outer: Op[] = [];
  let at = k;
  for (let step = madeBy(at, "rope", "rmsnorm"); step; step = madeBy(at, "rope", "rmsnorm")) {
    outer.unshift(step);
    at = step.inputs[0]!;
  }
  const norms = outer.filter((step) => step.kind === "rmsnorm");
  const joined = madeBy(at, "concat");
  const keys = productOfLatent(joined ? joined.inputs[0]! : at);
  if (!keys || norms.length > 1 || keys.latent !== values.latent) return undefined;
  // Every head has keys and values of its own.
  const heads = [q, k, v].map((of) => of.type.dims.slice(-2, -1));
  if (!heads.every((dims) => sameDims(dims, heads[0]!))) return undefined;

  const plain = last(keys.weight.type);
  const ropes = outer.filter((step) => step.kind === "rope");
  if (ropes.some(({ attrs }) => (attrs.offset as number) < plain.size)) return undefined;
  const common = { latent: keys.latent, kWeight: keys.weight, vWeight: values.weight, plain, ...(norms[0] ? { norm: norms[0] } : {}) };
  if (!joined) return common;

  // From the other part back to what heads share.
  const inner: Op[] = [];
  let shared = joined.inputs[1]!;
  for (let step = madeBy(shared, "rope"); step; step = madeBy(shared, "rope")) {
    inner.unshift(step);
    shared = step.inputs[0]!;
  }
  const copies = madeBy(shared, "expand");
  const key = copies?.inputs[0];
  if (!key || !isOneFewer(shared.type, key.type)) return undefined;
  return { ...common, rotary: { key, dim: last(key.type), steps: [...inner, ...outer] } };
}

/** [B T R] of [B T H R]. */
const isOneFewer = (whole: Type, part: Type): boolean => sameDims([...whole.dims.slice(0, -2), ...whole.dims.slice(-1)], part.dims);

/** latent [… C] · weight [C H N]. */
function productOfLatent(v: Value): { latent: Value; weight: Value } | undefined {
  const op = madeBy(v, "linear");
  const [latent, weight, ...others] = op?.inputs ?? [];
  if (!op || !latent || !weight || others.length > 0) return undefined;
  return op.attrs.reads === 1 && op.attrs.each === 0 && weight.type.dims.length === 3 ? { latent, weight } : undefined;
}
