/**
 * The intermediate representation: a Graph of SSA values with named dimensions.
 *
 * There are two levels and no more. A Graph says *what* is computed: ops over values whose dimensions have names.
 * A Kernel (kernel.ts) says *how*: a form, the ops fused into it, and where its operands lie. Templates own the loops.
 * The only op with a body is `repeat`, so a model's layers stay rolled from model.ts to the emitted code.
 */

/** A place in the user's source. Lines and columns count from 1; `end` is exclusive. */
export interface Span {
  file: string;
  line: number;
  column: number;
  endLine: number;
  endColumn: number;
}

/** How an op came about: the innermost call first, then the calls that led there. */
export type CallStack = readonly Span[];

/** `N+R` is one dimension whose name is a sum of two. A ragged dimension has room for `size` rows, split by offsets. */
export interface Dim {
  name: string;
  size: number;
  ragged?: true;
}

/** f32 stands for the target's own real number until the precision pass decides. */
export type DType = "f32" | "f64" | "bf16" | "i32";

export interface Type {
  dims: readonly Dim[];
  dtype: DType;
}

export type ParameterKind = "weight" | "embedding" | "router" | "gain" | "bias";

/** A tensor that outlives a step. `path` is dotted; `layers` are the leading dimensions that stacks have put in front. */
export interface Parameter {
  path: string;
  kind: ParameterKind | "state";
  /** With the stack dimensions in front: [layers…, experts?, reads…, writes…] */
  type: Type;
  /** Number of leading stack dimensions. */
  stacked: number;
  /** Number of leading dimensions, after the stack's, that count separate matrices (experts). */
  each: number;
  /** Number of dimensions the matrix reads (its rows); the rest of its dimensions are its columns. */
  reads: number;
  init: { kind: "normal"; std: number } | { kind: "constant"; value: number };
  origin: CallStack;
}

export interface Value {
  id: number;
  type: Type;
  /** The user's own name for it, where there is one. */
  name?: string;
  def: Definition;
}

export type Definition =
  | { is: "op"; op: Op; index: number }
  /** An argument of the whole program: a parameter, the tokens, the targets. */
  | { is: "input"; name: string; parameter?: Parameter }
  /** What a repeat's body gets: the carried values, then one layer's slice of each `slices` operand. */
  | { is: "carried" | "slice"; op: Op; index: number };

export type Attribute = number | string | boolean | readonly string[];

export interface Op {
  id: number;
  /** The key of its record in ops/index.ts, or "repeat". */
  kind: string;
  inputs: Value[];
  attrs: Readonly<Record<string, Attribute>>;
  outputs: Value[];
  /** More than one when ops were merged. */
  origins: readonly CallStack[];
  /** Only for "repeat". */
  loop?: Loop;
}

/**
 * `repeat`, as in a scan: inputs are [initial carried values…, stacked operands…]; outputs are [final carried values…,
 * stacked results…]. Values from outside may be used inside directly; they are the same in every round.
 */
export interface Loop {
  count: number;
  /** The name of the stack, for people: `layers`. */
  label: string;
  /** The backward pass walks the layers from the last to the first. */
  reverse: boolean;
  carried: Value[];
  slices: Value[];
  body: Op[];
  /** What the next round's carried values are. */
  yields: Value[];
  /** Values of the body that are kept for every round: their outputs have a layer dimension in front. */
  stacks: Value[];
}

/** One program, in execution order. */
export interface Graph {
  name: string;
  inputs: Value[];
  body: Op[];
  outputs: GraphOutput[];
}

/** What leaves a program: a scalar of the objective, a report for people, what is kept for later tokens, or the gradient of a parameter. */
export type GraphOutput =
  | { is: "loss" | "balance" | "load" | "logits" | "cache"; name: string; value: Value }
  | { is: "gradient"; name: string; parameter: Parameter; value: Value };

/**
 * Number of elements. [E rows D] with ragged rows holds `rows` rows in all, shared out over the experts, so E does not count.
 */
export const size = (type: Type): number => type.dims.reduce((n, d, i) => (type.dims[i + 1]?.ragged ? n : n * d.size), 1);
export const names = (type: Type): string => type.dims.map((d) => d.name).join(" ");
export const last = (type: Type): Dim => type.dims[type.dims.length - 1] ?? { name: "", size: 1 };
export const showType = (type: Type): string => `[${names(type)}]${type.dtype === "i32" ? " i32" : ""}`;
export const sameDims = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((d, i) => d.name === b[i]?.name && d.size === b[i]?.size);

/** Makes ops and values with fresh numbers. One builder serves all the programs of a model. */
export class Builder {
  #next = 1;
  /** Where ops are added; replaced while a loop's body is being built. */
  body: Op[] = [];

  fresh(): number {
    return this.#next++;
  }

  input(name: string, type: Type, parameter?: Parameter): Value {
    return { id: this.fresh(), type, name, def: parameter ? { is: "input", name, parameter } : { is: "input", name } };
  }

  op(kind: string, inputs: Value[], attrs: Op["attrs"], types: readonly Type[], origins: readonly CallStack[]): Op {
    const op: Op = { id: this.fresh(), kind, inputs, attrs, outputs: [], origins };
    op.outputs = types.map((type, index) => ({ id: this.fresh(), type, def: { is: "op", op, index } }));
    this.body.push(op);
    return op;
  }

  /** Runs `build` with an empty body and gives the ops it added. */
  within<R>(build: () => R): { ops: Op[]; result: R } {
    const outer = this.body;
    this.body = [];
    try {
      const result = build();
      return { ops: this.body, result };
    } finally {
      this.body = outer;
    }
  }
}
