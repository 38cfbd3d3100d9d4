/**
 * The body of a contraction kernel on the GPU: which matrices are multiplied and how they lie in memory, and the epilogue that
 * the finished sums go through. Tiles, pipelines and tensor cores are lib/contract.cuh's.
 */
import { last, type Op, sameDims, type Value } from "../../ir.js";
import type { Kernel } from "../../kernel.js";
import { spec } from "../../ops/index.js";
import type { Contraction } from "../../ops/op.js";
import { RUN_COLUMNS } from "../../ops/weigh.js";
import { fewRowsOf, isNorm } from "../../passes/fewRows.js";
import { isDots, isRowEpilogue } from "../../passes/groups.js";
import { assignSums } from "../../passes/sums.js";
import { indexOf, type Position, plus, product, productName, stored, times } from "../access.js";
import { type Matrix, rowsOfB, splitAt } from "../matrix.js";
import { dimName, type Names } from "../names.js";
import { loadersOf, normText, sumOfChosen } from "./fewRows.js";
import { type CudaRowText, cudaRowEpilogue, readByRows } from "./rows.js";
import { cType } from "./types.js";

export interface CudaContractionText {
  kind: "dense" | "ragged_m" | "ragged_k";
  a: "k" | "own";
  b: "k" | "own";
  sums: number;
  aligned: boolean;
  gatherA: boolean;
  gatherB: boolean;
  groups: number;
  m: string;
  n: string;
  offsets: string;
  products: { k: string; a: string; b: string[]; comment: string }[];
  /** Members of the epilogue: the tensors it reads and writes. */
  members: { declaration: string; name: string }[];
  lines: string[];
  /** In place of `lines`: what becomes of whole rows. */
  row: RowEpilogue | undefined;
  /** A run that is read before its sums' turn comes. */
  ahead: { name: string; lines: string[] } | undefined;
  /** What the left operand is normalised by while it is read: `few::Normed{gain, eps}`, where that can be done. */
  norm: string | undefined;
  /** Whether it sums rows that tokens have chosen: lib/combine.cuh. */
  sumsChosen: boolean;
  /** Results that rows are added to, so that they begin as zero. */
  zeroed: { name: string; count: string }[];
  /** How many rows of C there are, where contract_few.cuh can compute it. */
  few: number | undefined;
  /** Where the epilogue only stores the sums, or adds them to what is there: what a library can do, too. */
  bare: BareEpilogue | undefined;
}

export interface RowEpilogue extends CudaRowText {
  /** The columns of a row, by their dimension's name. */
  columns: string;
  /** Floats of shared memory beside a row of sums. */
  room: string;
  /** Whether row ops get the sums as memory would keep them. */
  rounded: boolean;
}

export interface BareEpilogue {
  /** The C++ type of the elements that are written. */
  type: string;
  /** The outputs' names, one a sum, in their order. */
  to: string;
  adds: boolean;
  /** Elements of each result. */
  count: number;
}

export function cudaContraction(kernel: Kernel, names: Names, accumulates: (v: Value) => boolean): CudaContractionText {
  return new CudaContractionEmitter(kernel, names, accumulates).emit();
}

interface OperandText {
  text: string;
  columns: number;
  gathers: boolean;
  comment: string;
}

class CudaContractionEmitter {
  readonly #maker = new Map<Value, Op>();
  readonly #sumOf: ReadonlyMap<Value, number>;
  readonly #sums: number;
  readonly #members = new Map<Value, string>();
  readonly #zeroed: CudaContractionText["zeroed"] = [];
  #sumsChosen = false;
  /** Computed while operands are loaded. */
  readonly #loaders: ReadonlySet<Op>;

  constructor(
    readonly kernel: Kernel,
    readonly names: Names,
    readonly accumulates: (v: Value) => boolean,
  ) {
    for (const op of kernel.ops) for (const v of op.outputs) this.#maker.set(v, op);
    const { ops, anchors, outputs } = kernel;
    this.#loaders = loadersOf(ops, anchors);
    const uses = (v: Value): number => ops.filter((op) => op.inputs.includes(v)).length + (outputs.includes(v) ? 1 : 0);
    const { sums, of } = assignSums(ops, anchors, uses);
    this.#sums = sums;
    this.#sumOf = of;
  }

