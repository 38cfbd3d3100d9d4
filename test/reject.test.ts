/**
 * Programs that must be refused, in reject/. Each is a small model with one mistake; a comment says what mlac must answer, and stands
 * on the line of the mistake or just above it:
 *
 *     // error shape/heads: a part of the sentence
 *
 * The line is that of the first frame in the program's own file: the calls that led to a mistake elsewhere are frames, too. Options
 * stand in a comment of their own, `// options: --set D=wide --fuse norm=own`; a mistake in them has no place in the file, and the
 * comment about it stands on their line. Programs in reject/many have any number of mistakes.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkChoices, resolveChoices } from "../compiler/choices.js";
import { type Diagnostic, MlacError } from "../compiler/diagnostics.js";
import { lower } from "../compiler/lower/index.js";
import { sourceText } from "../compiler/lower/source.js";
import { report } from "../compiler/report.js";

const test = suite("reject");
const folder = "test/reject";

interface Mistake {
  /** Where: 0 stands for no place in the file. */
  line: number;
  slug: string;
  says: string;
}

const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts") && !name.split(/[\\/]/).includes("parts"))
  .map((name) => join(folder, name))
  .sort();

/** What the comments of a program say. */
function expected(text: string): Mistake[] {
  const lines = text.split("\n");
  const mark = /\/\/ error ([a-z]+\/[\w-]+)(?:: (.*))?$/;
  return lines.flatMap((line, i) => {
    const [, slug, says = ""] = mark.exec(line) ?? [];
    if (slug === undefined) return [];
    const above = line.trimStart().startsWith("// error");
    return [{ line: line.startsWith("// options:") ? 0 : above ? i + 2 : i + 1, slug, says }];
  });
}

/** The options of a program: --set and --fuse. */
function options(text: string): { set: Record<string, string>; fuse: Record<string, string> } {
  const given: { set: Record<string, string>; fuse: Record<string, string> } = { set: {}, fuse: {} };
  const [, list = ""] = /^\/\/ options: (.*)$/m.exec(text) ?? [];
  for (const [, kind, name, value] of list.matchAll(/--(set|fuse) ([^\s=]+)=(\S+)/g)) given[kind as "set" | "fuse"][name!] = value!;
  return given;
}

/** What `mlac check` has to say about a program. */
function refusals(file: string): readonly Diagnostic[] {
  const { set, fuse } = options(readFileSync(file, "utf8"));
  try {
    const { plan, places } = lower(file, { set });
    resolveChoices(checkChoices(plan.fuse, places.fuse), fuse);
  } catch (error) {
    if (error instanceof MlacError && error.exitCode === 1) return error.diagnostics;
    throw error;
  }
  return [];
}

const lineIn = (file: string, { frames }: Diagnostic): number => frames.find(({ span }) => span.file === basename(file))?.span.line ?? 0;

/** What is wrong with what was found: nothing, if each mistake got its message and there is no other. */
function complaints(file: string, mistakes: readonly Mistake[], found: readonly Diagnostic[]): string[] {
  const left = [...found];
  const missed = mistakes.flatMap((mistake) => {
    const at = left.findIndex((d) => d.slug === mistake.slug && lineIn(file, d) === mistake.line && d.message.includes(mistake.says));
    if (at >= 0) left.splice(at, 1);
    return at >= 0 ? [] : [`not found: line ${mistake.line} ${mistake.slug}: ${mistake.says}`];
  });
  return [...missed, ...left.map((d) => `found: line ${lineIn(file, d)} ${d.slug}: ${d.message}`)];
}

/** A sentence that says itself what is wanted, or shows the two shapes that differ, needs no help below it. */
const saysWhat = /\bmust\b|\btakes\b|\bonly\b|there is no \w+ in it|\bis for\b|^a model has no Math|\[.*\].*\[.*\]/;

/** The parts of a printed message: its head, place, source and mark, help. */
function checkReport(file: string, diagnostic: Diagnostic): void {
  const text = report([diagnostic], { color: false, directory: dirname(file), read: (name) => sourceText(file, name) });
  const [head, ...rest] = text.split("\n");
  assert.is(head, `error ${diagnostic.slug}  ${diagnostic.message.split("\n")[0]}`);
  assert.not.match(text, /^\s+at .*:\d+\)?$/m, "no stack trace");
  assert.not.match(text, /\[object /);
  const [frame] = diagnostic.frames;
  if (frame) {
    const { span } = frame;
    const at = rest.indexOf(`  ${span.file}:${span.line}:${span.column}`);
    assert.ok(at >= 0, `the place in\n${text}`);
    const [line, mark] = rest.slice(at + 1);
    const source = sourceText(file, span.file)!.split("\n")[span.line - 1]!;
    assert.is(line!.split("│ ")[1], source);
    assert.is(mark!.indexOf("─") - mark!.indexOf("│") - 2, span.column - 1);
    assert.ok(mark!.trimEnd().length <= line!.trimEnd().length + 1, "the mark ends with the source");
  }
  if (diagnostic.help !== undefined) assert.ok(text.includes(`  help  ${diagnostic.help.split("\n")[0]}`));
  else if (!/^type\//.test(diagnostic.slug)) assert.match(diagnostic.message, saysWhat, "a help is due");
}

const told = new Map<string, readonly Diagnostic[]>();
for (const file of files)
  test(file, () => {
    const mistakes = expected(readFileSync(file, "utf8"));
    const found = refusals(file);
    told.set(file, found);
    assert.is(complaints(file, mistakes, found).join("\n"), "");
    if (basename(dirname(file)) !== "many") assert.is(mistakes.length, 1, "one mistake a program");
    for (const diagnostic of found) checkReport(file, diagnostic);
  });

test("there are programs of every family, and enough of them", () => {
  const families = new Set(files.flatMap((file) => expected(readFileSync(file, "utf8")).map(({ slug }) => slug.split("/")[0]!)));
  assert.equal([...families].sort(), ["plan", "shape", "syntax", "type", "use"]);
  assert.ok(files.length >= 70);
});

test("a missing, a wrong and a misplaced comment would each be noticed", () => {
  const file = join(folder, "shape/heads.ts");
  const found = told.get(file)!;
  const [mistake] = expected(readFileSync(file, "utf8"));
  assert.is(complaints(file, [mistake!], found).length, 0);
  assert.is(complaints(file, [], found).length, 1);
  assert.is(complaints(file, [mistake!], []).length, 1);
  assert.is(complaints(file, [mistake!, mistake!], found).length, 1);
  for (const change of [{ line: mistake!.line + 1 }, { slug: "shape/pairs" }, { says: "something else" }])
    assert.is(complaints(file, [{ ...mistake!, ...change }], found).length, 2);
});

test("`mlac check` shows the source from whatever folder, and no stack trace", () => {
  const cli = fileURLToPath(new URL("../compiler/cli.js", import.meta.url));
  const model = resolve(folder, "shape/heads-of-block.ts");
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, "check", model], { cwd: tmpdir(), encoding: "utf8" });
  assert.is(status, 1);
  assert.is(stdout, "");
  assert.match(stderr, /^error shape\/heads {2}attention: the 4 heads H of q/);
  assert.match(stderr, /shape\/heads-of-block\.ts:7:6\n +7 │ {3}G: 3,.*\n +│ +─\n/);
  assert.match(stderr, /blocks\/attention\.ts:\d+:\d+\n +\d+ │ .*attention\(q, k/);
  assert.not.match(stderr, /^ +at /m);
});

test.run();
