/**
 * From C++ or CUDA files to one shared library: compiles in parallel, keeps the objects by the hash of everything that went
 * into them, and puts the library in place only when it is whole.
 */
import { createHash } from "node:crypto";
import { setMaxListeners } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, dirname, extname, join, relative, resolve } from "node:path";
import { execa } from "execa";
import { fail } from "../diagnostics.js";
import { type Compiler, compilerEnvironment, findCompiler, installHint, openmpProbe, probe, processor } from "./compiler.js";
import { onDisk, refuse } from "./refusal.js";

/**
 * No -ffast-math: the same inputs give the same bits, and NaN stays NaN. Sums are reordered only where the source says so.
 * Multiply and add may become one instruction, and no code looks at errno or at floating-point traps.
 */
export const cpuFlags: readonly string[] = [
  ..."-std=c++17 -O3 -march=native -fPIC -fvisibility=hidden -fopenmp".split(" "),
  ..."-ffp-contract=fast -fno-math-errno -fno-trapping-math".split(" "),
];

export interface CompileOptions {
  /** Default: the machine's C++ compiler. `cudaCompiler` of nvcc.ts gives nvcc. */
  compiler?: Compiler;
  /** The .cpp files, or with nvcc also .cu files. */
  sources: readonly string[];
  /** Folders for `#include "…"`, beside the including file's own. */
  includes?: readonly string[];
  /** A header that many sources include first: compiled once for all of them, where the compiler can (g++). */
  precompiled?: string;
  /** Where the library goes: generated/<model>/<target>/model.so. */
  library: string;
  /** Where objects are kept between builds. Default: objects/ beside the library. */
  objects?: string;
  /** Default: `cpuFlags`. */
  flags?: readonly string[];
  /** What the objects are linked with. Default: the flags, and -shared. */
  link?: readonly string[];
  /** Compilers at a time. Default: as many as there are processors, at least 2. */
  jobs?: number;
  onProgress?: (progress: CompileProgress) => void;
}

export interface CompileProgress {
  done: number;
  of: number;
  /** The name of what was just finished; the library's at the end. */
  file: string;
}

export interface Compiled {
  library: string;
  compiler: Compiler;
  /** Files that had to be compiled, and files whose object was there already. */
  compiled: number;
  reused: number;
  /** The objects' names in their folder. Beside each one of nvcc's lies <object>.ptxas.txt, see resources.ts. */
  objects: string[];
  seconds: number;
}

interface Unit {
  source: string;
  object: string;
}

/** Objects that no build used for so long (milliseconds) are removed. */
const objectsLive = 14 * 24 * 3600 * 1000;

/** Errors: tool/missing (no compiler, no OpenMP), tool/failed (it refused mlac's code), tool/killed, tool/disk. */
export async function compileLibrary(options: CompileOptions): Promise<Compiled> {
  const started = performance.now();
  const compiler = options.compiler ?? (await findCompiler());
  const library = resolve(options.library);
  // nvcc hands its arguments to a shell, inside of double quotes: only what mlac itself named may stand in them.
  const folder = dirname(library);
  const name = (path: string): string => (compiler.kind === "nvcc" ? relative(folder, path) || "." : path);
  const objects = resolve(options.objects ?? join(dirname(library), "objects"));
  const includes = (options.includes ?? []).map((folder) => resolve(folder));
  const flags = options.flags ?? cpuFlags;
  await onDisk(objects, () => mkdir(objects, { recursive: true, mode: 0o700 }));

  // Only g++'s -march=native depends on the processor.
  const seal = [...compiler.command, compiler.version, ...(compiler.kind === "nvcc" ? [] : [processor()]), ...flags].join("\n");
  const units = await Promise.all(options.sources.map((source) => unit(resolve(source), includes, seal, objects)));
  const missing = units.filter(({ object }) => !existsSync(object));
  if (missing.length > 0 && flags.includes("-fopenmp")) await checkOpenMp(compiler, flags);

  const log = join(dirname(library), "build-failure.log");
  await rm(log, { force: true });
  let done = 0;
  const report = (file: string): void => options.onProgress?.({ done: ++done, of: missing.length + 1, file: basename(file) });
  const include = includes.map((place) => `-I${name(place)}`);
  const start = (given: readonly string[], output: string, subject: string, signal?: AbortSignal): Promise<string> =>
    produce({ compiler, given, output, subject, log, folder, name, ...(signal ? { signal } : {}) });
  if (options.precompiled !== undefined)
    await precompile(compiler, [...flags, ...include], seal, resolve(options.precompiled), includes, missing.length, start);
  await inParallel(options.jobs ?? Math.max(2, availableParallelism()), missing, async ({ source, object }, signal) => {
    const verbose = compiler.kind === "nvcc" ? ["-Xptxas", "-v"] : [];
    await start([...flags, ...verbose, ...include, "-c", name(source)], object, source, signal);
    report(source);
  });
  const linked = units.map(({ object }) => object);
  await start([...linked.map(name), ...(options.link ?? [...flags, "-shared"])], library, library);
  report(library);
  await prune(objects, linked);
  return {
    library,
    compiler,
    compiled: missing.length,
    reused: units.length - missing.length,
    objects: linked.map((object) => basename(object)),
    seconds: (performance.now() - started) / 1000,
  };
}

/** Fewer sources than this are compiled sooner than the header. */
const worthPrecompiling = 4;

/**
 * g++ takes header.h.gch in the place of header.h if its flags agree, but does not look whether the header has changed: so
 * what it was made from is written beside it, and a stale one is removed.
 */
