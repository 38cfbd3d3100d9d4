/** A model as it is at a git ref, and the kernels whose text is another there. */
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";
import { execa } from "execa";
import type { BuildOptions } from "../build.js";
import { emitAll } from "../compile.js";
import { fail } from "../diagnostics.js";
import { unified } from "./passes.js";

export interface KernelChange {
  is: "changed" | "added" | "removed";
  name: string;
  /** What it is called at the ref, where that is another name. */
  before?: string;
  diff: string;
}

export interface ModelDiff {
  changes: KernelChange[];
  /** Kernels that compute the same; their names and the lines that they quote may differ. */
  same: number;
}

interface Text {
  name: string;
  text: string;
}

/** Errors: use/git; and whatever is wrong with the model, now or at the ref. */
export async function diffAtRef(options: BuildOptions, ref: string): Promise<ModelDiff> {
  const [now, then] = [(await emitAll(options)).kernels, await kernelsAt(options, ref)];
  return compare(then, now);
}

/** The model's file and the files that it imports, as they are at the ref, in a folder of their own. */
async function kernelsAt(options: BuildOptions, ref: string): Promise<Text[]> {
  const model = await realpath(resolve(options.model)).catch(() => resolve(options.model));
  const folder = dirname(model);
  const top = await git(folder, ["rev-parse", "--show-toplevel"], `${options.model} is in no git repository`);
  await git(folder, ["rev-parse", "--verify", "--quiet", "--end-of-options", `${ref}^{commit}`], `there is no commit "${ref}"`);
  const path = relative(await realpath(top.trim()), model);
  const place = await mkdtemp(join(tmpdir(), "mlac-ref-"));
  try {
    const missing = `${options.model} is not there at ${ref}`;
    await copy({ folder, ref, place }, path, await git(folder, ["show", `${ref}:${path}`], missing), new Set());
    return (await emitAll({ ...options, model: join(place, path) })).kernels;
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

interface Copying {
  folder: string;
  ref: string;
  place: string;
}

async function copy(to: Copying, path: string, text: string, done: Set<string>): Promise<void> {
  done.add(path);
  await mkdir(dirname(join(to.place, path)), { recursive: true });
  await writeFile(join(to.place, path), text);
  for (const [, specifier = ""] of text.matchAll(/\bfrom\s*["'](\.[^"'\n]*)["']/g)) {
    const named = join(dirname(path), specifier);
    // What is imported as .js is written as .ts; a name may leave its ending out, or be a folder's.
    const bare = named.replace(/\.([cm]?)js$/, ".$1ts");
    for (const candidate of [bare, `${named}.ts`, join(named, "index.ts")]) {
      if (done.has(candidate) || candidate.startsWith("..")) continue;
      const found = await run(to.folder, ["show", `${to.ref}:${candidate}`]);
      if (found === undefined) continue;
      await copy(to, candidate, found, done);
      break;
    }
  }
}

async function git(folder: string, given: string[], problem: string): Promise<string> {
  const said = await run(folder, given);
  if (said !== undefined) return said;
  return fail("use/git", problem, { help: "name a commit, a branch or a tag that has the model: mlac inspect diff HEAD~1 model.ts" });
}

async function run(folder: string, given: string[]): Promise<string | undefined> {
  const { stdout, exitCode, failed } = await execa("git", ["-C", folder, ...given], {
    reject: false,
    stripFinalNewline: false,
    stdin: "ignore",
  });
  if (exitCode === undefined && failed) fail("tool/missing", "git cannot be started", { help: "install git" });
  return exitCode === 0 ? stdout : undefined;
}

/** The same code is the same kernel, whatever its number and the lines that it quotes; of the others, names count. */
export function compare(then: readonly Text[], now: readonly Text[]): ModelDiff {
  const left = new Map<string, Text[]>();
  for (const kernel of then) left.set(code(kernel), [...(left.get(code(kernel)) ?? []), kernel]);
  const others = now.filter((kernel) => left.get(code(kernel))?.shift() === undefined);
  const gone = new Set([...left.values()].flat());
  const take = (fits: (kernel: Text) => boolean): Text | undefined => {
    const found = [...gone].find(fits);
    if (found) gone.delete(found);
    return found;
  };
  const exact = new Map(others.map((kernel) => [kernel, take(({ name }) => name === kernel.name)]));
  const changes = others.map((kernel): KernelChange => {
    const before = exact.get(kernel) ?? take(({ name }) => unnumbered(name) === unnumbered(kernel.name));
    const diff = unified(before?.name ?? "/dev/null", kernel.name, before?.text ?? "", kernel.text);
    if (!before) return { is: "added", name: kernel.name, diff };
    return { is: "changed", name: kernel.name, ...(before.name === kernel.name ? {} : { before: before.name }), diff };
  });
  const removed = [...gone].map(({ name, text }): KernelChange => ({ is: "removed", name, diff: unified(name, "/dev/null", text, "") }));
  return { changes: [...changes, ...removed], same: now.length - others.length };
}

/** The text without its name and without its first comment, which quotes the model's lines. */
const code = ({ name, text }: Text): string => text.replace(/^(?:\/\/[^\n]*\n)+/, "").replaceAll(name, "NAME");

/** fwd_03_linear and fwd_04_linear are alike. */
const unnumbered = (name: string): string => basename(name).replace(/_\d+_/, "_");
