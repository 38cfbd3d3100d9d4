/**
 * The body of a row kernel: one loop over the rows that its ops share, in which each op adds its own lines. Element-wise
 * statements over the same columns share one inner loop; scalars of a row are reduced in loops of their own.
 */
import { type Dim, last, type Op, type Value } from "../ir.js";
import type { Kernel } from "../kernel.js";
import { spec } from "../ops/index.js";
import type { Form, RowScalar, Table } from "../ops/op.js";
import { elementAt, entryOf, productName, stored, times } from "./access.js";
import { dimName, type Names } from "./names.js";
import { RowAddresses } from "./rowAddresses.js";

export interface RowText {
  /** `B * T`, and the same as words for the comment: `B T`. */
  rows: string;
  space: string;
  /** Pointers to this row, before anything is computed. */
  pointers: string[];
  lines: string[];
  /** Sums over all rows: each chunk's partial sums lie at `offset` of its workspace. */
  sums: { value: Value; target: string; partial: string; columns: string; offset: string }[];
  /** Reals of workspace of one chunk: `D + R`, or nothing. */
  partials: string;
  partialReals: number;
  tables: Table[];
}

type RowForm = Extract<Form, { is: "rowwise" }>;

/** An inner loop that is still being filled. */
interface ElementLoop {
  columns: Dim;
  lines: string[];
  /** Values that are plain numbers inside this loop, by their names there. */
  made: Map<Value, string>;
}

/** The one column of a scalar. */
const single: Dim = { name: "1", size: 1 };
const columnOf = (v: Value): Dim => (v.type.dims.length === 0 ? single : last(v.type));
const extent = (column: Dim): string => (column === single ? "1" : dimName(column));

export function rowKernel(kernel: Kernel, names: Names, accumulates: (v: Value) => boolean): RowText {
  const main = kernel.ops.find((op) => spec(op.kind).form.is !== "view") ?? kernel.ops[0]!;
  const { form } = spec(main.kind);
  const type = form.is === "rowwise" && (form.sumRows || form.sumColumns) ? main.inputs[0]!.type : main.outputs[0]!.type;
  return new RowEmitter(kernel, names, accumulates, stored(type.dims).slice(0, -1)).emit();
}

class RowEmitter {
  readonly #address: RowAddresses;
  readonly #lines: string[] = [];
  /** Rows that are known by another name than their operand's pointer: local arrays, and views of other rows. */
  readonly #rowName = new Map<Value, string>();
  readonly #sums: RowText["sums"] = [];
  readonly #tables: Table[] = [];
  /** Scalars of the row that are known already, by what they are. */
  readonly #scalarNames = new Map<string, string>();
  readonly #partial: Dim[] = [];
  #loop: ElementLoop | undefined;
  /** The ops that are still to come, the current one among them. */
  #left: readonly Op[] = [];

  constructor(
    readonly kernel: Kernel,
    readonly names: Names,
    readonly accumulates: (v: Value) => boolean,
    readonly rows: readonly Dim[],
  ) {
    this.#address = new RowAddresses(names, rows);
  }

  emit(): RowText {
    for (const [i, op] of this.kernel.ops.entries()) {
      this.#left = this.kernel.ops.slice(i);
      this.#op(op);
    }
    this.#left = [];
    this.#close();
    return {
      rows: productName(this.rows),
      space: this.rows.map((d) => d.name).join(" "),
      pointers: this.#address.pointers,
      lines: this.#lines,
      sums: this.#sums,
      partials: this.#partial.map(dimName).join(" + "),
      partialReals: this.#partial.reduce((n, d) => n + d.size, 0),
      tables: this.#tables,
    };
  }

