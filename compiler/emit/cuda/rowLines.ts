/** Ops that write their row in lines of their own, on the GPU: their loops shared out over the lanes that have the row. */
import { type Dim, last, type Op, type Value } from "../../ir.js";
import { spec } from "../../ops/index.js";
import type { RowLines } from "../../ops/op.js";
import { elementAt, entryOf } from "../access.js";

/** The one column of a scalar. */
export const single: Dim = { name: "1", size: 1 };
export const columnOf = (v: Value): Dim => (v.type.dims.length === 0 ? single : last(v.type));

/** Lines that take single columns. */
export const linesOfColumns = {
  at: elementAt,
  entry: entryOf,
  loop: (from: number, to: number, ...statements: readonly string[]): string[] => [
    `for (int i = ${from === 0 ? "lane" : `${from} + lane`}; i < ${to}; i += LANES) {`,
    ...statements.map((s) => `  ${s}`),
    "}",
  ],
};

/**
 * Lines of eight lanes that take runs of eight columns: what a loop's statements speak of is loaded before them and stored after them.
 * `early`: lines before all others; entries of tables are loaded there.
 */
export function linesOfRuns(
  outs: readonly string[],
  early: string[],
  fresh: (wanted: string) => string,
): Pick<RowLines, "at" | "entry" | "loop"> {
  let runs = new Map<string, { run: string; stored: boolean; entry: boolean }>();
  const element = (row: string, place: string, entry = false): string => {
    const known = runs.get(place) ?? { run: fresh(`${row}_run`), stored: outs.includes(row), entry };
    runs.set(place, known);
    return `${known.run}[j]`;
  };
  return {
    at: (row, shift = 0) => element(row, `${row} + ${shift === 0 ? "" : `${shift} + `}i`),
    entry: (table, position, width) => element(table, `${table} + (${position}) * ${width} + i`, true),
    loop(from, to, ...statements) {
      const once = to - from <= 64; // a round for each lane at most
      const all = [...runs].filter(([, { entry }]) => !(once && entry));
      const begin = `${from === 0 ? "" : `${from} + `}lane * RUN`;
      for (const [place, { run, entry }] of runs)
        if (once && entry) early.push(`const Run ${run} = ${begin} < ${to} ? load<true>(${place.replace(/\bi$/, begin)}) : Run{};`);
      runs = new Map();
      return [
        ...(once ? [] : ["#pragma unroll"]),
        once ? `if (const int i = ${begin}; i < ${to}) {` : `for (int i = ${begin}; i < ${to}; i += LANES * RUN) {`,
        ...all.map(([place, { run, stored }]) => (stored ? `  Run ${run};` : `  const Run ${run} = load<true>(${place});`)),
        "#pragma unroll",
        "  for (int j = 0; j < RUN; ++j) {",
        ...statements.map((s) => `    ${s}`),
        "  }",
        ...all.filter(([, { stored }]) => stored).map(([place, { run }]) => `  store<true>(${place}, ${run});`),
        "}",
      ];
    },
  };
}

/** Whether an op can take eight columns at a time: those that move columns if all that they touch begins at multiples of eight. */
export function takesRuns(op: Op): boolean {
  const { form } = spec(op.kind);
  if (form.is !== "rowwise" || !form.lines) return true;
  const values = [...op.inputs, ...op.outputs];
  let fits = values.every((v) => columnOf(v).size % 8 === 0);
  const whole = (...places: readonly number[]): void => {
    fits &&= places.every((place) => place % 8 === 0);
  };
  form.lines(
    {
      args: op.inputs.map(() => "x"),
      outs: op.outputs.map(() => "y"),
      argTypes: op.inputs.map((v) => v.type),
      outTypes: op.outputs.map((v) => v.type),
      position: () => "0",
      table: (name) => name,
      at(_, shift = 0) {
        whole(shift);
        return "x";
      },
      entry(_, __, width) {
        whole(width);
        return "x";
      },
      loop(from, to, ...statements) {
        whole(from, to);
        fits &&= !statements.some((s) => /\bi\b/.test(s));
        return [];
      },
    },
    op.attrs,
  );
  return fits;
}

/** Ops whose result in one column depends on other columns of their operands. */
export function movesColumns(op: Op): boolean {
  const { form } = spec(op.kind);
  return form.is === "rowwise" && form.lines !== undefined;
}
