/**
 * The body of a row kernel on the GPU: a warp works on one row at a time. Its lanes take runs of eight columns, so that memory is
 * read and written 16 bytes at a time; single columns where an op moves columns about (rope, concat) by another number than a multiple of
 * eight. Rows whose columns move are kept in shared memory.
 *
 * The same language is a product's epilogue where a row of its result is within a tile: eight lanes have a row then.
 */
import { type Dim, last, type Op, type Value } from "../../ir.js";
import type { Kernel } from "../../kernel.js";
import { spec } from "../../ops/index.js";
import type { Form, RowScalar, Table } from "../../ops/op.js";
import { indexOf, type Position, plus, productName, stored, times } from "../access.js";
import { dimName, type Names } from "../names.js";
import { RowAddresses } from "../rowAddresses.js";
import { columnOf, linesOfColumns, linesOfRuns, movesColumns, single, takesRuns } from "./rowLines.js";
import { RowLoop } from "./rowLoop.js";
import { cType } from "./types.js";

export interface CudaRowText {
  /** `B * T`, and the same as words for the comment: `B T`. */
  rows: string;
  space: string;
  pointers: string[];
  /** Rows that are read before anything is computed, so that all of their memory is under way at once. */
  early: string[];
  lines: string[];
  /** Float rows in shared memory, one a warp. */
  shared: { name: string; columns: string; offset: string }[];
  /** Sums over all rows: each block's partial sums lie at `offset` of its workspace. */
  sums: { value: Value; target: string; partial: string; columns: string; offset: string; type: string }[];
  /** Floats of workspace of one block: `D + R`. */
  partials: string;
  partialFloats: number;
  tables: Table[];
  /** Columns that a lane takes at a time. */
  step: "RUN" | "1";
  /** Lanes that work on one row. */
  lanes: number;
}

type RowForm = Extract<Form, { is: "rowwise" }>;

/** Of a block. */
const MOST_WARPS = 8;
/** Wider rows would take too many registers. */
const MOST_HELD_COLUMNS = 4096;

const extent = (column: Dim): string => (column === single ? "1" : dimName(column));

/**
 * Whether an op that needs whole rows reads a value. It gets what memory would keep of it: the backward pass, which reads it from there,
 * then computes again the same bits.
 */
export const readByRows = (ops: readonly Op[], v: Value): boolean =>
  ops.some((op) => op.inputs.includes(v) && ["rowwise", "view"].includes(spec(op.kind).form.is));

/** Lanes that have a row of a product's result: see the epilogue of whole rows in lib/contract.cuh. */
const LANES_OF_EPILOGUE = 8;

/** What becomes of whole rows of a product. `sums`: the values that are the finished sums; `positions`: which row it is. */
export function cudaRowEpilogue(
  kernel: Kernel,
  names: Names,
  accumulates: (v: Value) => boolean,
  sums: readonly Value[],
  positions: readonly Position[],
): CudaRowText {
  return new CudaRowEmitter(kernel, names, accumulates, stored(sums[0]!.type.dims).slice(0, -1), { sums, positions }).emit();
}

/** `together`: the tables of all row loops of one launch, in which each row has a warp. */
export function cudaRowKernel(kernel: Kernel, names: Names, accumulates: (v: Value) => boolean, together?: Table[]): CudaRowText {
  const main = kernel.ops.find((op) => spec(op.kind).form.is !== "view") ?? kernel.ops[0]!;
  const { form } = spec(main.kind);
  const type = form.is === "rowwise" && (form.sumRows || form.sumColumns) ? main.inputs[0]!.type : main.outputs[0]!.type;
  return new CudaRowEmitter(kernel, names, accumulates, stored(type.dims).slice(0, -1), undefined, together).emit();
}

