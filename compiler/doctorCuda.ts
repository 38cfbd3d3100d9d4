/** What `mlac doctor` says of NVIDIA's parts: mlac does without any of them, on the processor. */
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { MlacError } from "./diagnostics.js";
import type { Check } from "./doctor.js";
import { which } from "./emit/compiler.js";
import { architectureOf, checkDriver, defaultArchitecture, findNvcc, type Nvcc, nvccPath, toolkitLibraries } from "./emit/nvcc.js";
import { findGpus, type Gpu, type Gpus, isUsable } from "./gpu.js";
import { binary } from "./memory.js";

export async function examineCuda(): Promise<Check[]> {
  const found = await findGpus();
  const [gpu] = found.gpus;
  const compiler = await nvccCheck(gpu);
  return [
    compiler.check,
    gpuCheck(found),
    driverCheck(gpu, compiler.nvcc),
    await libraryCheck("cuBLASLt", "libcublasLt.so", "one more candidate for plain matrix products, beside mlac's own", gpu),
    await libraryCheck("NCCL", "libnccl.so", "for training on several GPUs", gpu),
  ];
}

async function nvccCheck(gpu: Gpu | undefined): Promise<{ check: Check; nvcc?: Nvcc }> {
  const architecture = gpu?.capability !== undefined && isUsable(gpu) ? architectureOf(gpu.capability) : defaultArchitecture;
  try {
    const nvcc = await findNvcc(architecture);
    return { check: { name: "nvcc", state: "ok", found: `CUDA ${nvcc.version} (${nvcc.path}), builds for ${architecture}` }, nvcc };
  } catch (error) {
    if (!(error instanceof MlacError)) throw error;
    const found = `${error.message}; it builds the CUDA target`;
    return { check: absent("nvcc", found, error.diagnostics[0]?.help) };
  }
}

function gpuCheck({ gpus, reason }: Gpus): Check {
  const [gpu] = gpus;
  if (gpu === undefined) return absent("GPU", `${reason ?? "none"}; models train on the processor`);
  const found = gpus.map(({ name, capability, total, free }) => {
    const memory = total === undefined ? [] : [`${binary(total)}${free === undefined ? "" : `, ${binary(free)} free`}`];
    return [name, ...(capability === undefined ? [] : [`compute capability ${capability}`]), ...memory].join(", ");
  });
  return isUsable(gpu)
    ? { name: "GPU", state: "ok", found: found.join("; ") }
    : absent("GPU", found.join("; "), "mlac needs compute capability 8.0: Ampere or newer");
}

function driverCheck(gpu: Gpu | undefined, nvcc: Nvcc | undefined): Check {
  if (gpu === undefined) return absent("driver", "none that answers; it runs what nvcc built");
  try {
    if (nvcc) checkDriver(nvcc, gpu);
    return { name: "driver", state: "ok", found: gpu.driver };
  } catch (error) {
    if (!(error instanceof MlacError)) throw error;
    return absent("driver", error.message, error.diagnostics[0]?.help);
  }
}

async function libraryCheck(name: string, file: string, purpose: string, gpu: Gpu | undefined): Promise<Check> {
  const path = await findLibrary(file);
  if (path !== undefined) return { name, state: "ok", found: path };
  const remedy = "install the CUDA toolkit's libraries, or name their folder in LD_LIBRARY_PATH";
  return absent(name, `none is found (${file}); it is ${purpose}`, gpu ? remedy : undefined);
}

/** The path of a shared library, with or without a version behind its name: where the dynamic linker looks, in CUDA's folders, in Python's packages. */
export async function findLibrary(file: string, environment: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  const listed = (environment["LD_LIBRARY_PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const nvcc = nvccPath(environment);
  const homes = [environment["CUDA_HOME"], environment["CUDA_PATH"], "/usr/local/cuda"].filter((home) => home !== undefined && home !== "");
  return (
    inFolders(file, listed) ??
    (await cached(file)) ??
    inFolders(file, [...(nvcc === undefined ? [] : toolkitLibraries(nvcc)), ...homes.map((home) => join(home!, "lib64"))]) ??
    inFolders(file, pythonLibraries(environment))
  );
}

function inFolders(file: string, folders: readonly string[]): string | undefined {
  for (const folder of folders) {
    // The shortest name is the one without a version, or with the fewest numbers.
    const [name] = entries(folder)
      .filter((entry) => entry === file || entry.startsWith(`${file}.`))
      .sort((a, b) => a.length - b.length);
    if (name !== undefined) return join(folder, name);
  }
  return undefined;
}

/** The dynamic linker's own list. */
async function cached(file: string): Promise<string | undefined> {
  const program = which("ldconfig") ?? which("/sbin/ldconfig");
  if (program === undefined) return undefined;
  const { execa } = await import("execa");
  const { stdout } = await execa(program, ["-p"], { reject: false, stdin: "ignore", timeout: 20_000 });
  for (const line of String(stdout ?? "").split("\n")) {
    const [, name, path] = /^\s*(\S+) .*=> (.+)$/.exec(line) ?? [];
    if (name !== undefined && (name === file || name.startsWith(`${file}.`)) && path !== undefined && existsSync(path)) return path;
  }
  return undefined;
}

/** site-packages/nvidia/<library>/lib: what pip installs with PyTorch. */
function pythonLibraries(environment: NodeJS.ProcessEnv): string[] {
  const roots = [environment["VIRTUAL_ENV"], environment["CONDA_PREFIX"], join(homedir(), ".local"), "/usr/local", "/usr"];
  return roots
    .filter((root) => root !== undefined && root !== "")
    .flatMap((root) =>
      entries(join(root!, "lib"))
        .filter((name) => /^python3/.test(name))
        .map((name) => join(root!, "lib", name)),
    )
    .flatMap((python) => ["site-packages", "dist-packages"].map((kind) => join(python, kind, "nvidia")))
    .flatMap((nvidia) => entries(nvidia).map((name) => join(nvidia, name, "lib")));
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

const absent = (name: string, found: string, remedy?: string): Check => ({
  name,
  state: "absent",
  found,
  ...(remedy === undefined ? {} : { remedy }),
});
