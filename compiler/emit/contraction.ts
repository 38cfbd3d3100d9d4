/**
 * The body of a contraction kernel: products of operands that are computed while they are loaded, and an epilogue over
 * finished sums. The loops, tiles and threads are lib/contraction.h's.
 */
import { last, type Op, sameDims, type Type, type Value } from "../ir.js";
import type { Kernel } from "../kernel.js";
import { spec } from "../ops/index.js";
import type { Contraction, RowScalar } from "../ops/op.js";
import { assignSums } from "../passes/sums.js";
import { indexOf, type Position, plus, productName, stored, times } from "./access.js";
import { type Matrix, rowsOfB, splitAt } from "./matrix.js";
import type { Names } from "./names.js";

export interface OperandText {
  along: "rows" | "columns";
  /** Lines in front of the returned element function: scalars of the rows of a block. */
  scalars: { name: string; lines: string[] }[];
  /** What the element function is called with, in order. */
  row: string;
  column: string;
  element: string;
}

export interface ContractionText {
  groups: number;
  /** As `m` says in the model's words. */
  rows: number;
  m: string;
  n: string;
  offsets: string;
  kind: "dense" | "ragged_m" | "ragged_k";
  accumulators: number;
  products: { accumulator: number; k: string; a: OperandText; b: OperandText[] }[];
  /** `const real* gate, const real* up` */
  sums: string[];
  lines: string[];
}

export function contractionKernel(kernel: Kernel, names: Names, accumulates: (v: Value) => boolean): ContractionText {
  return new ContractionEmitter(kernel, names, accumulates).emit();
}

class ContractionEmitter {
  readonly #maker = new Map<Value, Op>();
  readonly #accumulator = new Map<Value, number>();

  constructor(
    readonly kernel: Kernel,
    readonly names: Names,
    readonly accumulates: (v: Value) => boolean,
  ) {
    for (const op of kernel.ops) for (const v of op.outputs) this.#maker.set(v, op);
  }

  emit(): ContractionText {
    const first = this.#describe(this.kernel.anchors[0]!);
    const accumulators = this.#assignAccumulators();
    const products = this.#products();
    const { outer, inner } = this.#resultMatrix(this.kernel.anchors[0]!);
    const ragged = first.ragged;
    const m = productName(outer);
    const n = productName(inner);
    const sums = [...Array(accumulators).keys()].map((i) => this.#sumName(i));
    return {
      groups: first.groups,
      rows: first.m,
      m,
      n,
      offsets: ragged ? this.names.of(this.kernel.anchors[0]!.inputs[ragged.offsets]!) : "nullptr",
      kind: ragged ? `ragged_${ragged.axis}` : "dense",
      accumulators,
      products,
      sums,
      lines: this.#epilogue({ outer, inner }, ragged?.axis === "k", m, n),
    };
  }

  #describe(op: Op): Contraction {
    const { form } = spec(op.kind);
    if (form.is !== "contraction") throw new Error(`${op.kind} is not a contraction`);
    return form.describe(op);
  }

