/** What an op is to the compiler: one record, in one file of its own, listed in index.ts. */
import type { Attribute, Op, Type, Value } from "../ir.js";

export type Attrs = Readonly<Record<string, Attribute>>;

/** A tensor in the float64 reference; integers are held as doubles too. */
export interface Reference {
  type: Type;
  data: Float64Array;
}

/** Thrown by `infer`: the sentence, and which argument is at fault (for the caret). */
export class ShapeProblem extends Error {
  constructor(
    readonly slug: string,
    message: string,
    readonly argument?: number,
    readonly help?: string,
    /** Dimensions whose sizes are to blame. */
    readonly sizes: readonly string[] = [],
  ) {
    super(message);
  }
}

/** What a gradient rule works with. `d(i)` is the gradient of output i, if anything flows there. */
export interface Gradient {
  op: Op;
  d(output: number): Value | undefined;
  /** Adds an op and gives its first output; `emitAll` gives them all. */
  emit(kind: string, inputs: Value[], attrs?: Attrs): Value;
  emitAll(kind: string, inputs: Value[], attrs?: Attrs): Value[];
}

/** Adds an op and gives its outputs. */
export type Emit = (kind: string, inputs: readonly Value[], attrs?: Attrs) => readonly Value[];

/** A scalar of one row, reduced over its columns: `each` is the C expression of one column, `finish` makes the scalar. */
export interface RowScalar {
  name: string;
  reduce: "+" | "max";
  /** `args` are the inputs at this column; `scalars` the ones defined before. */
  each(args: readonly string[], scalars: Readonly<Record<string, string>>): string;
  finish?(reduced: string, columns: string, scalars: Readonly<Record<string, string>>): string;
}

/** A constant table that an op's lines look up, filled once when a model is opened. `c` is entry i in C++, over doubles. */
export interface Table {
  name: string;
  length: number;
  c: string;
}

/** What the lines of a row op may use. Rows are pointers or local arrays: write `a[i]`. */
export interface RowLines {
  /** One per input: the row's name. */
  args: readonly string[];
  /** One per output. */
  outs: readonly string[];
  argTypes: readonly Type[];
  outTypes: readonly Type[];
  /** An int64_t expression: the row's position along the named dimension. */
  position(dim: string): string;
  /** The C name of one of the op's `tables`. */
  table(name: string): string;
  /** Column `shift` + i of a row, inside a `loop`: as an operand, or in front of `=`. */
  at(row: string, shift?: number): string;
  /** Entry i of the `width` that a table has for a position. */
  entry(table: string, position: string, width: number): string;
  /** A loop of `i` over columns from … to, whose rounds do not depend on each other: vectorised, or shared out over lanes. */
  loop(from: number, to: number, ...statements: readonly string[]): readonly string[];
}

/**
 * How an op becomes code. The fuse pass speaks of forms only, so a new pointwise or rowwise op needs no template.
 * - pointwise: output element = c(input elements). Inputs whose dims are fewer are the same along the missing ones.
 * - rowwise: a row is the last dimension. With `value`, column i of the output depends on column i of the inputs and on
 *   scalars of the row, and may be fused into a contraction's operand; `lines` is the general case. With `sumRows` the
 *   output has the row's dimension only: it is the sum over all rows.
 * - view: the output is the input, read through other dims (expand).
 * - gather: output row = a row of the input chosen by an index, times an optional factor; may be fused into a contraction's operand.
 * - contraction: matrix products, dense or one per expert.
 * - own: a template of its own, `templates/<target>/<template>.*.hbs`.
 */