  emit(): CudaContractionText {
    const [first] = this.kernel.anchors;
    const c = describe(first!);
    const dims = stored(first!.outputs[0]!.type.dims);
    const result = splitAt(c.ragged?.axis === "k" ? dims.slice(1) : dims, c.m);
    const products = this.#products();
    const operands = products.flatMap((p) => [p.a, ...p.b]);
    const aligned = operands.every((o) => o.columns % 8 === 0) && c.n % 8 === 0;
    const row = isRowEpilogue(this.kernel.ops.filter((op) => !this.#loaders.has(op))) ? this.#rowEpilogue(result) : undefined;
    const { lines, ahead } = row ? { lines: [], ahead: undefined } : this.#epilogue(result, c.ragged?.axis === "k", aligned);
    const plain = c.ragged === undefined && aligned && operands.every((o) => !o.gathers);
    return {
      kind: c.ragged ? `ragged_${c.ragged.axis}` : "dense",
      a: c.a.transposed ? "own" : "k",
      b: c.b.transposed ? "k" : "own",
      sums: this.#sums,
      aligned,
      gatherA: products.some((p) => p.a.gathers),
      gatherB: products.some((p) => p.b.some((b) => b.gathers)),
      groups: c.groups,
      m: productName(result.outer),
      n: productName(result.inner),
      offsets: c.ragged ? this.names.of(first!.inputs[c.ragged.offsets]!) : "nullptr",
      products: products.map((p) => ({
        k: p.k,
        a: p.a.text,
        b: p.b.map((b) => b.text),
        comment: p.b.map((b) => `${p.a.comment} · ${b.comment}`).join(", "),
      })),
      members: [...this.#members].map(([v, name]) => ({
        declaration: `${this.kernel.outputs.includes(v) ? "" : "const "}${cType(v)}* ${name}`,
        name,
      })),
      lines,
      row,
      ahead,
      zeroed: this.#zeroed,
      norm: this.#norm(),
      sumsChosen: this.#sumsChosen,
      few: row === undefined ? this.#few(operands) : undefined,
      bare: plain ? this.#bare() : undefined,
    };
  }

