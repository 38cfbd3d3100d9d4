/**
 * The body of a row kernel: one loop over the rows that its ops share, in which each op adds its own lines. Element-wise
 * statements over the same columns share one inner loop; scalars of a row are reduced in loops of their own.
 */
import { type Dim, type Op, type Type, type Value, last } from "../ir.js";
import type { Kernel } from "../kernel.js";
import { spec } from "../ops/index.js";
import type { RowScalar, Table } from "../ops/op.js";
import { type Position, coordinate, indexOf, productName, stored, times } from "./access.js";
import { Names, dimName } from "./names.js";

export interface RowText {
  /** `B * T`, and the same as words for the comment: `[B T]`. */
  rows: string;
  space: string;
  /** Pointers to this row, before anything is computed. */
  pointers: string[];
  lines: string[];
  /** Sums over all rows: `target` (op)= the partial sums of each chunk. */
  sums: { target: string; partial: string; columns: string; offset: string }[];
  /** Reals that the partial sums take: `RowChunks::MOST * (…)`, or nothing. */
  partials: string;
  partialReals: number;
  tables: Table[];
}

/** The rows all ops of a kernel share: the leading dimensions, in storage. */
function rowDims(op: Op): readonly Dim[] {
  const { form } = spec(op.kind);
  const type = form.is === "rowwise" && form.sumRows ? op.inputs[0]!.type : op.outputs[0]!.type;
  return stored(type.dims).slice(0, -1);
}

export function rowKernel(kernel: Kernel, names: Names, accumulates: (v: Value) => boolean): RowText {
  const main = kernel.ops.find((op) => spec(op.kind).form.is !== "view") ?? kernel.ops[0]!;
  return new RowEmitter(kernel, names, accumulates, rowDims(main)).emit();
}

interface ElementLoop {
  columns: string;
  lines: string[];
  /** Values that are plain numbers inside this loop. */
  made: Set<Value>;
}

class RowEmitter {
  readonly #position: Position;
  readonly #pointers: string[] = [];
  readonly #lines: string[] = [];
  readonly #rowName = new Map<Value, string>();
  readonly #sums: RowText["sums"] = [];
  readonly #tables: RowText["tables"] = [];
  /** Scalars of the row that are known already, by what they are. */
  readonly #scalarNames = new Map<string, string>();
  #loop: ElementLoop | undefined;
  #partial: Dim[] = [];

  constructor(
    readonly kernel: Kernel,
    readonly names: Names,
    readonly accumulates: (v: Value) => boolean,
    readonly rows: readonly Dim[],
  ) {
    this.#position = { dims: rows, at: "row" };
  }

  emit(): RowText {
    for (const op of this.kernel.ops) this.#op(op);
    this.#close();
    return {
      rows: productName(this.rows),
      space: this.rows.map((d) => d.name).join(" "),
      pointers: this.#pointers,
      lines: this.#lines,
      sums: this.#sums,
      partials: this.#partial.length === 0 ? "" : this.#partial.map(dimName).join(" + "),
      partialReals: this.#partial.reduce((n, d) => n + d.size, 0),
      tables: this.#tables,
    };
  }

  #op(op: Op): void {
    const { form } = spec(op.kind);
    if (form.is === "view") return this.#view(op);
    if (form.is === "gather") return this.#gather(op);
    if (form.is === "pointwise") return this.#element(op, (args) => form.c(args, op.attrs));
    if (form.is !== "rowwise") throw new Error(`${op.kind} is not a row op`);
    const scalars = this.#scalars(op, form.scalars?.(op.attrs) ?? []);
    const columns = dimName(last(op.inputs[0]!.type));
    if (form.sumRows) return this.#sumRows(op, scalars, columns);
    if (form.value) return this.#element(op, (args) => form.value!(args, scalars, `real(${columns})`, op.attrs));
    this.#close();
    const tables = form.tables?.(op.attrs, op.inputs.map((v) => v.type), op.outputs.map((v) => v.type)) ?? [];
    const lines = form.lines!(
      {
        args: op.inputs.map((v) => this.#row(v)),
        outs: op.outputs.map((v) => this.#target(v)),
        argTypes: op.inputs.map((v) => v.type),
        outTypes: op.outputs.map((v) => v.type),
        position: (dim) => coordinate(this.#position, dim) ?? "0",
        table: (name) => this.#table(op, tables, name),
      },
      op.attrs,
    );
    this.#lines.push(...lines);
    for (const v of op.outputs) this.#finish(v);
  }

  /** Reads through: the output's row is the input's, wherever the row's position leads. If it leaves the kernel it is copied. */
  #view(op: Op): void {
    const [from] = op.inputs;
    const [to] = op.outputs;
    if (this.kernel.outputs.includes(to!)) return this.#element(op, ([a]) => a!);
    this.#rowName.set(to!, this.#row(from!));
  }

  /** A row of the input chosen by an index: the token that a row of an expert comes from. */
  #gather(op: Op): void {
    this.#close();
    const [x, source, , gates] = op.inputs;
    const out = op.outputs[0]!;
    const width = last(out.type);
    const choice = this.names.fresh("choice");
    this.#lines.push(`const int64_t ${choice} = ${this.names.of(source!)}[row];`);
    const target = this.#target(out);
    const from = `${this.names.of(x!)}[${times(`${choice} / ${op.attrs.topK as number}`, dimName(width))} + i]`;
    this.#lines.push("#pragma omp simd", `for (int64_t i = 0; i < ${dimName(width)}; ++i) ${target}[i] = ${gates ? `${this.names.of(gates)}[${choice}] * ` : ""}${from};`);
    this.#finish(out);
  }

