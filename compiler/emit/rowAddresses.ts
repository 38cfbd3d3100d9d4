/** Where the current row of each operand and result of a row kernel begins. */
import { type Dim, last, type Type, type Value } from "../ir.js";
import { coordinate, indexOf, type Position, productName, stored, times } from "./access.js";
import type { Names } from "./names.js";

export class RowAddresses {
  /** One declaration for each row that is not the whole tensor: `const real* x_row = x + row * D;` */
  readonly pointers: string[] = [];
  readonly #rows = new Map<Value, string>();

  constructor(
    readonly names: Names,
    /** The rows that all ops of the kernel share. */
    readonly rows: readonly Dim[],
    /** What an element is called in C++. */
    readonly typeOf: (v: Value) => string = (v) => (v.type.dtype === "i32" ? "int32_t" : "real"),
    /** What says which row it is. */
    readonly positions: readonly Position[] = [{ dims: rows, at: "row" }],
  ) {}

  /** The row's coordinate along one dimension. */
  along(dim: string): string | undefined {
    return this.positions.map((p) => coordinate(p, dim)).find((c) => c !== undefined);
  }

  /** The name of a value's row: a pointer, declared at its first use, or the tensor itself if every row reads the same. */
  of(v: Value, writes: boolean): string {
    let row = this.#rows.get(v);
    if (!row) {
      const name = this.names.of(v);
      const offset = this.#offset(v.type);
      row = offset === "0" ? name : this.names.fresh(`${name}_row`);
      if (offset !== "0") this.pointers.push(`${writes ? "" : "const "}${this.typeOf(v)}* ${row} = ${name} + ${offset};`);
      this.#rows.set(v, row);
    }
    return row;
  }

  /** Whether a value has the column's dimension, or one number for the whole row. */
  hasColumn(v: Value, column: Dim): boolean {
    const dims = stored(v.type.dims);
    if (dims.length === 0 || last(v.type).name !== column.name) return false;
    // [B T] in rows of [B T D] ends in T, which is no column even if the column were called T as well.
    const isRow = dims.length <= this.rows.length && dims.every((d, i) => d.name === this.rows[i]?.name);
    return !isRow;
  }

  #offset(type: Type): string {
    const dims = stored(type.dims);
    const leads = this.rows.every((d, i) => d.name === dims[i]?.name);
    const lead = leads ? dims.slice(0, this.rows.length) : dims.filter((d) => this.rows.some((r) => r.name === d.name));
    const width = dims.slice(lead.length);
    if (lead.length === 0) return "0";
    return times(indexOf({ dims: lead, dtype: "f32" }, this.positions), width.length === 0 ? "1" : productName(width));
  }
}
