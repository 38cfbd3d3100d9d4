/** An inner loop of a row kernel that is still being filled: over runs of eight columns, or single columns, shared out over a warp's lanes. */
import type { Dim, Value } from "../../ir.js";

export class RowLoop {
  /** Values that are plain numbers inside this loop, by their names there. */
  readonly made = new Map<Value, string>();
  readonly #loads: string[] = [];
  readonly #loaded = new Map<string, string>();
  readonly #statements: string[] = [];
  readonly #stores: string[] = [];
  /** Whether rounds are told apart by number: registers must be, so the loop is unrolled. */
  #unrolled = false;

  constructor(
    readonly columns: Dim,
    readonly extent: string,
    /** Runs of eight columns, or single ones. */
    readonly runs: boolean,
    readonly fresh: (wanted: string) => string,
  ) {}

  get #aligned(): boolean {
    return this.columns.size % 8 === 0;
  }

  get #rest(): string {
    return this.#aligned ? "" : `, ${this.extent} - i`;
  }

  statement(line: string): void {
    this.#statements.push(line);
  }

  /** A value's element in this round's column. */
  read(row: string, name: string, where: "memory" | "registers" | "held"): string {
    if (where !== "memory") this.#unrolled = true;
    if (where === "registers") return `${row}[c][j]`;
    if (!this.runs) return `to_float(${row}[i])`;
    let run = this.#loaded.get(row);
    if (!run) {
      run = this.fresh(`${name}_run`);
      this.#loaded.set(row, run);
      this.#loads.push(`const Run ${run} = ${where === "held" ? `${row}.run(c)` : `load<${this.#aligned}>(${row} + i${this.#rest})`};`);
    }
    return `${run}[j]`;
  }

  /** Stores what is kept for later tokens behind `at` elements of a cache, if the token has a place there. */
  keepIn(cache: string, at: string, name: string, value: string, type: string, kept: string): void {
    if (!this.runs) {
      this.statement(`if (${kept}) ${cache}[${at} + i] = from_float<${type}>(${value});`);
      return;
    }
    const run = this.fresh(`${name}_run`);
    this.#loads.push(`Run ${run};`);
    this.statement(`${run}[j] = ${value};`);
    this.#stores.push(`if (${kept}) store<${this.#aligned}>(${cache} + ${at} + i, ${run}${this.#rest});`);
  }

  store(row: string, name: string, value: string, type: string, adds: boolean): void {
    if (!this.runs) {
      this.statement(`${row}[i] ${adds ? "+=" : "="} ${adds ? value : `from_float<${type}>(${value})`};`);
      return;
    }
    const run = this.fresh(`${name}_run`);
    this.#loads.push(adds ? `Run ${run} = load<${this.#aligned}>(${row} + i${this.#rest});` : `Run ${run};`);
    this.statement(`${run}[j] ${adds ? "+=" : "="} ${value};`);
    this.#stores.push(`store<${this.#aligned}>(${row} + i, ${run}${this.#rest});`);
  }

  /** Adds to a lane's own partial sums of a column. */
  addTo(partial: string, value: string): void {
    this.#unrolled = true;
    this.statement(`${partial}[c]${this.runs ? "[j]" : ""} += ${value};`);
  }

  /** Keeps each round's run in registers. */
  keep(array: string, value: string): void {
    this.#unrolled = true;
    this.statement(`${array}[c][j] = ${value};`);
  }

  text(): string[] {
    const short = this.columns.size <= 2048;
    const head = [
      this.#unrolled || short ? "#pragma unroll" : "#pragma unroll 2",
      `for (int c = 0; c < chunks(${this.extent}); ++c) {`,
      `  const int i = (c * LANES + lane) * STEP;`,
      `  if (i >= ${this.extent}) ${this.#unrolled ? "continue" : "break"};`,
    ];
    if (!this.runs) return [...head, ...this.#statements.map((s) => `  ${s}`), "}"];
    const guard = this.#aligned ? [] : [`  if (j < ${this.extent} - i) {`];
    return [
      ...head,
      ...this.#loads.map((l) => `  ${l}`),
      "#pragma unroll",
      "  for (int j = 0; j < RUN; ++j) {",
      ...guard.map((g) => `  ${g}`),
      ...this.#statements.map((s) => `${this.#aligned ? "    " : "      "}${s}`),
      ...(this.#aligned ? [] : ["    }"]),
      "  }",
      ...this.#stores.map((s) => `  ${s}`),
      "}",
    ];
  }
}
