/** Prints diagnostics for people (frames, carets, the calls that led there) and for programs (`--json`). */
import { readFileSync } from "node:fs";
import { relative, resolve, sep } from "node:path";
import chalk, { Chalk, type ChalkInstance, chalkStderr } from "chalk";
import type { Diagnostic, Frame } from "./diagnostics.js";
import type { Span } from "./ir.js";
import { plain } from "./plain.js";

export interface ReportOptions {
  /** Default: what standard error can show; never with NO_COLOR. */
  color?: boolean;
  /** File names are shown relative to it. Default: the current directory. */
  directory?: string;
  /** Gives a file's text, or nothing where it cannot be read. */
  read?: (file: string) => string | undefined;
}

/** A stack of calls longer than this is shown without its middle. */
const longestStack = 6;

/** NO_COLOR wins over everything else, whatever its value (no-color.org). */
export function colors(color?: boolean): ChalkInstance {
  if (color !== undefined) return new Chalk({ level: color ? 1 : 0 });
  return process.env["NO_COLOR"] ? new Chalk({ level: 0 }) : chalkStderr;
}

/** The same for standard output: none where it is no terminal. */
export const outColors = (): ChalkInstance => (process.env["NO_COLOR"] ? new Chalk({ level: 0 }) : chalk);

/** Text for a terminal; one diagnostic after another, an empty line between them. Ends without a line break. */
export function report(diagnostics: readonly Diagnostic[], options: ReportOptions = {}): string {
  const paint = colors(options.color);
  const read = options.read ?? readSource;
  return diagnostics.map((diagnostic) => reportOne(diagnostic, paint, read, options.directory ?? process.cwd())).join("\n\n");
}

/** What `--json` prints in place of a result. Lines and columns count from 1, ends are exclusive. */
export function reportJson(diagnostics: readonly Diagnostic[]): { ok: false; diagnostics: readonly Diagnostic[] } {
  return { ok: false, diagnostics };
}

function reportOne(diagnostic: Diagnostic, paint: ChalkInstance, read: (file: string) => string | undefined, directory: string): string {
  const [first = "", ...rest] = plain(diagnostic.message).split("\n");
  const lines = [`${paint.red.bold("error")} ${paint.bold(diagnostic.slug)}  ${first}`, ...rest.map((line) => `  ${line}`)];
  for (const frame of shorten(distinct(diagnostic.frames))) {
    if (typeof frame === "number") lines.push(paint.dim(`  … ${frame} more ${frame === 1 ? "call" : "calls"}`));
    else lines.push(...showFrame(frame, paint, read, directory));
  }
  if (diagnostic.help !== undefined) {
    const [help = "", ...more] = plain(diagnostic.help).split("\n");
    lines.push(`  ${paint.cyan("help")}  ${help}`, ...more.map((line) => `        ${line}`));
  }
  return lines.join("\n");
}

function showFrame(frame: Frame, paint: ChalkInstance, read: (file: string) => string | undefined, directory: string): string[] {
  const { span } = frame;
  const place = `  ${paint.dim(`${plain(nearest(span.file, directory))}:${span.line}:${span.column}`)}`;
  const source = read(span.file)?.split(/\r?\n/)[span.line - 1];
  const label = frame.label === undefined ? "" : plain(frame.label);
  if (source === undefined) return label === "" ? [place] : [place, `      ${label}`];
  const number = String(span.line).padStart(6);
  const { before, width } = underline(source, span);
  const mark = paint.red("─".repeat(width));
  const bar = paint.dim("│");
  return [
    place,
    `${paint.dim(number)} ${bar} ${plain(source).replaceAll("\t", "  ")}`,
    `${" ".repeat(6)} ${bar} ${" ".repeat(before)}${mark}${label === "" ? "" : `  ${label}`}`,
  ];
}

/** Where the mark stands, in columns of the printed line, in which a tab is two columns wide. */
function underline(source: string, span: Span): { before: number; width: number } {
  const columns = (from: number, to: number): number => [...source.slice(from, to)].reduce((n, c) => n + (c === "\t" ? 2 : 1), 0);
  const start = Math.min(span.column - 1, source.length);
  const end = span.endLine > span.line ? source.trimEnd().length : Math.min(span.endColumn - 1, source.length);
  return { before: columns(0, start), width: Math.max(1, columns(start, end)) };
}

/** The same place twice in a row says nothing new. */
function distinct(frames: readonly Frame[]): Frame[] {
  return frames.filter((frame, i) => {
    const previous = frames[i - 1];
    return previous === undefined || frame.label !== previous.label || JSON.stringify(frame.span) !== JSON.stringify(previous.span);
  });
}

/** A number stands for that many frames left out. */
function shorten(frames: readonly Frame[]): (Frame | number)[] {
  if (frames.length <= longestStack) return [...frames];
  const kept = longestStack / 2;
  return [...frames.slice(0, kept), frames.length - 2 * kept, ...frames.slice(-kept)];
}

/** Relative where that is inside the directory, absolute elsewhere. */
function nearest(file: string, directory: string): string {
  const path = relative(directory, resolve(directory, file));
  return path === "" || path === ".." || path.startsWith(`..${sep}`) ? file : path;
}

function readSource(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