  /** Rows are what the last dimension counts; in a row of the matrix there may be several. */
  #rowEpilogue(matrix: Matrix): RowEpilogue {
    const column = last(this.kernel.anchors[0]!.outputs[0]!.type);
    const heads = matrix.inner.slice(0, -1);
    const positions: Position[] = [
      { dims: matrix.outer, at: "m" },
      { dims: heads, at: "head" },
    ];
    const text = cudaRowEpilogue(this.kernel, this.names, this.accumulates, [...this.#sumOf.keys()], positions);
    const sums = [...this.#sumOf.keys()].at(-1)!;
    const rounded = sums.type.dtype === "bf16" && readByRows(this.kernel.ops, sums);
    const touched = (v: Value): boolean =>
      text.pointers.concat(text.lines, text.early).some((l) => new RegExp(`\\b${this.names.of(v)}\\b`).test(l));
    for (const v of [...this.kernel.inputs, ...this.kernel.outputs]) if (touched(v)) this.#members.set(v, this.names.of(v));
    return { ...text, columns: dimName(column), room: text.shared.map((s) => s.columns).join(" + ") || "0", rounded };
  }

  #norm(): string | undefined {
    const norm = [...this.#loaders].find((op) => spec(op.kind).form.is === "rowwise");
    return norm && normText(norm, this.names);
  }

  #few(operands: readonly OperandText[]): number | undefined {
    const gathersB = operands.some((o, i) => o.gathers && i % (1 + this.#sums) > 0);
    const rows = this.kernel.anchors.map(fewRowsOf);
    return gathersB || this.#sums > 2 || rows.includes(undefined) ? undefined : rows[0];
  }

  #bare(): BareEpilogue | undefined {
    const { ops, anchors, outputs } = this.kernel;
    const results = anchors.map((op) => op.outputs[0]!).sort((a, b) => this.#sumOf.get(a)! - this.#sumOf.get(b)!);
    const [first] = results;
    // One product a sum, and nothing between the sums and the outputs.
    if (!first || ops.length !== results.length || this.#sums !== results.length) return undefined;
    const type = cType(first);
    const adds = this.accumulates(first);
    const stores = (v: Value): boolean => outputs.includes(v) && cType(v) === type && this.accumulates(v) === adds;
    // Of bf16 results the library would round the sum first, and what it comes to once more.
    if (outputs.length !== results.length || !results.every(stores) || (type === "bf16" && adds)) return undefined;
    const count = first.type.dims.reduce((n, d) => n * d.size, 1);
    return { type, to: results.map((v) => this.names.of(v)).join(", "), adds, count };
  }

  /** Products that share their left operand and have a sum each are one product with several right operands. */
  #products(): { k: string; a: OperandText; b: OperandText[] }[] {
    const { anchors } = this.kernel;
    const together = this.#sums > 1 ? [anchors] : anchors.map((op) => [op]);
    return together.map((ops) => {
      const c = describe(ops[0]!);
      return {
        k: c.ragged?.axis === "k" ? "0" : this.#extentK(ops[0]!, c),
        a: this.#operandA(ops[0]!, c),
        b: [...ops]
          .sort((x, y) => this.#sumOf.get(x.outputs[0]!)! - this.#sumOf.get(y.outputs[0]!)!)
          .map((op) => this.#operandB(op, describe(op))),
      };
    });
  }

  #extentK(op: Op, c: Contraction): string {
    const { outer, inner } = splitAt(stored(op.inputs[c.a.input]!.type.dims), c.a.transposed ? c.k : c.m);
    return productName(c.a.transposed ? outer : inner);
  }

  #operandA(op: Op, c: Contraction): OperandText {
    const v = op.inputs[c.a.input]!;
    return this.#operand(v, splitAt(stored(v.type.dims), c.a.transposed ? c.k : c.m), "");
  }

  #operandB(op: Op, c: Contraction): OperandText {
    const v = op.inputs[c.b.input]!;
    const all = stored(v.type.dims);
    const perGroup = c.ragged?.axis === "m";
    const dims = perGroup ? all.slice(1) : all;
    return this.#operand(v, splitAt(dims, c.b.transposed ? c.n : rowsOfB(dims, c)), perGroup ? productName(dims) : "");
  }

  /** `x, B * T, D`, with the distance of two experts' matrices, or with the rows that are chosen. */
  #operand(v: Value, matrix: Matrix, groupStride: string): OperandText {
    const maker = this.#maker.get(v);
    // What normalises it on the way reads another value of the same shape.
    if (maker && isNorm(maker)) return this.#operand(maker.inputs[0]!, matrix, groupStride);
    const op = maker;
    const columns = product(matrix.inner);
    const place = `${productName(matrix.outer)}, ${productName(matrix.inner)}`;
    if (!op || this.kernel.anchors.includes(op)) {
      if (v.type.dtype !== "bf16") throw new Error(`${this.names.of(v)} is ${v.type.dtype}; products take bf16`);
      const name = this.names.of(v);
      return { text: [name, place, ...(groupStride ? [groupStride] : [])].join(", "), columns, gathers: false, comment: name };
    }
    if (spec(op.kind).form.is !== "gather" || op.inputs[3]) throw new Error(`${op.kind} cannot be computed inside an operand`);
    const [rows, source] = op.inputs;
    const norm = this.#maker.get(rows!);
    const x = norm && isNorm(norm) ? norm.inputs[0] : rows;
    const name = this.names.of(x!);
    const tokens = productName(stored(x!.type.dims).slice(0, -1));
    const index = this.names.of(source!);
    const text = `${name}, ${place}, 0, ${index}, ${op.attrs.topK as number}, ${tokens}`;
    return { text, columns, gathers: true, comment: `${name}[${index} / ${op.attrs.topK as number}]` };
  }

  #epilogue(matrix: Matrix, perGroup: boolean, aligned: boolean): Pick<CudaContractionText, "lines" | "ahead"> {
    // Where lanes exchange what they know of a row, all take part, those without columns too.
    const exchanges = this.kernel.ops.some(isDots);
    const rest = aligned && !exchanges ? "" : ", count";
    const loads: string[] = [];
    const reads: { name: string; value: string }[] = [];
    const statements: string[] = [];
    const stores: string[] = [];
    const text = new Map<Value, string>([...this.#sumOf].map(([v, i]) => [v, `sums[${i}][j]`]));
    const outer: Position = { dims: matrix.outer, at: "m" };
    const inner: Position = { dims: matrix.inner, at: aligned ? "(n + j)" : "(n + (j < count ? j : 0))" };
    const n = productName(matrix.inner);
    const m = productName(matrix.outer);
    const member = (v: Value): string => {
      const name = this.names.of(v);
      this.#members.set(v, name);
      return name;
    };
    const operand = (v: Value, out: Value): string => {
      const known = text.get(v);
      if (known) return known;
      const name = member(v);
      const dims = stored(v.type.dims);
      const whole = sameDims(v.type.dims, out.type.dims);
      const row = sameDims(dims, matrix.inner);
      if (whole || row) {
        const run = this.names.fresh(`${name}_run`);
        reads.push({ name: run, value: `load<${aligned}>(${name} + ${whole ? "at" : "n"}${rest})` });
        text.set(v, `${run}[j]`);
      } else if (!dims.some((d) => matrix.inner.some((i) => i.name === d.name))) {
        const scalar = this.names.fresh(`${name}_m`);
        const value = `to_float(${name}[${indexOf(v.type, [outer])}])`;
        loads.push(`const real ${scalar} = ${exchanges ? `count > 0 ? ${value} : 0.f` : value};`);
        text.set(v, scalar);
      } else text.set(v, `to_float(${name}[${indexOf(v.type, [outer, inner])}])`);
      return text.get(v)!;
    };
    const store = (v: Value, value: string): void => {
      const name = member(v);
      const run = this.names.fresh(`${name}_run`);
      const adds = this.accumulates(v);
      if (adds) reads.push({ name: run, value: `load<${aligned}>(${name} + at${rest})` });
      else loads.push(`Run ${run};`);
      statements.push(`${run}[j] ${adds ? "+=" : "="} ${value};`);
      stores.push(`store<${aligned}>(${name} + at, ${run}${rest});`);
    };
    for (const op of this.kernel.ops.filter((o) => !this.#loaders.has(o))) {
      const out = op.outputs[0]!;
      if (op.kind === "combine" && !text.has(op.inputs[0]!)) {
        this.#sumsChosen = true;
        reads.push({ name: this.names.fresh(`${this.names.of(out)}_run`), value: sumOfChosen(op, member) });
        text.set(out, `${reads.at(-1)!.name}[j]`);
        continue;
      }
      if (op.kind === "combine") {
        const name = member(out);
        const run = this.names.fresh(`${name}_run`);
        loads.push(
          `Run ${run};`,
          `const int64_t token = ${exchanges ? "count > 0 ? " : ""}${member(op.inputs[2]!)}[m] / ${last(op.inputs[1]!.type).size}${exchanges ? " : 0" : ""};`,
        );
        statements.push(`${run}[j] = ${text.get(op.inputs[0]!)!};`);
        stores.push(`scatter<${aligned}>(${name} + ${plus(times("token", n), "n")}, ${run}${rest});`);
        this.#zeroed.push({ name, count: productName(stored(out.type.dims)) });
        continue;
      }
      if (isDots(op)) {
        const [a, b] = op.inputs.map((v) => operand(v, op.inputs[0]!));
        const sum = this.names.fresh(this.names.of(out));
        loads.push(`real ${sum} = 0;`);
        statements.push(`${aligned ? "" : "if (j < count) "}${sum} += ${a} * ${b};`);
        stores.push(
          `${sum} = sum_of_lanes<8>(${sum});`,
          `if (count > 0 && n % ${RUN_COLUMNS} == 0) ${member(out)}[${times("m", productName(stored(out.type.dims).slice(-1)))} + n / ${RUN_COLUMNS}] = ${sum};`,
        );
        continue;
      }
      if (!text.has(out)) {
        const { form } = spec(op.kind);
        if (form.is !== "pointwise") throw new Error(`${op.kind} cannot be an epilogue`);
        const name = this.names.fresh(`${this.names.of(out)}_j`);
        statements.push(
          `const real ${name} = ${form.c(
            op.inputs.map((v) => operand(v, out)),
            op.attrs,
          )};`,
        );
        text.set(out, name);
      }
      if (this.kernel.outputs.includes(out)) store(out, text.get(out)!);
    }
    const at = `const int64_t at = ${plus(times(perGroup ? plus(times("group", m), "m") : "m", n), "n")};`;
    const none = exchanges ? [] : ["if (count == 0) return;"];
    const compute = ["#pragma unroll", "for (int j = 0; j < RUN; ++j) {", ...statements.map((s) => `  ${s}`), "}", ...stores];
    const place = (lines: readonly string[]): string[] => (lines.some((line) => /\bat\b/.test(line)) ? [at] : []);
    // One run that is read can be on its way before its sums' turn comes; more would take too many registers.
    const [ahead] = reads;
    if (ahead && reads.length === 1 && !exchanges) {
      const lines = [...loads, ...compute];
      return {
        lines: [...none, ...place(lines), ...lines],
        ahead: { name: ahead.name, lines: ["if (count == 0) return {};", ...place([ahead.value]), `return ${ahead.value};`] },
      };
    }
    const lines = [...reads.map(({ name, value }) => `Run ${name} = ${value};`), ...loads, ...compute];
    return { lines: [...none, ...place(lines), ...lines], ahead: undefined };
  }
}

/** What the template of an epilogue asks for beside the text. */
export const epilogueFields = ({ lines, ahead }: CudaContractionText): { group: string; ahead: CudaContractionText["ahead"] | null } => ({
  group: lines.some((line) => /\bgroup\b/.test(line)) ? "int group" : "int",
  ahead: ahead ?? null,
});

function describe(op: Op): Contraction {
  const { form } = spec(op.kind);
  if (form.is !== "contraction") throw new Error(`${op.kind} is not a contraction (${last(op.outputs[0]!.type).name})`);
  return form.describe(op);
}