  /** The result's dimensions apart: a matrix per expert has the experts in front. */
  #resultMatrix(op: Op): Matrix {
    const c = this.#describe(op);
    const dims = stored(op.outputs[0]!.type.dims);
    return splitAt(c.ragged?.axis === "k" ? dims.slice(1) : dims, c.m);
  }

  #assignAccumulators(): number {
    const { anchors, ops, outputs } = this.kernel;
    const uses = (v: Value): number => ops.filter((op) => op.inputs.includes(v)).length + (outputs.includes(v) ? 1 : 0);
    const { sums, of } = assignSums(ops, anchors, uses);
    for (const [v, sum] of of) this.#accumulator.set(v, sum);
    return sums;
  }

  #sumName(accumulator: number): string {
    // The value that holds the whole sum is the last one of its class.
    const values = [...this.#accumulator.entries()].filter(([, i]) => i === accumulator).map(([v]) => v);
    const whole = this.kernel.ops
      .flatMap((op) => op.outputs)
      .filter((v) => values.includes(v))
      .pop()!;
    return `${this.names.of(whole)}_sum`;
  }

  #products(): ContractionText["products"] {
    const products: ContractionText["products"] = [];
    // Neighbouring accumulators that share their A operand are one product with several Bs: A is loaded once.
    const left = [...this.kernel.anchors];
    while (left.length > 0) {
      const op = left.shift()!;
      const c = this.#describe(op);
      const a = op.inputs[c.a.input]!;
      const accumulator = this.#accumulator.get(op.outputs[0]!)!;
      const together = [op];
      for (;;) {
        const next = left.findIndex((o) => {
          const d = this.#describe(o);
          return (
            o.inputs[d.a.input] === a &&
            d.a.transposed === c.a.transposed &&
            this.#accumulator.get(o.outputs[0]!) === accumulator + together.length
          );
        });
        if (next < 0) break;
        together.push(...left.splice(next, 1));
      }
      products.push({
        accumulator,
        k: c.ragged?.axis === "k" ? "0" : this.#extentK(op, c),
        a: this.#operandA(op, c),
        b: together.map((o) => this.#operandB(o, this.#describe(o))),
      });
    }
    return products;
  }

  #extentK(op: Op, c: Contraction): string {
    const a = stored(op.inputs[c.a.input]!.type.dims);
    const { outer, inner } = splitAt(a, c.a.transposed ? c.k : c.m);
    return productName(c.a.transposed ? outer : inner);
  }

  #operandA(op: Op, c: Contraction): OperandText {
    const v = op.inputs[c.a.input]!;
    const matrix = splitAt(stored(v.type.dims), c.a.transposed ? c.k : c.m);
    const [outer, inner] = c.a.transposed ? ["k", "m"] : ["m", "k"];
    return this.#operand(v, matrix, outer!, inner!, "m", "k", c.a.transposed ? "rows" : "columns", "0");
  }

  #operandB(op: Op, c: Contraction): OperandText {
    const v = op.inputs[c.b.input]!;
    const all = stored(v.type.dims);
    const perGroup = c.ragged?.axis === "m";
    const dims = perGroup ? all.slice(1) : all;
    const matrix = splitAt(dims, c.b.transposed ? c.n : rowsOfB(dims, c));
    const [outer, inner] = c.b.transposed ? ["n", "k"] : ["k", "n"];
    const base = perGroup ? times("group", productName(dims)) : "0";
    return this.#operand(v, matrix, outer!, inner!, "k", "n", c.b.transposed ? "rows" : "columns", base);
  }

  #operand(
    v: Value,
    matrix: Matrix,
    outer: string,
    inner: string,
    row: string,
    column: string,
    along: "rows" | "columns",
    base: string,
  ): OperandText {
    const scalars: OperandText["scalars"] = [];
    const element = this.#element(v, { dims: matrix.outer, at: outer }, { dims: matrix.inner, at: inner }, base, scalars);
    return { along, scalars, row, column, element };
  }

  /** The C++ expression of one element of an operand: an index, or what the ops inlined here compute from one. */
  #element(v: Value, outer: Position, inner: Position, base: string, scalars: OperandText["scalars"]): string {
    const op = this.#maker.get(v);
    if (!op || this.kernel.anchors.includes(op)) {
      // With a matrix for each group, `base` leads to the group's own.
      const own = base === "0" ? v.type : { ...v.type, dims: stored(v.type.dims).slice(1) };
      return `${this.names.of(v)}[${plus(base, indexOf(own, [outer, inner]))}]`;
    }
    const { form } = spec(op.kind);
    if (form.is === "view") return this.#element(op.inputs[0]!, outer, inner, base, scalars);
    if (form.is === "pointwise")
      return parenthesised(
        form.c(
          op.inputs.map((a) => this.#element(a, outer, inner, base, scalars)),
          op.attrs,
        ),
      );
    if (form.is === "gather") {
      const [x, source, , gates] = op.inputs;
      const choice = `${this.names.of(source!)}[${outer.at}]`;
      const at = `${this.names.of(x!)}[${times(`${choice} / ${op.attrs.topK as number}`, productName(inner.dims))} + ${inner.at}]`;
      return gates ? `(${this.names.of(gates)}[${choice}] * ${at})` : at;
    }
    if (form.is !== "rowwise" || !form.value) throw new Error(`${op.kind} cannot be computed inside an operand`);
    const known: Record<string, string> = {};
    const columns = `real(${productName(inner.dims)})`;
    for (const scalar of form.scalars?.(op.attrs) ?? []) known[scalar.name] = this.#scalar(op, scalar, known, inner, scalars);
    const args = op.inputs.map((a) => this.#element(a, outer, inner, base, scalars));
    const here = Object.fromEntries(Object.entries(known).map(([k, name]) => [k, `${name}[${outer.at}]`]));
    return parenthesised(form.value(args, here, columns, op.attrs));
  }

  /** A scalar of each row of the block being loaded, found before the block's elements are. */
  #scalar(op: Op, scalar: RowScalar, before: Record<string, string>, inner: Position, scalars: OperandText["scalars"]): string {
    const name = this.names.fresh(scalar.name);
    const known = Object.fromEntries(Object.entries(before).map(([k, n]) => [k, `${n}[row]`]));
    const args = op.inputs.map((a) =>
      this.#element(a, { dims: splitAtLast(op.inputs[0]!.type).outer, at: "row" }, { dims: inner.dims, at: "i" }, "0", scalars),
    );
    const each = scalar.each(args, known);
    const columns = productName(inner.dims);
    const finish = scalar.finish?.("sum", `real(${columns})`, known) ?? "sum";
    const start = scalar.reduce === "+" ? "0" : "-std::numeric_limits<real>::infinity()";
    scalars.push({
      name,
      lines: [
        `real sum = ${start};`,
        `#pragma omp simd reduction(${scalar.reduce} : sum)`,
        `for (int64_t i = 0; i < ${columns}; ++i) ${scalar.reduce === "+" ? `sum += ${each};` : `sum = larger(${each}, sum);`}`,
        `${name}[row] = ${finish};`,
      ],
    });
    return name;
  }

  #epilogue(matrix: Matrix, perGroup: boolean, m: string, n: string): string[] {
    const lines: string[] = [];
    const text = new Map<Value, string>();
    for (const [v, i] of this.#accumulator) text.set(v, `${this.#sumName(i)}[j]`);
    const outer: Position = { dims: matrix.outer, at: "m" };
    const inner: Position = { dims: matrix.inner, at: "(n + j)" };
    const index = `${perGroup ? `(group * ${m.includes(" ") ? `(${m})` : m} + m)` : "m"} * ${n.includes(" ") ? `(${n})` : n} + n + j`;
    const store = (v: Value, from: string): void => void lines.push(`${this.names.of(v)}[at] ${this.accumulates(v) ? "+=" : "="} ${from};`);
    const operand = (v: Value, out: Type): string => {
      const known = text.get(v);
      if (known) return known;
      const from = this.#maker.get(v);
      if (from && spec(from.kind).form.is === "view") return operand(from.inputs[0]!, out);
      return sameDims(v.type.dims, out.dims) ? `${this.names.of(v)}[at]` : `${this.names.of(v)}[${indexOf(v.type, [outer, inner])}]`;
    };
    const inOrder = this.kernel.ops.filter((op) => this.kernel.anchors.includes(op) || this.#isEpilogue(op));
    for (const op of inOrder) {
      const out = op.outputs[0]!;
      if (!text.has(out)) {
        const { form } = spec(op.kind);
        if (form.is !== "pointwise") throw new Error(`${op.kind} cannot be an epilogue`);
        const name = this.names.fresh(`${this.names.of(out)}_at`);
        lines.push(
          `const real ${name} = ${form.c(
            op.inputs.map((v) => operand(v, out.type)),
            op.attrs,
          )};`,
        );
        text.set(out, name);
      }
      if (this.kernel.outputs.includes(out)) store(out, text.get(out)!);
    }
    return [`const int64_t at = ${index};`, ...lines];
  }

  /** Depends on a finished sum; what does not was inlined into an operand. */
  #isEpilogue(op: Op): boolean {
    return op.inputs.some((v) => {
      const from = this.#maker.get(v);
      return from !== undefined && (this.kernel.anchors.includes(from) || this.#isEpilogue(from));
    });
  }
}

const splitAtLast = (type: Type): Matrix => ({ outer: stored(type.dims).slice(0, -1), inner: [last(type)] });

const parenthesised = (text: string): string => (/^[\w:]+(\[[^\]]*\])?$|^[\w:]+\([^()]*\)$/.test(text) ? text : `(${text})`);
