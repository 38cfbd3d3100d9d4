/** Finds the machine's C++ compiler and asks it what it is. execa is loaded only then: an up-to-date build asks nothing. */
import { createHash } from "node:crypto";
import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { arch, cpus, tmpdir } from "node:os";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import { fail } from "../diagnostics.js";

export interface Compiler {
  /** What to start: an absolute path, then arguments that always come first (CXX="ccache g++"). */
  command: readonly string[];
  /** "g++", "clang++" or the name that CXX gives. */
  name: string;
  /** The first line of `--version`; for nvcc also that of its host compiler. */
  version: string;
  /** nvcc takes other flags, writes other messages, and says what each kernel takes. */
  kind?: "nvcc";
}

export const installHint =
  "install a C++17 compiler with OpenMP (Debian, Ubuntu: apt-get install g++; Fedora: dnf install gcc-c++), or set CXX to one";

/**
 * Variables that change what a compiler reads or runs without being part of the command. They would slip past the object
 * cache, and a header from an unexpected place is hard to find, so compilers are started without them.
 */
const removed = [
  "CPATH",
  "C_INCLUDE_PATH",
  "CPLUS_INCLUDE_PATH",
  "COMPILER_PATH",
  "GCC_EXEC_PREFIX",
  "LD_PRELOAD",
  "DEPENDENCIES_OUTPUT",
  "SUNPRO_DEPENDENCIES",
  "CCC_OVERRIDE_OPTIONS",
  "NVCC_APPEND_FLAGS",
  "NVCC_PREPEND_FLAGS",
  "NVCC_CCBIN",
];

/** The environment of every compiler mlac starts; messages are in English so that they can be read here. */
export function compilerEnvironment(environment: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(([name]) => !removed.includes(name));
  return { ...Object.fromEntries(kept), LC_ALL: "C" };
}

/** CXX if it is set, else g++, else clang++. Fails with tool/missing when there is none that starts. */
export async function findCompiler(environment: NodeJS.ProcessEnv = process.env): Promise<Compiler> {
  const wanted = environment["CXX"]?.trim();
  const candidates = wanted ? [wanted] : ["g++", "clang++"];
  const { execa } = await import("execa");
  for (const candidate of candidates) {
    const command = locate(candidate, environment);
    if (command === undefined) continue;
    const [program = "", ...first] = command;
    const { stdout, exitCode } = await execa(program, [...first, "--version"], {
      env: compilerEnvironment(environment),
      extendEnv: false,
      reject: false,
      stdin: "ignore",
      timeout: 60_000,
    });
    const version = String(stdout).split("\n")[0]?.trim() ?? "";
    if (exitCode === 0 && version !== "") return { command, name: candidate, version };
    if (wanted) fail("tool/missing", `CXX is "${wanted}", which does not answer --version as a compiler does`, { help: installHint });
  }
  if (wanted) fail("tool/missing", `CXX is "${wanted}", and no such program is found`, { help: installHint });
  return fail("tool/missing", "no C++ compiler is found: neither g++ nor clang++ is on the PATH", { help: installHint });
}

/** The command with its program as an absolute path, so that no argument of ours can be taken for another program. */
function locate(candidate: string, environment: NodeJS.ProcessEnv): string[] | undefined {
  const whole = which(candidate, environment);
  if (whole !== undefined) return [whole];
  const [program = "", ...first] = candidate.split(/\s+/);
  const path = which(program, environment);
  return path === undefined ? undefined : [path, ...first];
}

/** Looks a program up on the PATH, as a shell does. */
export function which(program: string, environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const places = program.includes("/") ? [""] : (environment["PATH"] ?? "").split(delimiter).filter(isAbsolute);
  for (const place of places) {
    const path = place === "" ? resolve(program) : join(place, program);
    if (runs(path)) return path;
  }
  return undefined;
}

function runs(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Compiles two lines with the flags; gives the compiler's answer when that fails and nothing when it works. */
export async function probe(compiler: Compiler, flags: readonly string[], source: string): Promise<string | undefined> {
  const { execa } = await import("execa");
  const folder = await mkdtemp(join(tmpdir(), "mlac-probe-"));
  try {
    const file = join(folder, "probe.cpp");
    await writeFile(file, source);
    const [program = "", ...first] = compiler.command;
    const { exitCode, stderr, shortMessage } = await execa(program, [...first, ...flags, file, "-o", join(folder, "probe.so"), "-shared"], {
      env: compilerEnvironment(),
      extendEnv: false,
      reject: false,
      stdin: "ignore",
      timeout: 120_000,
    });
    return exitCode === 0 ? undefined : String(stderr).trim() || shortMessage || "it failed without a message";
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export const openmpProbe = "#include <omp.h>\nint threads() { return omp_get_max_threads(); }\n";

/** -march=native means something else on every processor: this stands for which one it is. */
export function processor(): string {
  let features = cpus()[0]?.model ?? "";
  try {
    const lines = readFileSync("/proc/cpuinfo", "utf8").split("\n\n")[0]?.split("\n") ?? [];
    features = lines.filter((line) => /^(model name|cpu family|model|stepping|flags|Features|CPU part)\s*:/.test(line)).join("\n");
  } catch {
    // Not Linux: the model's name has to do.
  }
  return createHash("sha256").update(`${arch()}\n${features}`).digest("hex");
}
