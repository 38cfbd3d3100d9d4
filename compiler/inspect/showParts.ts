/** The parts of an inspection on a terminal: one kernel's file, why, memory over the step, the table of ops, changes since a ref. */
import type { ChalkInstance } from "chalk";
import { columns } from "../columns.js";
import { binary } from "../memory.js";
import { plain } from "../plain.js";
import type { ModelDiff } from "./atRef.js";
import { cut, figure } from "./figures.js";
import { highlight, type Kind } from "./highlight.js";
import type { Inspection, KernelFacts, OpFacts } from "./inspection.js";
import type { OpRow } from "./opTable.js";
import { about, memoryLines, topLines } from "./show.js";
import type { Answer } from "./why.js";

/** The emitted file, in colours where there are any. */
export function showKernel({ text }: KernelFacts, paint: ChalkInstance): string {
  const colors: Record<Kind, (text: string) => string> = {
    comment: paint.dim,
    text: paint.green,
    directive: paint.magenta,
    keyword: paint.blue,
    type: paint.cyan,
    number: paint.yellow,
    plain: (part) => part,
  };
  // Line by line: a pager loses a colour that goes on for several.
  return highlight(plain(text).trimEnd())
    .map(({ kind, text: part }) =>
      part
        .split("\n")
        .map((line) => (line === "" ? "" : colors[kind](line)))
        .join("\n"),
    )
    .join("");
}

/** The first answer in full, the others a line each. */
export function showWhy(answers: readonly Answer[], paint: ChalkInstance): string {
  const [first, ...rest] = answers;
  if (!first) return "the two names stand for one op";
  const { a, b, joined, kernel, sentences, savedBytes, saved } = first;
  const lines = [
    ...columns([a, b].map(opCells)),
    "",
    joined ? `${paint.green("one kernel")}  ${plain(kernel ?? "")}` : paint.yellow("two kernels"),
    ...sentences.map((sentence) => `  ${plain(sentence)}`),
    ...price(joined, savedBytes, saved),
  ];
  const more = rest
    .slice(0, 12)
    .map((answer) => plain(`  ${verdict(answer).padEnd(40)}  @${answer.a.id} ${placeOf(answer.a)}  @${answer.b.id} ${placeOf(answer.b)}`));
  if (rest.length > 0)
    lines.push(
      "",
      `${rest.length} more ${rest.length === 1 ? "pair has" : "pairs have"} these names; @${rest[0]!.a.id} names one op`,
      ...more,
    );
  return lines.join("\n");
}

const verdict = ({ joined, reason }: Answer): string => `${joined ? "one kernel" : "two kernels"} (${reason})`;
const placeOf = ({ places: [at] }: OpFacts): string => (at ? `${at.file}:${at.line}` : "");

function opCells(op: OpFacts): string[] {
  const calls = op.places.slice(1).map(({ line, file }) => `${file}:${line}`);
  return [
    `@${op.id} ${op.name} [${op.dims}]`,
    op.kernels.join(", ") || op.kind,
    [placeOf(op), ...calls].filter((text) => text !== "").join(" < "),
  ];
}

function price(joined: boolean, bytes: number | undefined, saved: Answer["saved"]): string[] {
  if (bytes === undefined) return [];
  if (bytes <= 0) return [joined ? "  apart they would move no more memory" : "  one kernel would save no memory traffic"];
  const what = saved
    .filter((s) => s.bytes > 0)
    .map(({ name, dims, times }) => `${plain(name)} [${dims}] ${times === 1 ? "once" : `${times} times`}`);
  const each = what.length > 0 ? `: ${[...new Set(what)].join(", ")}` : "";
  return [
    `  ${joined ? "which saves" : "one kernel would save"} ${figure(bytes / 1e6, 1)} MB of reading and writing in each run of the program${each}`,
  ];
}

/** Bars of what is in use at each kernel, and where the most of it comes from. */
export function showMemory(inspection: Inspection, program: string, paint: ChalkInstance, width = 100): string {
  const { moments } = inspection.programs.find(({ name }) => name === program)!;
  const { bytes } = inspection.memory.used.find((used) => used.program === program)!;
  const most = Math.max(1, ...bytes);
  const room = Math.max(10, width - 60);
  const lines: string[] = [];
  let depth = 0;
  const ends = new Map<number, number>();
  for (const { at, to, kernel, loop, rounds } of moments) {
    for (const [end] of ends) if (end < at && ends.delete(end)) depth -= 1;
    const indent = "  ".repeat(depth);
    if (kernel === undefined) {
      lines.push(paint.dim(`${" ".repeat(11)}${indent}${plain(loop ?? "")} × ${rounds}`));
      ends.set(to, at);
      depth += 1;
      continue;
    }
    const used = bytes[at] ?? 0;
    const bar = "█".repeat(Math.round((room * used) / most)).padEnd(room);
    const name = cut(`${indent}${kernel}`, 46).padEnd(46);
    lines.push(
      `${binary(used).padStart(9)}  ${name}  ${used === most ? paint.yellow(bar.trimEnd()) : bar.trimEnd()}${used === most ? "  the most" : ""}`,
    );
  }
  return [
    ...about(inspection).slice(0, 2),
    "",
    ...memoryLines(inspection),
    "",
    `activations in use while each kernel of ${program} runs`,
    ...lines,
    "",
    ...topLines(inspection),
  ].join("\n");
}

/** `width`: the terminal's columns, where it is one. */
export const showOps = (rows: readonly OpRow[], width?: number): string =>
  columns([
    ["op", "form", "FLOP", "gradient", "definition"],
    ...rows.map(({ name, form, cost, gradient, formula }) => [name, form, cost, gradient.join(", ") || "–", formula]),
  ])
    .map((line) => cut(line, width))
    .join("\n");

/** What changed; with `full` as unified diffs. */
export function showDiff({ changes, same }: ModelDiff, ref: string, full: boolean, paint: ChalkInstance): string {
  const names = changes.map(({ is, name, before }) => {
    const mark = { changed: paint.yellow("~"), added: paint.green("+"), removed: paint.red("-") }[is];
    return `${mark} ${plain(name)}${before === undefined ? "" : `  (${plain(before)})`}`;
  });
  const ending =
    changes.length === 0
      ? `all ${same} kernels are as they are at ${plain(ref)}`
      : `${changes.length} of ${same + changes.length} kernels are not as they are at ${plain(ref)}`;
  return full ? [...changes.map(({ diff }) => paintDiff(diff, paint)), "", ending].join("\n") : [...names, ending].join("\n");
}

/** A unified diff in its colours. */
export const paintDiff = (diff: string, paint: ChalkInstance): string =>
  plain(diff)
    .split("\n")
    .map((line) => {
      if (/^(---|\+\+\+) /.test(line)) return paint.bold(line);
      if (line.startsWith("@@")) return paint.cyan(line);
      if (line.startsWith("+")) return paint.green(line);
      return line.startsWith("-") ? paint.red(line) : line;
    })
    .join("\n");