  #op(op: Op): void {
    const { form } = spec(op.kind);
    if (form.is === "view") this.#view(op);
    else if (form.is === "gather") this.#gather(op);
    else if (form.is === "pointwise") this.#element(op, (args) => form.c(args, op.attrs));
    else if (form.is === "rowwise") this.#rowwise(op, form);
    else throw new Error(`${op.kind} is not a row op`);
  }

  #rowwise(op: Op, form: RowForm): void {
    const scalars = this.#scalars(op, form.scalars?.(op.attrs) ?? []);
    const columns = `real(${extent(columnOf(op.inputs[0]!))})`;
    if (form.sumColumns) this.#rowSum(op, form);
    else if (form.sumRows) this.#sumRows(op, (args) => form.value!(args, scalars, columns, op.attrs));
    else if (form.value) this.#element(op, (args) => form.value!(args, scalars, columns, op.attrs));
    else this.#lineOp(op, form);
  }

  /** An op whose result is one number of the row. */
  #rowSum(op: Op, form: RowForm): void {
    const known = this.#scalars(op, form.sumColumns!(op.attrs));
    const [name] = Object.values(known).slice(-1);
    this.#lines.push(`${this.names.of(op.outputs[0]!)}[row] = ${name};`);
  }

  /** An op that writes its row in lines of its own. */
  #lineOp(op: Op, form: RowForm): void {
    this.#close();
    const argTypes = op.inputs.map((v) => v.type);
    const outTypes = op.outputs.map((v) => v.type);
    const tables = form.tables?.(op.attrs, argTypes, outTypes) ?? [];
    const args = op.inputs.map((v) => this.#row(v));
    const outs = op.outputs.map((v) => this.#target(v));
    const position = (dim: string): string => this.#address.along(dim) ?? "0";
    const table = (name: string): string => this.#table(op, tables, name);
    const loop = (from: number, to: number, ...statements: readonly string[]): string[] => simd(`${to}`, statements, from);
    this.#lines.push(...form.lines!({ args, outs, argTypes, outTypes, position, table, loop, at: elementAt, entry: entryOf }, op.attrs));
    for (const v of op.outputs) this.#addToOutput(v);
  }

  /** Reads through: the output's row is the input's, wherever the row's position leads. If it leaves the kernel it is copied. */
  #view(op: Op): void {
    const [from] = op.inputs;
    const [to] = op.outputs;
    if (this.kernel.outputs.includes(to!)) this.#element(op, ([a]) => a!);
    else {
      this.#close();
      this.#rowName.set(to!, this.#row(from!));
    }
  }

  /** A row of the input chosen by an index: the token that a row of an expert comes from. */
  #gather(op: Op): void {
    this.#close();
    const [x, source, , gates] = op.inputs;
    const out = op.outputs[0]!;
    const width = dimName(last(out.type));
    const choice = this.names.fresh("choice");
    const target = this.#target(out);
    const from = `${this.names.of(x!)}[${times(`${choice} / ${op.attrs.topK as number}`, width)} + i]`;
    const factor = gates ? `${this.names.of(gates)}[${choice}] * ` : "";
    this.#lines.push(`const int64_t ${choice} = ${this.names.of(source!)}[row];`, ...simd(width, [`${target}[i] = ${factor}${from};`]));
    this.#addToOutput(out);
  }

  /** One statement of an inner loop; a loop over the same columns that is still open takes it. */
  #element(op: Op, expression: (args: string[]) => string): void {
    const out = op.outputs[0]!;
    const loop = this.#loopOver(columnOf(out));
    const name = this.names.fresh(`${this.names.of(out)}_i`);
    loop.lines.push(`const real ${name} = ${expression(op.inputs.map((v) => this.#at(v, columnOf(out))))};`);
    if (this.kernel.outputs.includes(out))
      loop.lines.push(`${this.#address.of(out, true)}[i] ${this.accumulates(out) ? "+=" : "="} ${name};`);
    loop.made.set(out, name);
  }

  #sumRows(op: Op, expression: (args: string[]) => string): void {
    const value = op.outputs[0]!;
    const column = columnOf(op.inputs[0]!);
    const partial = this.names.fresh(`${this.names.of(value)}_partial`);
    const offset = this.#partial.map(dimName).join(" + ") || "0";
    this.#partial.push(column);
    this.#sums.push({ value, target: this.names.of(value), partial, columns: extent(column), offset });
    this.#loopOver(column).lines.push(`${partial}[i] += ${expression(op.inputs.map((v) => this.#at(v, column)))};`);
  }

  #scalars(op: Op, scalars: readonly RowScalar[]): Record<string, string> {
    const known: Record<string, string> = {};
    if (scalars.length === 0) return known;
    this.#close();
    const column = columnOf(op.inputs[0]!);
    const args = op.inputs.map((v) => this.#at(v, column));
    for (const scalar of scalars) {
      const columns = `real(${extent(column)})`;
      const key = [scalar.reduce, scalar.each(args, known), scalar.finish?.("", columns, known), columns].join(" | ");
      const name = this.#scalarNames.get(key) ?? this.#reduce(scalar, scalar.each(args, known), column, known);
      this.#scalarNames.set(key, name);
      known[scalar.name] = name;
    }
    return known;
  }

  /** A loop that makes one number of the row. */
  #reduce(scalar: RowScalar, each: string, column: Dim, known: Readonly<Record<string, string>>): string {
    const sum = this.names.fresh(scalar.finish ? `${scalar.name}_sum` : scalar.name);
    const step = scalar.reduce === "+" ? `${sum} += ${each};` : `${sum} = larger(${each}, ${sum});`;
    this.#lines.push(
      `real ${sum} = ${scalar.reduce === "+" ? "0" : "-std::numeric_limits<real>::infinity()"};`,
      `#pragma omp simd reduction(${scalar.reduce} : ${sum})`,
      `for (int64_t i = 0; i < ${extent(column)}; ++i) ${step}`,
    );
    if (!scalar.finish) return sum;
    const name = this.names.fresh(scalar.name);
    this.#lines.push(`const real ${name} = ${scalar.finish(sum, `real(${extent(column)})`, known)};`);
    return name;
  }

  /** The element of a value in column i, as an expression. */
  #at(v: Value, column: Dim): string {
    const local = this.#loop?.made.get(v);
    if (local) return local;
    return `${this.#row(v)}[${this.#address.hasColumn(v, column) ? "i" : "0"}]`;
  }

  #row(v: Value): string {
    return this.#rowName.get(v) ?? this.#address.of(v, false);
  }

  /** Where an op with lines of its own puts its row. */
  #target(v: Value): string {
    if (this.kernel.outputs.includes(v) && !this.accumulates(v)) return this.#address.of(v, true);
    const local = this.names.fresh(`${this.names.of(v)}_row`);
    this.#lines.push(`real ${local}[${extent(columnOf(v))}];`);
    this.#rowName.set(v, local);
    return local;
  }

  #addToOutput(v: Value): void {
    if (!this.kernel.outputs.includes(v) || !this.accumulates(v)) return;
    this.#lines.push(...simd(extent(columnOf(v)), [`${this.#address.of(v, true)}[i] += ${this.#rowName.get(v)}[i];`]));
  }

  #loopOver(columns: Dim): ElementLoop {
    if (this.#loop?.columns.name !== columns.name) this.#close();
    this.#loop ??= { columns, lines: [], made: new Map() };
    return this.#loop;
  }

  /** Ends the open loop and writes it out. What later ops read of it is kept in a local array, unless it is an output anyway. */
  #close(): void {
    const loop = this.#loop;
    if (!loop) return;
    this.#loop = undefined;
    for (const [v, name] of loop.made) {
      if (!this.#left.some((op) => op.inputs.includes(v))) continue;
      if (this.kernel.outputs.includes(v) && !this.accumulates(v)) continue;
      const array = this.names.fresh(`${this.names.of(v)}_row`);
      this.#lines.push(`real ${array}[${extent(loop.columns)}];`);
      this.#rowName.set(v, array);
      loop.lines.push(`${array}[i] = ${name};`);
    }
    this.#lines.push(...simd(extent(loop.columns), loop.lines));
  }

  #table(op: Op, tables: readonly Table[], name: string): string {
    const table = tables.find((t) => t.name === name);
    if (!table) throw new Error(`${op.kind} has no table ${name}`);
    const known = this.#tables.find((t) => t.c === table.c && t.length === table.length);
    if (known) return known.name;
    const own = { ...table, name: this.names.fresh(table.name) };
    this.#tables.push(own);
    return own.name;
  }
}

/** A vectorised loop over the columns. */
function simd(to: string, lines: readonly string[], from = 0): string[] {
  const head = `for (int64_t i = ${from}; i < ${to}; ++i)`;
  if (lines.length === 1) return ["#pragma omp simd", `${head} ${lines[0]}`];
  return ["#pragma omp simd", `${head} {`, ...lines.map((l) => `  ${l}`), "}"];
}