  #element(op: Op, expression: (args: string[]) => string): void {
    const out = op.outputs[0]!;
    const columns = out.type.dims.length === 0 ? "1" : dimName(last(out.type));
    // Operands first: asking for one may close the loop that is open.
    const args = op.inputs.map((v) => ({ v, text: this.#loop?.made.has(v) ? this.names.of(v) : undefined }));
    if (this.#loop?.columns !== columns) this.#close();
    const texts = args.map(({ v }) => this.#at(v, last(out.type)));
    this.#loop ??= { columns, lines: [], made: new Set() };
    const stays = this.#usedBeyondLoop(out, op);
    const name = this.names.of(out);
    if (this.kernel.outputs.includes(out)) {
      const local = this.names.fresh(`${name}_i`);
      this.#rowName.set(out, local);
      const target = this.#outputRow(out);
      this.#loop.lines.push(`const real ${local} = ${expression(texts)};`, `${target}[i] ${this.accumulates(out) ? "+=" : "="} ${local};`);
    } else if (stays) {
      const local = this.names.fresh(`${name}_i`);
      this.#rowName.set(out, local);
      this.#lines.push(`real ${name}[${columns}];`);
      this.#loop.lines.push(`const real ${local} = ${expression(texts)};`, `${name}[i] = ${local};`);
    } else this.#loop.lines.push(`const real ${this.#local(out)} = ${expression(texts)};`);
    this.#loop.made.add(out);
  }

  #local(v: Value): string {
    const name = this.names.of(v);
    this.#rowName.set(v, name);
    return name;
  }

  /** The element of a value in column i, as an expression. */
  #at(v: Value, column: Dim): string {
    if (this.#loop?.made.has(v)) return this.#rowName.get(v)!;
    const dims = stored(v.type.dims);
    const hasColumn = dims.length > 0 && last(v.type).name === column.name && !this.rows.some((d) => d.name === column.name && dims.length <= this.rows.length && sameLead(dims, this.rows));
    return hasColumn ? `${this.#row(v)}[i]` : `${this.#row(v)}[0]`;
  }

  /** The row of a value, by name: a pointer into an operand, or the local array an op before has filled. */
  #row(v: Value): string {
    const known = this.#rowName.get(v);
    if (known) return known;
    const name = this.names.of(v);
    const offset = this.#offset(v.type);
    if (offset === "0") {
      this.#rowName.set(v, name);
      return name;
    }
    const pointer = this.names.fresh(`${name}_row`);
    this.#pointers.push(`const ${v.type.dtype === "i32" ? "int32_t" : "real"}* ${pointer} = ${name} + ${offset};`);
    this.#rowName.set(v, pointer);
    return pointer;
  }

  #offset(type: Type): string {
    const dims = stored(type.dims);
    const lead = this.rows.every((d, i) => d.name === dims[i]?.name) ? dims.slice(0, this.rows.length) : dims.filter((d) => this.rows.some((r) => r.name === d.name));
    const width = dims.slice(lead.length);
    if (lead.length === 0) return "0";
    const row = indexOf({ dims: lead, dtype: "f32" }, [this.#position]);
    return times(row, width.length === 0 ? "1" : productName(width));
  }

  #outputRow(v: Value): string {
    const name = this.names.of(v);
    const offset = this.#offset(v.type);
    if (offset === "0") return name;
    const pointer = this.names.fresh(`${name}_row`);
    this.#pointers.push(`real* ${pointer} = ${name} + ${offset};`);
    return pointer;
  }

  /** Where an op with lines of its own puts its row. */
  #target(v: Value): string {
    if (this.kernel.outputs.includes(v) && !this.accumulates(v)) {
      const row = this.#outputRow(v);
      this.#rowName.set(v, row);
      return row;
    }
    const local = this.names.fresh(`${this.names.of(v)}_row`);
    this.#lines.push(`real ${local}[${dimName(last(v.type))}];`);
    this.#rowName.set(v, local);
    return local;
  }

  #finish(v: Value): void {
    if (!this.kernel.outputs.includes(v) || !this.accumulates(v)) return;
    const row = this.#outputRow(v);
    this.#lines.push("#pragma omp simd", `for (int64_t i = 0; i < ${dimName(last(v.type))}; ++i) ${row}[i] += ${this.#rowName.get(v)}[i];`);
  }