class CudaRowEmitter {
  readonly #address: RowAddresses;
  readonly #lines: string[] = [];
  /** Rows that are known by another name than their operand's pointer: rows in shared memory or registers, views, gathered rows. */
  readonly #rowName = new Map<Value, string>();
  /** Rows that each lane keeps its own columns of, in registers. */
  readonly #registers = new Set<Value>();
  readonly #shared: CudaRowText["shared"] = [];
  /** Rows of shared memory, each with what lies there now. */
  readonly #rooms: { name: string; columns: Dim; holds: Value }[] = [];
  readonly #ops: readonly Op[];
  readonly #early: string[] = [];
  readonly #held = new Set<string>();
  readonly #sums: CudaRowText["sums"] = [];
  readonly #tables: Table[];
  readonly #scalarNames = new Map<string, string>();
  /** Results that are one number a row. */
  readonly #numbers = new Map<Value, string>();
  readonly #partial: Dim[] = [];
  readonly #places = new Map<Value, string>();
  readonly #step: CudaRowText["step"];
  #loop: RowLoop | undefined;
  #left: readonly Op[] = [];

  constructor(
    readonly kernel: Kernel,
    readonly names: Names,
    readonly accumulates: (v: Value) => boolean,
    readonly rows: readonly Dim[],
    readonly product?: { sums: readonly Value[]; positions: readonly Position[] },
    readonly together?: Table[],
  ) {
    this.#tables = together ?? [];
    this.#address = new RowAddresses(names, rows, cType, product?.positions);
    this.#ops = kernel.ops.filter((op) => spec(op.kind).form.is !== "contraction" && !product?.sums.includes(op.outputs[0]!));
    // A warp that has one row moves its columns faster one by one: runs would leave most lanes idle.
    this.#step = this.#ops.every(product ? takesRuns : (op) => !movesColumns(op)) ? "RUN" : "1";
    for (const v of product?.sums ?? []) this.#rowName.set(v, "sums");
  }

  emit(): CudaRowText {
    const [sums] = this.product?.sums.slice(-1) ?? [];
    this.#left = this.#ops;
    if (sums) {
      this.#rooms.push({ name: "sums", columns: columnOf(sums), holds: sums });
      if (this.kernel.outputs.includes(sums)) this.#copyOut(sums);
    }
    for (const [i, op] of this.#ops.entries()) {
      this.#left = this.#ops.slice(i);
      this.#op(op);
    }
    this.#left = [];
    this.#close();
    if (this.#shared.length > 0) this.#barrier(); // rows in shared memory are read to the end before the next ones are written
    return {
      rows: productName(this.rows),
      space: this.rows.map((d) => d.name).join(" "),
      pointers: this.#address.pointers,
      early: this.#early,
      lines: this.#lines,
      shared: this.#shared,
      sums: this.#sums,
      partials: this.#partial.map(dimName).join(" + "),
      partialFloats: this.#partial.reduce((n, d) => n + d.size, 0),
      tables: this.#tables,
      step: this.#step,
      lanes: this.#lanes(),
    };
  }

  /** A warp for a row; for a wide one as many warps as take it in one go, if no lane has to read what another one made. */
  #lanes(): number {
    if (this.product) return LANES_OF_EPILOGUE;
    const widest = Math.max(...this.#ops.map((op) => columnOf(isRowSum(op) || keepsRows(op) ? op.inputs[0]! : op.outputs[0]!).size));
    return this.together || this.#ops.some(movesColumns) ? 32 : 32 * Math.min(MOST_WARPS, Math.ceil(widest / 256));
  }

  #op(op: Op): void {
    const { form } = spec(op.kind);
    if (form.is === "view") this.#view(op);
    else if (form.is === "gather") this.#gather(op);
    else if (form.is === "pointwise") this.#element(op, (args) => form.c(args, op.attrs));
    else if (form.is === "rowwise") this.#rowwise(op, form);
    else if (keepsRows(op)) this.#keepRow(op);
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
    const out = op.outputs[0]!;
    this.#numbers.set(out, name!);
    if (this.kernel.outputs.includes(out))
      this.#lines.push(`if (lane == 0) ${this.names.of(out)}[row] = from_float<${cType(out)}>(${name});`);
  }

