/** Paths and patterns from the command line and from model.ts. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { isAbsolute, join, parse, resolve } from "node:path";
import { fail } from "../compiler/diagnostics.js";

/**
 * The files that paths and patterns name, in the patterns' order, each pattern's in alphabetical order, none twice. In a pattern
 * `*` and `?` stand for part of a name and `**` for any folders; a folder stands for the files in it whose name ends in one of `endings`.
 * Errors: data/files where a pattern names nothing.
 */
export function expandPaths(patterns: string | readonly string[], endings: readonly string[], from: string = process.cwd()): string[] {
  const all = [patterns].flat().flatMap((pattern) => {
    const found = expandOne(pattern, endings, from);
    if (found.length > 0) return found;
    const help = hasWildcard(pattern)
      ? `it was looked for from ${from}`
      : `give a file, a folder, or a pattern such as "data/*${endings[0] ?? ""}"`;
    return fail("data/files", `"${pattern}" names no file`, { help });
  });
  return [...new Set(all)];
}

const hasWildcard = (pattern: string): boolean => /[*?]/.test(pattern);

function expandOne(pattern: string, endings: readonly string[], from: string): string[] {
  const whole = isAbsolute(pattern) ? pattern : resolve(from, pattern);
  // A file may have a star in its name; what exists is meant as it stands.
  if (existsSync(whole))
    return statSync(whole).isDirectory() ? filesOf(whole).filter((path) => endings.some((e) => path.endsWith(e))) : [whole];
  if (!hasWildcard(pattern)) return [];
  const { root } = parse(whole);
  return [...new Set(walk(root, whole.slice(root.length).split(/[/\\]+/)))].sort(byName);
}

function walk(folder: string, segments: readonly string[]): string[] {
  const [first, ...rest] = segments;
  if (first === undefined) return [];
  if (first === "**") return [...walk(folder, rest), ...foldersOf(folder).flatMap((inner) => walk(inner, segments))];
  if (!hasWildcard(first)) {
    const path = join(folder, first);
    if (rest.length > 0) return walk(path, rest);
    return existsSync(path) && statSync(path).isFile() ? [path] : [];
  }
  const matches = wildcard(first);
  const inside = (rest.length > 0 ? foldersOf(folder) : filesOf(folder)).filter((path) => matches.test(parse(path).base));
  return rest.length > 0 ? inside.flatMap((path) => walk(path, rest)) : inside;
}

const wildcard = (segment: string): RegExp =>
  new RegExp(
    `^${segment
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
    "su",
  );

const filesOf = (folder: string): string[] => entriesOf(folder, (path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false);
const foldersOf = (folder: string): string[] =>
  entriesOf(folder, (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false);

function entriesOf(folder: string, wanted: (path: string) => boolean): string[] {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return [];
  return readdirSync(folder)
    .filter((name) => !name.startsWith("."))
    .map((name) => join(folder, name))
    .filter(wanted)
    .sort(byName);
}

/** By code unit: the same order on every machine, whatever its language. */
const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