export type Form =
  | { is: "pointwise"; c(args: readonly string[], attrs: Attrs): string }
  | {
      is: "rowwise";
      scalars?: (attrs: Attrs) => readonly RowScalar[];
      value?(args: readonly string[], scalars: Readonly<Record<string, string>>, columns: string, attrs: Attrs): string;
      lines?(row: RowLines, attrs: Attrs): readonly string[];
      tables?(attrs: Attrs, argTypes: readonly Type[], outTypes: readonly Type[]): readonly Table[];
      /** value = x · f · gain, of the first two operands, with f = 1 / sqrt(mean(x²) + eps) of the row: a product of few rows can put f to its sums. */
      normed?(attrs: Attrs): { eps: number };
      sumRows?: true;
      /** Dot products of runs of columns: a product's epilogue can leave them, too. */
      dots?: true;
      /** The output has no column: it is the last of these numbers of the row. */
      sumColumns?(attrs: Attrs): readonly RowScalar[];
    }
  | { is: "view" }
  | { is: "gather" }
  | { is: "contraction"; describe(op: Op): Contraction }
  | {
      is: "own";
      template: string;
      tables?(attrs: Attrs, argTypes: readonly Type[], outTypes: readonly Type[]): readonly Table[];
      /** It is one product at heart. */
      describe?(op: Op): Contraction | undefined;
      /** An element of its result takes a few reads, which the epilogue of a product of few rows can do. */
      inEpilogue?: true;
      /** It stores each row of its first operand as it is, in a place that others say: a row loop that makes the rows can do that. */
      keepsRows?(op: Op): boolean;
    };

/**
 * C[m, n] = sum over k of A[m, k] · B[k, n]; operands by input index. `transposed` says that the operand is stored with
 * its contracted dimension first (A) or last (B). Per expert, `ragged` says which of m or k the offsets split; the other
 * operand, or the result, then has a matrix for each of the `groups`.
 */
export interface Contraction {
  a: { input: number; transposed: boolean };
  b: { input: number; transposed: boolean };
  m: number;
  n: number;
  k: number;
  /** Number of separate products (experts); 1 when dense. */
  groups: number;
  ragged?: { axis: "m" | "k"; offsets: number };
}

/** One set of arguments on which the op is checked: rule, gradient, CPU and CUDA against the reference. */
export interface Sample {
  args: readonly SampleArg[];
  attrs?: Attrs;
}

/** Integers are given as data; reals are drawn from a normal distribution, or from [low, high]. */
export interface SampleArg {
  type: Type;
  data?: readonly number[];
  range?: readonly [low: number, high: number];
}

export interface OpSpec {
  name: string;
  /** One line of mathematics, for `inspect ops` and the docs. */
  formula: string;
  /** The typing rule; throws ShapeProblem. */
  infer(args: readonly Type[], attrs: Attrs): readonly Type[];
  /** Gradients of the inputs, in their order; undefined where none flows (integers). Ops without a rule end the chain. */
  gradient?(g: Gradient): readonly (Value | undefined)[];
  /** Floating-point operations; bytes follow from the operands. */
  flops(op: Op): number;
  /** Elements of an operand or a result that it touches, where that may be fewer than there are: rows of a table. */
  touched?(op: Op, v: Value): number | undefined;
  /** The definition, in plain loops over float64. */
  reference(args: readonly Reference[], attrs: Attrs, out: readonly Type[]): readonly Float64Array[];
  form: Form;
  /** The same in other ops: for targets that have no template for it (all but CUDA on Hopper), and for checks. */
  decompose?(inputs: readonly Value[], attrs: Attrs, emit: Emit): readonly Value[];
  /** What its results are called in emitted code, where there are several. */
  outputs?: readonly string[];
  /** Operands, by number, that are there for the gradient's sake; the op itself does not read them. */
  gradientOnly?: readonly number[];
  /** Elements of the first operand in front of its result, where that is a run of the operand's elements as they lie in memory. */
  piece?(op: Op): number | undefined;
  /** Its results lie where so many operands from this one on lie: it writes parts of them, and does not read them. */
  inPlace?(operands: readonly unknown[]): number;
  /**
   * The dimensions along which a result at one place depends on operands at others. Default: a row's columns, a product's rows; none of
   * ops that are pointwise or have a form of their own.
   */
  mixes?(op: Op): readonly string[];
  samples: readonly Sample[];
}

/** A type from its dims as text: tensor("B T D", { B: 2, T: 3, D: 4 }). */
export const tensor = (dims: string, sizes: Readonly<Record<string, number>>, dtype: Type["dtype"] = "f32"): Type => ({
  dims: dims === "" ? [] : dims.split(" ").map((name) => ({ name, size: sizes[name] ?? 1 })),
  dtype,
});