  /** Stores a row, or the one number that a row has come to, in a cache. */
  #keepRow(op: Op): void {
    const [value] = op.inputs as [Value];
    const [cache] = op.outputs as [Value];
    const number = this.#numbers.get(value);
    const of = stored(value.type.dims).slice(1); // of a token
    const inner = number ? of : of.slice(0, -1);
    const width = number ? "1" : dimName(last(value.type));
    const place = this.#placeInCache(op);
    const at = plus(
      times(place, productName(of)),
      inner.length > 0 ? times(indexOf({ dims: inner, dtype: "f32" }, this.#address.positions), width) : "0",
    );
    const name = this.names.of(cache);
    if (number) {
      this.#lines.push(`if (lane == 0 && ${place} >= 0) ${name}[${at}] = from_float<${cType(cache)}>(${number});`);
      return;
    }
    const column = columnOf(value);
    const loop = this.#loopOver(column);
    loop.keepIn(name, at, name, this.#at(value, column), cType(cache), `${place} >= 0`);
  }

  /** A variable with the number of a token's row in its cache; below 0 for a row without a request. */
  #placeInCache(op: Op): string {
    const [slot, position] = op.inputs.slice(-2) as [Value, Value];
    const known = this.#places.get(slot);
    if (known) return known;
    const place = this.names.fresh("cached");
    const [row, at] = [slot, position].map((v) => `${this.#address.of(v, false)}[0]`);
    this.#address.pointers.push(`const int64_t ${place} = ${row} * ${dimName(op.outputs[0]!.type.dims[1]!)} + ${at};  // below 0: nowhere`);
    this.#places.set(slot, place);
    return place;
  }

  /** An op that writes its row in lines of its own, each lane other columns than it read. */
  #lineOp(op: Op, form: RowForm): void {
    this.#close();
    const argTypes = op.inputs.map((v) => v.type);
    const outTypes = op.outputs.map((v) => v.type);
    const tables = form.tables?.(op.attrs, argTypes, outTypes) ?? [];
    const args = op.inputs.map((v) => this.#row(v));
    const outs = op.outputs.map((v) => this.#target(v));
    const position = (dim: string): string => this.#address.along(dim) ?? "0";
    const table = (name: string): string => this.#table(op, tables, name);
    const { loop, at, entry } =
      this.#step === "RUN" ? linesOfRuns(outs, this.#early, (wanted) => this.names.fresh(wanted)) : linesOfColumns;
    this.#barrier();
    this.#lines.push(...form.lines!({ args, outs, argTypes, outTypes, position, table, loop, at, entry }, op.attrs));
    this.#barrier();
    for (const v of op.outputs) this.#addToOutput(v);
  }

  /** Stores a row of shared memory that is an output as well. */
  #copyOut(v: Value): void {
    const column = columnOf(v);
    const loop = this.#loopOver(column);
    loop.store(this.#address.of(v, true), this.names.of(v), this.#at(v, column), cType(v), this.accumulates(v));
  }

  /** What lanes wrote, others may read. One barrier is as good as two. */
  #barrier(): void {
    const barrier = "__syncwarp();";
    if (this.#lines.at(-1) !== barrier) this.#lines.push(barrier);
  }

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
    const choice = this.names.fresh("choice");
    const from = this.names.fresh(`${this.names.of(x!)}_row`);
    const width = dimName(last(op.outputs[0]!.type));
    this.#lines.push(
      `const int32_t ${choice} = ${this.names.of(source!)}[row];`,
      `const ${cType(x!)}* ${from} = ${this.names.of(x!)} + int64_t(${choice} / ${op.attrs.topK as number}) * ${width};`,
    );
    this.#rowName.set(x!, from);
    this.#element(op, ([a]) => (gates ? `${this.names.of(gates)}[${choice}] * ${a}` : a!), [x!]);
  }

