/** What attention from a latent and its gradients share: how keys and values come about, and how an op that stands for others is computed. */
import { type Dim, last, type Type, type Value } from "../ir.js";
import { concat } from "./concat.js";
import { leading, writeDims } from "./dims.js";
import { expand } from "./expand.js";
import { linear } from "./linear.js";
import { type Attrs, type Emit, type OpSpec, type Reference, type Table, tensor } from "./op.js";
import { rmsnorm } from "./rmsnorm.js";
import { rope } from "./rope.js";

/** How the last columns of the keys turn, as rope has it. */
export function turn(plain: Dim, rotary: Dim, { along, theta }: Attrs): Attrs {
  return { along: along!, theta: theta!, offset: plain.size, width: rotary.size, inverse: false };
}

/** The keys before their norm, the keys, and the values, of [q, latent, kWeight, vWeight, rotary, gain, …]. */
export function latentKeys(
  [, latent, kWeight, vWeight, rotary, gain]: readonly Value[],
  attrs: Attrs,
  emit: Emit,
): Record<"x" | "k" | "v", Value> {
  const [, groups, plain] = kWeight!.type.dims as [Dim, Dim, Dim];
  const product = { reads: 1, each: 0 };
  const into = writeDims([...leading(rotary!.type), groups, last(rotary!.type)]);
  const [shared] = emit("expand", [rotary!], { into });
  const [x] = emit("concat", [emit("linear", [latent!, kWeight!], product)[0]!, shared!]);
  const [normal] = emit("rmsnorm", [x!, gain!], { eps: attrs.eps! });
  const [k] = emit("rope", [normal!], turn(plain, last(rotary!.type), attrs));
  const [v] = emit("linear", [latent!, vWeight!], product);
  return { x: x!, k: k!, v: v! };
}

/** The cosines and sines of the keys' rotation. `wide`: a type with the dimension that positions count along. */
export function turnTables(attrs: Attrs, kWeight: Type, rotary: Type, wide: Type): readonly Table[] {
  return rope.form.is === "rowwise" ? rope.form.tables!(turn(last(kWeight), last(rotary), attrs), [], [wide]) : [];
}

/** Rows that the keys' weights make of the latent's. */
export const expanded = (latent: Type, weight: Type): Type => ({ ...latent, dims: [...leading(latent), ...weight.dims.slice(1)] });

const keys = [linear, expand, concat, rmsnorm, rope];

/** An op's definition by the ops that it stands for, which are those of the keys and `others`. */
export function referenceByParts(
  decompose: NonNullable<OpSpec["decompose"]>,
  others: readonly OpSpec[],
  args: readonly Reference[],
  attrs: Attrs,
): readonly Float64Array[] {
  const parts = new Map([...keys, ...others].map((op) => [op.name, op]));
  const known = new Map<Value, Reference>();
  const hold = (reference: Reference): Value => {
    const v: Value = { id: known.size, type: reference.type, def: { is: "input", name: "" } };
    known.set(v, reference);
    return v;
  };
  const results = decompose(args.map(hold), attrs, (kind, inputs, with_ = {}) => {
    const op = parts.get(kind)!;
    const given = inputs.map((v) => known.get(v)!);
    const types = op.infer(
      given.map(({ type }) => type),
      with_,
    );
    return op.reference(given, with_, types).map((data, i) => hold({ type: types[i]!, data }));
  });
  return results.map((v) => known.get(v)!.data);
}

/** Two small attentions with heads of the widths that the kernels are for; `more`: what comes after the gain. */
export const latentSamples = (more: (of: (dims: string) => { type: Type }) => OpSpec["samples"][number]["args"]): OpSpec["samples"] =>
  [
    { sizes: { B: 1, T: 70, H: 2, N: 64, R: 64, "N+R": 128, U: 64, C: 64 }, group: "H", causal: true },
    { sizes: { B: 2, T: 9, H: 2, G: 1, N: 128, R: 64, "N+R": 192, U: 128, C: 128 }, group: "G", causal: false },
  ].map(({ sizes, group, causal }) => {
    const of = (dims: string): { type: Type } => ({ type: tensor(dims, sizes) });
    return {
      args: [
        ...[of("B T H N+R"), of("B T C"), of(`C ${group} N`), of(`C ${group} U`), of("B T R")],
        { ...of("N+R"), range: [0.5, 1.5] as const },
        ...more(of),
      ],
      attrs: { causal, scale: 0.125, eps: 1e-6, along: "T", theta: 100 },
    };
  });