async function precompile(
  compiler: Compiler,
  flags: readonly string[],
  seal: string,
  header: string,
  includes: readonly string[],
  sources: number,
  start: (given: readonly string[], output: string, subject: string) => Promise<unknown>,
): Promise<void> {
  const output = `${header}.gch`;
  const hash = createHash("sha256").update(seal);
  for (const [file, text] of await closure(header, includes)) hash.update(`\n${file}\n`).update(text);
  const made = hash.digest("hex");
  if (existsSync(output) && (await readFile(`${output}.seal`, "utf8").catch(() => "")) === made) return;
  await rm(output, { force: true });
  if (sources < worthPrecompiling || /clang/i.test(compiler.version)) return;
  await start([...flags, "-x", "c++-header", header], output, header);
  await onDisk(output, () => writeFile(`${output}.seal`, made));
}

/** The object's name says all that went into it, so that an object that exists is the right one. */
async function unit(source: string, includes: readonly string[], seal: string, objects: string): Promise<Unit> {
  const hash = createHash("sha256").update(seal);
  for (const [file, text] of await closure(source, includes)) hash.update(`\n${basename(file)} ${text.length}\n`).update(text);
  return { source, object: join(objects, `${basename(source, extname(source))}-${hash.digest("hex").slice(0, 24)}.o`) };
}

/** The file and everything it includes by "…", found by reading: name and text in the order of first mention. */
async function closure(source: string, includes: readonly string[]): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const visit = async (path: string): Promise<void> => {
    if (files.has(path)) return;
    const text = await readFile(path, "utf8");
    files.set(path, text);
    for (const [, name = ""] of text.matchAll(/^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"/gm)) {
      const found = [dirname(path), ...includes].map((folder) => join(folder, name)).find((file) => existsSync(file));
      if (found !== undefined) await visit(found);
    }
  };
  await visit(source);
  return files;
}

/** Another file has failed already, and this compiler was stopped for it. */
class Stopped extends Error {}

/** Works through the items, `jobs` at a time. The first failure stops the others and is the one that is thrown. */
async function inParallel<T>(jobs: number, items: readonly T[], work: (item: T, signal: AbortSignal) => Promise<void>): Promise<void> {
  const queue = [...items];
  const stop = new AbortController();
  setMaxListeners(0, stop.signal); // every compiler that runs listens
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined && !stop.signal.aborted; item = queue.shift()) {
      try {
        await work(item, stop.signal);
      } catch (error) {
        stop.abort();
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: Math.min(jobs, items.length) }, worker));
  for (const result of results) if (result.status === "rejected" && !(result.reason instanceof Stopped)) throw result.reason;
}

interface Production {
  compiler: Compiler;
  given: readonly string[];
  output: string;
  /** The file a message is about. */
  subject: string;
  log: string;
  /** Where the compiler works, and what a path is called there. */
  folder: string;
  name: (path: string) => string;
  signal?: AbortSignal;
}

/** Runs the compiler into a temporary name and renames: a file under its final name is whole, whoever else is building. Gives what it said. */
async function produce({ compiler, given, output, subject, log, folder, name, signal }: Production): Promise<string> {
  const temporary = `${output}.${process.pid}.tmp`;
  const [program = "", ...first] = compiler.command;
  const command = [...first, ...given, "-o", name(temporary)];
  try {
    const result = await execa(program, command, {
      env: compilerEnvironment(),
      extendEnv: false,
      reject: false,
      stdin: "ignore",
      maxBuffer: 4_000_000,
      ...(compiler.kind === "nvcc" ? { cwd: folder } : {}),
      ...(signal ? { cancelSignal: signal } : {}),
    });
    if (result.isCanceled) throw new Stopped();
    // nvcc and its parts write to both.
    const said = `${result.stdout ?? ""}\n${result.stderr ?? ""}`.trim();
    if (result.exitCode !== 0) {
      const stderr = said || (result.shortMessage ?? "");
      await refuse({ compiler, subject, command: [program, ...command], stderr, signal: result.signal, log, folder });
    }
    // Before the object: where that is, so is its log.
    if (compiler.kind === "nvcc" && output.endsWith(".o")) await onDisk(output, () => writeFile(`${output}.ptxas.txt`, `${said}\n`));
    await onDisk(output, () => rename(temporary, output));
    return said;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function checkOpenMp(compiler: Compiler, flags: readonly string[]): Promise<void> {
  const answer = await probe(compiler, flags, openmpProbe);
  if (answer === undefined) return;
  if (/No space left/i.test(answer))
    fail("tool/disk", "the disk of the temporary folder is full", { help: "free some space, or set TMPDIR" });
  const lines = answer.split("\n");
  const reason = lines.find((line) => /error/i.test(line)) ?? lines[0] ?? "";
  fail("tool/missing", `${compiler.name} (${compiler.version}) cannot build C++17 with OpenMP for this processor: ${reason}`, {
    help: /clang/i.test(compiler.version)
      ? "install clang's OpenMP (Debian, Ubuntu: apt-get install libomp-dev), or set CXX=g++"
      : installHint,
  });
}

async function prune(objects: string, used: readonly string[]): Promise<void> {
  const now = Date.now();
  const touched = used.flatMap((object) => [object, `${object}.ptxas.txt`]);
  await Promise.all(touched.map((file) => utimes(file, now / 1000, now / 1000).catch(() => undefined)));
  for (const name of await readdir(objects).catch(() => [])) {
    const path = join(objects, name);
    const age = now - ((await stat(path).catch(() => undefined))?.mtimeMs ?? now);
    if (age > objectsLive && /\.(o|tmp|ptxas\.txt)$/.test(name)) await rm(path, { force: true });
  }
}