  /** One statement of an inner loop; a loop over the same columns that is still open takes it. */
  #element(op: Op, expression: (args: string[]) => string, inputs: readonly Value[] = op.inputs): void {
    const out = op.outputs[0]!;
    const column = columnOf(out);
    const loop = this.#loopOver(column);
    const name = this.names.fresh(`${this.names.of(out)}_i`);
    const value = expression(inputs.map((v) => this.#at(v, column)));
    const rounds = this.product && spec(op.kind).form.is === "pointwise" && out.type.dtype === "bf16" && readByRows(this.#ops, out);
    loop.statement(`const real ${name} = ${rounds ? `to_float(from_float<bf16>(${value}))` : value};`);
    loop.made.set(out, name);
    if (this.kernel.outputs.includes(out))
      loop.store(this.#address.of(out, true), this.names.of(out), name, cType(out), this.accumulates(out));
  }

  #sumRows(op: Op, expression: (args: string[]) => string): void {
    const value = op.outputs[0]!;
    const column = columnOf(op.inputs[0]!);
    const partial = this.names.fresh(`${this.names.of(value)}_partial`);
    const offset = this.#partial.map(dimName).join(" + ") || "0";
    this.#partial.push(column);
    this.#sums.push({ value, target: this.names.of(value), partial, columns: extent(column), offset, type: cType(value) });
    const loop = this.#loopOver(column);
    loop.addTo(partial, expression(op.inputs.map((v) => this.#at(v, column))));
  }

  #scalars(op: Op, scalars: readonly RowScalar[]): Record<string, string> {
    const known: Record<string, string> = {};
    if (scalars.length === 0) return known;
    this.#close();
    const column = columnOf(op.inputs[0]!);
    for (const scalar of scalars) {
      const columns = `real(${extent(column)})`;
      const same = scalar.each(
        op.inputs.map((v) => `#${v.id}`),
        known,
      );
      const key = [scalar.reduce, same, scalar.finish?.("", columns, known), columns].join(" | ");
      const before = this.#scalarNames.get(key);
      known[scalar.name] = before ?? this.#reduce(scalar, op, column, known);
      this.#scalarNames.set(key, known[scalar.name]!);
    }
    return known;
  }

  /** A loop that makes one number of the row: each lane's part, then the lanes' together. */
  #reduce(scalar: RowScalar, op: Op, column: Dim, known: Readonly<Record<string, string>>): string {
    const loop = this.#loopOver(column);
    const each = scalar.each(
      op.inputs.map((v) => this.#at(v, column)),
      known,
    );
    const part = this.names.fresh(`${scalar.name}_of_lane`);
    loop.statement(scalar.reduce === "+" ? `${part} += ${each};` : `${part} = larger(${each}, ${part});`);
    this.#lines.push(`real ${part} = ${scalar.reduce === "+" ? "0" : "-INFINITY"};`);
    this.#close();
    const name = this.names.fresh(scalar.name);
    const whole = `${scalar.reduce === "+" ? "sum" : "max"}_over_row<LANES>(${part})`;
    this.#lines.push(`const real ${name} = ${scalar.finish?.(whole, `real(${extent(column)})`, known) ?? whole};`);
    return name;
  }

  /** The element of a value in the loop's column, as an expression. */
  #at(v: Value, column: Dim): string {
    const local = this.#loop?.made.get(v);
    if (local) return local;
    if (!this.#address.hasColumn(v, column)) return `to_float(${this.#rowName.get(v) ?? this.#address.of(v, false)}[0])`;
    const row = this.#row(v);
    return this.#loop!.read(row, this.names.of(v), this.#held.has(row) ? "held" : this.#registers.has(v) ? "registers" : "memory");
  }

  #row(v: Value): string {
    return this.#rowName.get(v) ?? this.#readEarly(v) ?? this.#address.of(v, false);
  }

  /** A row of the input that is held in registers, as it lies in memory. Where lanes read each other's columns, caches do as well. */
  #readEarly(v: Value): string | undefined {
    const column = columnOf(v);
    if (this.#step === "1" || this.#isMoved(v) || !this.kernel.inputs.includes(v) || v.type.dtype !== "bf16") return undefined;
    if (column.size % 8 !== 0 || column.size > MOST_HELD_COLUMNS || !this.#address.hasColumn(v, column)) return undefined;
    const held = this.names.fresh(`${this.names.of(v)}_held`);
    this.#early.push(`const Held<${extent(column)}, LANES> ${held}(${this.#address.of(v, false)}, lane);`);
    this.#rowName.set(v, held);
    this.#held.add(held);
    return held;
  }

  /** Where an op with lines of its own puts its row. */
  #target(v: Value): string {
    if (this.kernel.outputs.includes(v) && !this.accumulates(v) && !this.#isRead(v)) return this.#address.of(v, true);
    return this.#keepShared(v);
  }

  /** A row of shared memory whose numbers nothing needs any more, or one more. Whoever fills it reads at most its own columns of the old ones. */
  #keepShared(v: Value): string {
    const columns = columnOf(v);
    const free = this.#rooms.find((room) => room.columns.size === columns.size && !this.#isRead(room.holds));
    if (free) free.holds = v;
    const row = free?.name ?? this.names.fresh(`${this.names.of(v)}_row`);
    if (!free) {
      this.#shared.push({ name: row, columns: extent(columns), offset: this.#shared.map((s) => s.columns).join(" + ") || "0" });
      this.#rooms.push({ name: row, columns, holds: v });
    }
    this.#rowName.set(v, row);
    return row;
  }

  /** Whether the op at hand or a later one reads a value. */
  #isRead(v: Value): boolean {
    return (
      this.#left.some((op) => op.inputs.includes(v)) ||
      this.#ops.some((op) => isView(op) && op.inputs[0] === v && this.#isRead(op.outputs[0]!))
    );
  }

  /** Whether an op reads a value's columns in other places. */
  #isMoved(v: Value): boolean {
    return this.#ops.some((op) => op.inputs.includes(v) && (movesColumns(op) || (isView(op) && this.#isMoved(op.outputs[0]!))));
  }

  #addToOutput(v: Value): void {
    if (this.kernel.outputs.includes(v) && this.#rooms.some((room) => room.holds === v)) this.#copyOut(v);
  }

  #loopOver(columns: Dim): RowLoop {
    if (this.#loop && this.#loop.columns.name !== columns.name) this.#close();
    this.#loop ??= new RowLoop(columns, extent(columns), this.#step === "RUN", (wanted) => this.names.fresh(wanted));
    return this.#loop;
  }

  /** Ends the open loop and writes it out. What later ops read of it is kept, unless it is an output anyway. */
  #close(): void {
    const loop = this.#loop;
    if (!loop) return;
    this.#loop = undefined;
    for (const [v, name] of loop.made) {
      if (!this.#isRead(v)) continue;
      if (this.#step === "1" || this.#isMoved(v)) loop.store(this.#keepShared(v), this.names.of(v), name, "float", false);
      else {
        const array = this.names.fresh(`${this.names.of(v)}_kept`);
        this.#lines.push(`Run ${array}[chunks(${loop.extent})];`);
        this.#rowName.set(v, array);
        this.#registers.add(v);
        loop.keep(array, name);
      }
    }
    this.#lines.push(...loop.text());
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

const isView = (op: Op): boolean => spec(op.kind).form.is === "view";

/** Ops that store rows in a cache as they are made. */
function keepsRows(op: Op): boolean {
  const { form } = spec(op.kind);
  return form.is === "own" && form.keepsRows?.(op) === true;
}

/** Ops whose result is one number a row. */
function isRowSum(op: Op): boolean {
  const { form } = spec(op.kind);
  return form.is === "rowwise" && form.sumColumns !== undefined;
}
