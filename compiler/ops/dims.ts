import { type Dim, names, sameDims, type Type } from "../ir.js";
import { ShapeProblem } from "./op.js";

export const count = (dims: readonly Dim[]): number => dims.reduce((n, d) => n * d.size, 1);
export const list = (dims: readonly Dim[]): string => dims.map((d) => d.name).join(" ");
export const leading = (type: Type): readonly Dim[] => type.dims.slice(0, -1);
export const named = (type: Type, name: string): Dim | undefined => type.dims.find((d) => d.name === name);

/** The scalar type: a loss, its gradient. */
export const scalar: Type = { dims: [], dtype: "f32" };

/** Dimensions as an attribute carries them: "B:2", "rows:6:ragged". */
export const writeDim = (d: Dim): string => `${d.name}:${d.size}${d.ragged ? ":ragged" : ""}`;
export const writeDims = (dims: readonly Dim[]): readonly string[] => dims.map(writeDim);

export function readDim(text: string): Dim {
  const [name, extent, ragged] = text.split(":");
  const dim = { name: name ?? "", size: Number(extent) };
  if (!Number.isInteger(dim.size)) throw new Error(`not a dimension: ${text}`);
  return ragged ? { ...dim, ragged: true } : dim;
}

export const readDims = (attribute: unknown): readonly Dim[] => (attribute as readonly string[]).map(readDim);

/** What to do where two dimensions of one name would stand in a tensor. */
export const otherName = "give one of the two another name, with a size of its own";

/** Names must not repeat within a type: an op that adds `name` to x must not find it there. */
export function mustLack(op: string, x: Type, name: string, adds: string, argument: number): void {
  if (named(x, name))
    throw new ShapeProblem("shape/twice", `${op}: x is [${names(x)}], which already has the ${name} that ${adds}`, argument, otherName);
}

/** For ops that gradients make: both operands have one type, which is also the result's. A mismatch is mlac's own fault. */
export function mustMatch(op: string, a: Type | undefined, b: Type | undefined): Type {
  if (!a || !b) throw new ShapeProblem("shape/arguments", `${op} takes at least two operands`);
  if (!sameDims(a.dims, b.dims)) throw new ShapeProblem("shape/same", `${op}: [${names(a)}] and [${names(b)}] differ`, 1);
  return b;
}
