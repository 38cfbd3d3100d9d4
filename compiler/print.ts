/** A graph as text, for people and for comparing: the same graph always gives the same text. */
import type { Attribute, CallStack, Graph, Op, Value } from "./ir.js";
import { showType } from "./ir.js";

/**
 * One line an op: `%4 [B T Q] = linear %2, @layers.qDown[·] {reads: 1, each: 0}   // name file:line:column < the call that led there`.
 * Values are numbered in the order in which they come up; `@name` is an argument of the program; `x[·]` is one layer's
 * slice of x in the loop around it; with `lasting` numbers a value keeps its own from pass to pass; `next` gives the loop's next round its carried values, `keep` leaves a value for every layer.
 */
export function print(graph: Graph, numbers: "inOrder" | "lasting" = "inOrder"): string {
  const printer = new Printer(numbers);
  const lines = [`program ${graph.name}`, ...graph.inputs.map((v) => printer.input(v)), ...printer.body(graph.body, "  ")];
  for (const { is, name, value } of graph.outputs)
    lines.push(`  out ${is === "gradient" ? "gradient " : ""}${name} = ${printer.use(value)}`);
  return `${lines.join("\n")}\n`;
}

class Printer {
  readonly #names = new Map<Value, string>();
  #next = 1;

  constructor(readonly numbers: "inOrder" | "lasting") {}

  /** What an operand is called. A value that nothing has defined shows as such; verify says more. */
  use(value: Value): string {
    if (value.def.is === "input") return `@${value.def.name}`;
    return this.#names.get(value) ?? `undefined#${value.id}`;
  }

  input(value: Value): string {
    const parameter = value.def.is === "input" ? value.def.parameter : undefined;
    const dims = value.type.dims.map((d) => `${d.name}:${d.size}`).join(" ");
    const start =
      parameter && (parameter.init.kind === "normal" ? `normal ${number(parameter.init.std)}` : `constant ${parameter.init.value}`);
    const about = parameter ? ` ${parameter.kind}, ${start}${comment("", [parameter.origin])}` : "";
    return `  in ${this.use(value)} [${dims}]${value.type.dtype === "i32" ? " i32" : ""}${about}`;
  }

  body(ops: readonly Op[], indent: string): string[] {
    return ops.flatMap((op) => (op.loop ? this.#loop(op, indent) : [this.#op(op, indent)]));
  }

  #op(op: Op, indent: string): string {
    const inputs = op.inputs.map((v) => this.use(v));
    const attrs = attributes(op.attrs);
    return `${indent}${this.#results(op)} = ${[op.kind, inputs.join(", "), attrs].filter((part) => part !== "").join(" ")}${comment(nameOf(op), op.origins)}`;
  }

  #loop(op: Op, indent: string): string[] {
    const loop = op.loop!;
    const initial = loop.carried.map((v, i) => `${this.#define(v)} = ${op.inputs[i] ? this.use(op.inputs[i]) : "?"}`);
    loop.slices.forEach((v, i) => {
      const whole = op.inputs[loop.carried.length + i];
      this.#names.set(v, `${whole ? this.use(whole) : "?"}[·]`);
    });
    const carrying = initial.length > 0 ? ` carrying ${initial.join(", ")}` : "";
    const inside = this.body(loop.body, `${indent}  `);
    if (loop.yields.length > 0) inside.push(`${indent}  next ${loop.yields.map((v) => this.use(v)).join(", ")}`);
    if (loop.stacks.length > 0) inside.push(`${indent}  keep ${loop.stacks.map((v) => this.use(v)).join(", ")}`);
    const head = `repeat ${loop.count} × ${loop.label}${loop.reverse ? " backwards" : ""}${carrying}`;
    return [`${indent}${this.#results(op)} = ${head} {${comment(nameOf(op), op.origins)}`, ...inside, `${indent}}`];
  }

  #results(op: Op): string {
    return op.outputs.map((v) => `${this.#define(v)} ${showType(v.type)}`).join(", ");
  }

  #define(value: Value): string {
    const name = `%${this.numbers === "lasting" ? value.id : this.#next++}`;
    this.#names.set(value, name);
    return name;
  }
}

const nameOf = (op: Op): string => op.outputs.find((v) => v.name !== undefined)?.name ?? "";

const number = (value: number): string => String(Number(value.toPrecision(6)));

function attributes(attrs: Readonly<Record<string, Attribute>>): string {
  const show = (value: Attribute): string =>
    Array.isArray(value) ? `[${value.join(" ")}]` : typeof value === "number" ? number(value) : String(value);
  const entries = Object.entries(attrs).map(([key, value]) => `${key}: ${show(value)}`);
  return entries.length === 0 ? "" : `{${entries.join(", ")}}`;
}

/** The file is named where it changes. */
function comment(name: string, origins: readonly CallStack[]): string {
  const stacks = origins.map((stack) =>
    stack.map(({ file, line, column }, i) => `${stack[i - 1]?.file === file ? "" : `${file}:`}${line}:${column}`).join(" < "),
  );
  const text = [name, [...new Set(stacks)].join(" and ")].filter((part) => part !== "").join(" ");
  return text === "" ? "" : `   // ${text}`;
}
