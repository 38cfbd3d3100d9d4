/** NVIDIA's compiler: where it is, whether it and the driver are new enough, what it is started with, and what it says of the kernels. */
import { realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail } from "../diagnostics.js";
import type { Gpu } from "../gpu.js";
import { type Compiler, compilerEnvironment, findCompiler, which } from "./compiler.js";

export interface Nvcc {
  /** Absolute. */
  path: string;
  /** "12.8" */
  version: string;
  /** The line with the release. */
  text: string;
}

/** wgmma, TMA and setmaxnreg as the Hopper kernels write them, and C++17 in device code without known faults. */
const oldest = "12.4";
/** The first nvcc that compiles for an architecture, where it is newer than `oldest`. */
const firstFor: Readonly<Record<string, string>> = { 100: "12.8", 101: "12.8", 103: "12.9", 110: "13.0", 120: "12.8", 121: "12.9" };
/** The first driver for each major version of CUDA (Linux): https://docs.nvidia.com/cuda/cuda-toolkit-release-notes */
const firstDriver: Readonly<Record<number, number>> = { 12: 525, 13: 580 };

const installHint = `install NVIDIA's CUDA toolkit ${oldest} or newer (https://developer.nvidia.com/cuda-downloads), or set NVCC to its nvcc`;

/** Built for where there is no GPU to ask: Hopper, with its own instructions. */
export const defaultArchitecture = "sm_90a";

/** NVCC if it is set, else the PATH's, else that of CUDA_HOME, CUDA_PATH or /usr/local/cuda. Starts nothing. */
export function nvccPath(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const wanted = environment["NVCC"]?.trim();
  if (wanted) return which(wanted, environment);
  const homes = [environment["CUDA_HOME"], environment["CUDA_PATH"], "/usr/local/cuda"].filter((home) => home);
  return which("nvcc", environment) ?? homes.map((home) => which(join(home!, "bin/nvcc"))).find((path) => path !== undefined);
}

/** Errors: tool/missing; tool/old, also where it is too old for the architecture. */
export async function findNvcc(architecture = defaultArchitecture, environment: NodeJS.ProcessEnv = process.env): Promise<Nvcc> {
  const path = nvccPath(environment);
  const wanted = environment["NVCC"]?.trim();
  if (path === undefined)
    return fail("tool/missing", wanted ? `NVCC is "${wanted}", and no such program is found` : "nvcc, NVIDIA's compiler, is not found", {
      help: `${installHint}; --target cpu needs none`,
    });
  const { execa } = await import("execa");
  const { stdout } = await execa(path, ["--version"], {
    env: compilerEnvironment(environment),
    extendEnv: false,
    reject: false,
    stdin: "ignore",
    timeout: 60_000,
  });
  const text = String(stdout ?? "").match(/^.*\brelease (\d+\.\d+).*$/m);
  if (!text) return fail("tool/missing", `${path} does not answer --version as nvcc does`, { help: installHint });
  const nvcc = { path, version: text[1]!, text: text[0].trim() };
  const needed = firstFor[number(architecture)] ?? oldest;
  if (!atLeast(nvcc.version, needed))
    fail("tool/old", `nvcc is of CUDA ${nvcc.version} (${path}); mlac needs ${needed} or newer for ${architecture}`, {
      help: `${installHint}; --target cpu needs none`,
    });
  return nvcc;
}

/** Whether this driver runs what this nvcc makes. Errors: tool/driver. */
export function checkDriver({ version }: Nvcc, { driver, name }: Gpu): void {
  const needed = firstDriver[Number(version.split(".")[0])];
  if (needed === undefined || Number(driver.split(".")[0]) >= needed) return;
  fail("tool/driver", `the driver of the ${name} is ${driver}; what nvcc of CUDA ${version} makes needs ${needed} or newer`, {
    help: "install a newer driver, or set NVCC to the nvcc of an older CUDA toolkit; --target cpu needs no driver",
  });
}

/**
 * "sm_90a" of what a person writes: 90a, sm_90a, 9.0. Of a Hopper its own instructions are wanted, unless somebody writes sm_90,
 * which is what nvcc calls a Hopper without them: the portable kernels then run on it. Errors: use/arch.
 */
export function architectureOf(asked: string): string {
  const [, digits = ""] = /^(?:sm_|compute_)?(\d{2,3}|\d{1,2}\.\d)a?$/.exec(asked.trim()) ?? [];
  const plain = digits.replace(".", "");
  if (plain === "" || Number(plain) < 80)
    fail("use/arch", `"${asked}" is not an architecture that mlac builds for`, {
      help: "sm_80 (A100), sm_86, sm_89 (RTX 4090), sm_90a (H100, H200), sm_100 (B200), sm_120 …",
    });
  return plain === "90" && !/^(sm|compute)_90$/.test(asked.trim()) ? "sm_90a" : `sm_${plain}`;
}

const number = (architecture: string): string => architecture.replace(/\D/g, "");

/** What every .cu file is compiled with, for sm_90a or another; the Makefile's too. */
export function cudaFlags(architecture: string): readonly string[] {
  const virtual = architecture.replace("sm_", "compute_");
  return [
    // 177: an epilogue has a form for each family of products, of which a build uses one.
    ..."-std=c++17 -O3 --expt-relaxed-constexpr -diag-suppress 177".split(" "),
    "-gencode",
    `arch=${virtual},code=${architecture}`,
    ...(architecture === "sm_90a" ? ["-DMLAC_HOPPER"] : []),
    ..."-Xcompiler -fPIC,-fvisibility=hidden -cudart static -lineinfo".split(" "),
  ];
}

/** The runtime is linked into the library; cuBLASLt and NCCL are opened when they are needed. */
export const cudaLinkFlags: readonly string[] = "-shared -cudart static -Xcompiler -pthread -Xlinker -z,defs -ldl".split(" ");

/** nvcc with its host compiler, as the toolchain starts it. Errors: tool/missing (no C++ compiler). */
export async function cudaCompiler(nvcc: Nvcc, environment: NodeJS.ProcessEnv = process.env): Promise<Compiler> {
  const host = await findCompiler(environment);
  // `ccache g++`: nvcc takes one program.
  const program = host.command.length === 1 ? host.command[0]! : which(host.command.at(-1)!, environment);
  if (program === undefined)
    fail("tool/missing", `nvcc cannot use "${host.name}" as its host compiler`, { help: "set CXX to a C++ compiler alone" });
  return {
    command: [nvcc.path, "-ccbin", program],
    name: "nvcc",
    version: `${nvcc.text}; ${host.version}`,
    kind: "nvcc",
  };
}

/** The toolkit's folder of libraries, for those that are looked for there. */
export function toolkitLibraries(path: string): string[] {
  try {
    const home = dirname(dirname(realpathSync(path)));
    return ["lib64", `targets/${process.arch === "arm64" ? "sbsa" : "x86_64"}-linux/lib`].map((folder) => join(home, folder));
  } catch {
    return [];
  }
}

/** a ≥ b of versions like "12.4". */
function atLeast(a: string, b: string): boolean {
  const [major = 0, minor = 0] = a.split(".").map(Number);
  const [needed = 0, least = 0] = b.split(".").map(Number);
  return major > needed || (major === needed && minor >= least);
}
