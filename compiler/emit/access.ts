/** Index arithmetic: where an element of a value lies, written in the loop's own variables. */
import { type Dim, type Parameter, size, type Type } from "../ir.js";
import { dimName } from "./names.js";

/** Dimensions that take up storage: experts in front of ragged rows do not. */
export const stored = (dims: readonly Dim[]): readonly Dim[] => dims.filter((_, i) => !dims[i + 1]?.ragged);

export const product = (dims: readonly Dim[]): number => dims.reduce((n, d) => n * d.size, 1);

/** `B * T`, or `1` for no dimension. */
export const productName = (dims: readonly Dim[]): string => (dims.length === 0 ? "1" : dims.map(dimName).join(" * "));

const wrap = (text: string): string => (/[ +*/%]/.test(text) ? `(${text})` : text);

/** a * b, leaving out factors of one and terms that are zero. */
export function times(a: string, b: string): string {
  if (a === "0" || b === "0") return "0";
  if (b === "1") return a;
  if (a === "1") return b;
  return `${wrap(a)} * ${b.includes(" ") ? wrap(b) : b}`;
}

export const plus = (...terms: string[]): string => terms.filter((t) => t !== "0").join(" + ") || "0";

/** A flat index over some dimensions, in a variable: `row` over [B T H]. */
export interface Position {
  dims: readonly Dim[];
  at: string;
}

/** The coordinate along one dimension of a flat position: `row / H % T`. */
export function coordinate(position: Position, name: string): string | undefined {
  const i = position.dims.findIndex((d) => d.name === name);
  if (i < 0) return undefined;
  const inner = position.dims.slice(i + 1);
  const divided =
    inner.length === 0 ? position.at : `${wrap(position.at)} / ${inner.length > 1 ? `(${productName(inner)})` : productName(inner)}`;
  return i === 0 ? divided : `${inner.length === 0 ? wrap(divided) : divided} % ${dimName(position.dims[i]!)}`;
}

/**
 * The flat index into a value of type `of`, whose dimensions are among those of the positions. A value that lacks a
 * dimension is the same along it.
 */
export function indexOf(of: Type, positions: readonly Position[]): string {
  const dims = stored(of.dims);
  // The usual cases first, so that the text reads `row * D + i` and not a sum over coordinates.
  const whole = wholePositions(dims, positions);
  if (whole) return whole;
  const terms: string[] = [];
  dims.forEach((d, i) => {
    const at = positions.map((p) => coordinate(p, d.name)).find((c) => c !== undefined);
    if (at === undefined)
      throw new Error(`no position along ${d.name} in [${positions.map((p) => p.dims.map((x) => x.name).join(" ")).join(" | ")}]`);
    const stride = dims.slice(i + 1);
    terms.push(stride.length === 0 ? (terms.length > 0 ? wrap(at) : at) : `${wrap(at)} * ${productName(stride)}`);
  });
  return plus(...terms);
}

/** Where the value's dimensions are a run of whole positions, in order: their flat indices can be used as they are. */
function wholePositions(dims: readonly Dim[], positions: readonly Position[]): string | undefined {
  const terms: string[] = [];
  let rest = [...dims];
  for (const p of positions) {
    if (p.dims.length === 0) continue;
    const fits = p.dims.length <= rest.length && p.dims.every((d, i) => d.name === rest[i]?.name);
    if (!fits) {
      if (rest.some((d) => p.dims.some((x) => x.name === d.name))) return undefined;
      continue;
    }
    rest = rest.slice(p.dims.length);
    terms.push(rest.length === 0 ? p.at : `${wrap(p.at)} * ${productName(rest)}`);
  }
  return rest.length === 0 ? plus(...terms) : undefined;
}

/** Number of rows and columns if the last dimension is the row. */
export function rowsAndColumns(type: Type): { rows: readonly Dim[]; columns: number } {
  const dims = stored(type.dims);
  return { rows: dims.slice(0, -1), columns: dims.length > 0 ? dims[dims.length - 1]!.size : 1 };
}

/** Column `shift` + i of a row, and a table's entry i at a position, as text. */
export const elementAt = (row: string, shift?: number): string => `${row}[${shift === undefined ? "" : `${shift} + `}i]`;
export const entryOf = (table: string, position: string, width: number): string => `${table}[(${position}) * ${width} + i]`;

export const elements = (type: Type): number => size(type);

/** A weight's matrix view: what it reads by what it writes; one for each layer and expert. */
export function matrixOf(p: Parameter): { rows: number; columns: number; count: number } {
  const before = p.stacked + p.each;
  const { dims } = p.type;
  return {
    count: product(dims.slice(0, before)),
    rows: product(dims.slice(before, before + p.reads)),
    columns: product(dims.slice(before + p.reads)),
  };
}