  #scalars(op: Op, scalars: readonly RowScalar[]): Record<string, string> {
    const known: Record<string, string> = {};
    if (scalars.length === 0) return known;
    this.#close();
    const column = last(op.inputs[0]!.type);
    const args = op.inputs.map((v) => this.#at(v, column));
    for (const scalar of scalars) {
      const finished = scalar.finish?.("", `real(${dimName(column)})`, known) ?? "";
      const key = `${scalar.reduce} ${scalar.each(args, known)} | ${finished} | ${dimName(column)}`;
      const found = this.#scalarNames.get(key);
      if (found) {
        known[scalar.name] = found;
        continue;
      }
      const name = this.names.fresh(scalar.name);
      const sum = this.names.fresh(scalar.finish ? `${scalar.name}_sum` : scalar.name);
      const each = scalar.each(args, known);
      const step = scalar.reduce === "+" ? `${sum} += ${each};` : `${sum} = std::max(${sum}, ${each});`;
      const start = scalar.reduce === "+" ? "0" : "-std::numeric_limits<real>::infinity()";
      this.#lines.push(`real ${sum} = ${start};`, `#pragma omp simd reduction(${scalar.reduce} : ${sum})`, `for (int64_t i = 0; i < ${dimName(column)}; ++i) ${step}`);
      if (scalar.finish) this.#lines.push(`const real ${name} = ${scalar.finish(sum, `real(${dimName(column)})`, known)};`);
      known[scalar.name] = scalar.finish ? name : sum;
      this.#scalarNames.set(key, known[scalar.name]!);
    }
    return known;
  }

  #sumRows(op: Op, scalars: Record<string, string>, columns: string): void {
    const { form } = spec(op.kind);
    if (form.is !== "rowwise") return;
    const out = op.outputs[0]!;
    const partial = this.names.fresh(`${this.names.of(out)}_partial`);
    const offset = this.#partial.length === 0 ? "0" : this.#partial.map(dimName).join(" + ");
    this.#partial.push(last(op.inputs[0]!.type));
    this.#sums.push({ target: this.names.of(out), partial, columns, offset });
    if (this.#loop?.columns !== columns) this.#close();
    const args = op.inputs.map((v) => this.#at(v, last(op.inputs[0]!.type)));
    this.#loop ??= { columns, lines: [], made: new Set() };
    this.#loop.lines.push(`${partial}[i] += ${form.value!(args, scalars, `real(${columns})`, op.attrs)};`);
  }

  /** Ends the open element loop and writes it out. */
  #close(): void {
    const loop = this.#loop;
    if (!loop) return;
    this.#loop = undefined;
    if (loop.lines.length === 1) this.#lines.push("#pragma omp simd", `for (int64_t i = 0; i < ${loop.columns}; ++i) ${loop.lines[0]}`);
    else this.#lines.push("#pragma omp simd", `for (int64_t i = 0; i < ${loop.columns}; ++i) {`, ...loop.lines.map((l) => `  ${l}`), "}");
    // From here on the values are read from where they were stored.
    for (const v of loop.made) {
      if (this.kernel.outputs.includes(v)) this.#rowName.set(v, this.#storedRow(v));
      else this.#rowName.set(v, this.names.of(v));
    }
  }

  #storedRow(v: Value): string {
    const name = this.names.of(v);
    return this.#offset(v.type) === "0" ? name : `${name}_row`;
  }

  /** Whether a later op reads the value after the element loop that makes it has ended. */
  #usedBeyondLoop(v: Value, op: Op): boolean {
    const columns = v.type.dims.length === 0 ? "1" : dimName(last(v.type));
    const later = this.kernel.ops.slice(this.kernel.ops.indexOf(op) + 1);
    let open = true;
    for (const next of later) {
      const { form } = spec(next.kind);
      if (form.is === "view") {
        if (next.inputs.includes(v)) return true;
        continue;
      }
      const hasScalars = form.is === "rowwise" && form.scalars !== undefined;
      const lines = form.is === "rowwise" && form.lines !== undefined;
      const width = form.is === "rowwise" && form.sumRows ? dimName(last(next.inputs[0]!.type)) : next.outputs[0]!.type.dims.length === 0 ? "1" : dimName(last(next.outputs[0]!.type));
      if (hasScalars || lines || form.is === "gather" || width !== columns) open = false;
      if (!open && next.inputs.includes(v)) return true;
    }
    return false;
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

const sameLead = (dims: readonly Dim[], rows: readonly Dim[]): boolean => dims.every((d, i) => d.name === rows[i]?.name);
