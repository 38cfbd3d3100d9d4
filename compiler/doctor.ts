/** What `mlac doctor` looks at. */
import { readFileSync, statfsSync } from "node:fs";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { MlacError } from "./diagnostics.js";
import { examineCuda } from "./doctorCuda.js";
import { type Compiler, findCompiler, installHint, openmpProbe, probe, which } from "./emit/compiler.js";
import { findMpi, mpiHint } from "./emit/mpi.js";
import { cpuFlags } from "./emit/toolchain.js";
import { version } from "./package.js";

export interface Check {
  name: string;
  /** missing: mlac needs it; absent: it can do without. */
  state: "ok" | "missing" | "absent";
  found: string;
  remedy?: string;
}

export async function examine(): Promise<Check[]> {
  const compiler = await compilerCheck();
  return [
    { name: "mlac", state: "ok", found: version },
    nodeCheck(),
    compiler.check,
    ...(compiler.found ? [await openMp(compiler.found)] : []),
    await nativeCalls(),
    processorCheck(),
    vectors(),
    memory(),
    disk(),
    ...(await examineCuda()),
    await mpiCheck(),
  ];
}

function nodeCheck(): Check {
  const found = process.versions.node;
  return Number(found.split(".")[0]) >= 20
    ? { name: "node", state: "ok", found }
    : {
        name: "node",
        state: "missing",
        found: `${found}, and mlac needs 20 or newer`,
        remedy: "install Node.js 20 or newer: https://nodejs.org",
      };
}

async function compilerCheck(): Promise<{ check: Check; found?: Compiler }> {
  try {
    const found = await findCompiler();
    return { check: { name: "C++", state: "ok", found: `${found.version} (${found.command.join(" ")})` }, found };
  } catch (error) {
    if (!(error instanceof MlacError)) throw error;
    const remedy = error.diagnostics[0]?.help ?? installHint;
    return { check: { name: "C++", state: "missing", found: error.message, remedy } };
  }
}

async function openMp(compiler: Compiler): Promise<Check> {
  const answer = await probe(compiler, cpuFlags, openmpProbe);
  if (answer === undefined) return { name: "OpenMP", state: "ok", found: `works, with ${cpuFlags.join(" ")}` };
  const line = answer.split("\n").find((text) => /error/i.test(text)) ?? answer.split("\n")[0] ?? "";
  return {
    name: "OpenMP",
    state: "missing",
    found: line.trim(),
    remedy: /clang/i.test(compiler.version) ? "apt-get install libomp-dev" : installHint,
  };
}

/** koffi's binary comes as an optional package: an install for another platform lacks it. */
async function nativeCalls(): Promise<Check> {
  try {
    const { default: koffi } = await import("koffi");
    return { name: "koffi", state: "ok", found: koffi.version };
  } catch (error) {
    const found = (error as Error).message.split("\n")[0] ?? "";
    return {
      name: "koffi",
      state: "missing",
      found,
      remedy: "install again on this machine, with optional packages: npm ci --include=optional",
    };
  }
}

/** What ranks on processors talk through. */
async function mpiCheck(): Promise<Check> {
  try {
    const { path } = await findMpi();
    const mpirun = which("mpirun");
    if (mpirun === undefined) return { name: "MPI", state: "absent", found: `${path}, but no mpirun`, remedy: mpiHint };
    return { name: "MPI", state: "ok", found: `${path} and ${mpirun}: mlac train -n on processors` };
  } catch (error) {
    if (!(error instanceof MlacError)) throw error;
    return { name: "MPI", state: "absent", found: "not found: no ranks on processors (mlac train -n)", remedy: mpiHint };
  }
}

function processorCheck(): Check {
  const cores = availableParallelism();
  return { name: "processors", state: "ok", found: `${cores} × ${cpus()[0]?.model.trim() ?? "unknown"}` };
}

function vectors(): Check {
  let text = process.arch === "arm64" ? "neon" : "";
  try {
    const flags = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.trim().split(/\s+/) ?? [];
    const known = ["avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve"].filter((flag) => flags.includes(flag));
    if (known.length > 0) text = known.join(" ");
  } catch {
    // Not Linux.
  }
  return text === ""
    ? { name: "vectors", state: "absent", found: "none that are known; mlac will be slow" }
    : { name: "vectors", state: "ok", found: text };
}

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

function memory(): Check {
  return { name: "memory", state: "ok", found: `${gib(totalmem())}, ${gib(freemem())} free` };
}

function disk(): Check {
  const { bavail, bsize } = statfsSync(".");
  const free = bavail * bsize;
  const found = `${gib(free)} free here`;
  return free > 2 ** 30
    ? { name: "disk", state: "ok", found }
    : { name: "disk", state: "missing", found, remedy: "builds and checkpoints need about 1 GiB" };
}
