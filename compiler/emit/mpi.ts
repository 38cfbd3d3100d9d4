/** MPI, by which ranks on processors talk: whether it is here, and the library beside a built model that knows it. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { fail } from "../diagnostics.js";
import { compilerEnvironment, findCompiler, which } from "./compiler.js";
import { compileLibrary } from "./toolchain.js";

export interface MpiFlags {
  /** The wrapper that told them, absolute. */
  path: string;
  compile: readonly string[];
  link: readonly string[];
}

/** Of the copied files, the one that is not part of model.so. */
export const mpiSource = "mpi.cpp";
const headers = ["open_collectives.h", "collectives.h", "mpi_engine.h", "mpi_messages.h"];

export const mpiHint =
  "install MPI with its headers (Debian, Ubuntu: apt-get install libopenmpi-dev openmpi-bin; Fedora: dnf install openmpi-devel), or set MPICXX to its mpicxx";

/** Errors: tool/mpi. */
export async function findMpi(environment: NodeJS.ProcessEnv = process.env): Promise<MpiFlags> {
  const wanted = environment["MPICXX"]?.trim();
  const path = which(wanted || "mpicxx", environment);
  if (path === undefined)
    return fail(
      "tool/mpi",
      wanted ? `MPICXX is "${wanted}", and no such program is found` : "MPI, by which ranks on processors talk, is not found",
      {
        help: mpiHint,
      },
    );
  // Open MPI's wrapper, then MPICH's, whose answer begins with the compiler's name.
  const [compile, link] = await Promise.all([
    answer(path, ["--showme:compile"]).then((open) => open ?? answer(path, ["-compile-info"]).then(rest)),
    answer(path, ["--showme:link"]).then((open) => open ?? answer(path, ["-link-info"]).then(rest)),
  ]);
  if (compile === undefined || link === undefined)
    return fail("tool/mpi", `${path} does not say how programs are compiled for MPI`, { help: mpiHint });
  return { path, compile, link };
}

async function answer(path: string, given: readonly string[]): Promise<string[] | undefined> {
  const { execa } = await import("execa");
  const { stdout, exitCode } = await execa(path, given, {
    env: compilerEnvironment(),
    extendEnv: false,
    reject: false,
    stdin: "ignore",
    timeout: 60_000,
  });
  return exitCode === 0 ? String(stdout).trim().split(/\s+/) : undefined;
}

const rest = (words: string[] | undefined): string[] | undefined => words?.slice(1);

/** Builds collectives.so beside a model for processors, unless it is there. Errors: tool/mpi, and those of a compiler. */
export async function collectivesLibrary(directory: string): Promise<string> {
  const library = join(directory, "collectives.so");
  const sources = [mpiSource, ...headers].map((name) => join(directory, name));
  const [made, ...inputs] = await Promise.all(
    [library, ...sources].map((path) =>
      stat(path)
        .then((s) => s.mtimeMs)
        .catch(() => undefined),
    ),
  );
  if (made !== undefined && inputs.every((time) => time !== undefined && time <= made)) return library;
  const [mpi, compiler] = await Promise.all([findMpi(), findCompiler()]);
  const flags = "-std=c++17 -O3 -march=native -fPIC -fvisibility=hidden -pthread".split(" ");
  await compileLibrary({
    compiler,
    sources: [join(directory, mpiSource)],
    includes: [directory],
    flags: [...flags, ...mpi.compile],
    link: [...flags, "-shared", ...mpi.link],
    library,
  });
  return library;
}
